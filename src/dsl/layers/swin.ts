/**
 * Attention in shifted windows, and the grids of tokens around it (Liu et al. 2021, Swin; Cao et al. 2022, Swin-Unet). Tokens are
 * [batch, height · width, features]. Names are those of Swin's state dict.
 */
import { define, features, ifGiven, type Members, optional } from "../define.ts"
import {
  add,
  gather,
  matmul,
  rearrange,
  roll,
  scale,
  shiftedWindows,
  signedDistances,
  slice,
  softmax,
  unwindows,
  windows as windowsOf,
} from "../functions.ts"
import type { Layer, Pair, Pointwise } from "../layer.ts"
import { timesRatio } from "../ratio.ts"
import type { Value } from "../value.ts"
import { linear } from "./linear.ts"
import { layerNorm } from "./norm.ts"
import { dropPath, gelu } from "./pointwise.ts"
import { buffer, parameter } from "./raw.ts"

export interface WindowAttentionOptions {
  /** Default: true. */
  readonly qkvBias?: boolean
  /** Windows in an image: needed where a mask is given. */
  readonly windows?: number
}
/**
 * x [b · windows, size², d] → the same: softmax(q kᵀ / √d + bias) v within each window, head by head. The bias has a number for each head and signed
 * distance; `mask` [windows, size², size²] is added to the logits.
 */
export const windowAttention = (
  d: number,
  heads: number,
  size: number,
  { qkvBias = true, windows = 1 }: WindowAttentionOptions = {},
) => {
  const pairs = signedDistances([size, size])
  return define(
    "WindowAttention",
    {
      relative_position_bias_table: parameter([(2 * size - 1) ** 2, heads], { normal: 0.02 }),
      relative_position_index: buffer([size ** 2, size ** 2], pairs),
      qkv: linear(d, 3 * d, { bias: qkvBias }),
      proj: linear(d, d),
    },
    { x: features(d), mask: optional<number>(size ** 2) },
    (m, { x, mask }) => {
      const qkv = m.qkv(x)
      const part = (i: number) =>
        rearrange(slice(qkv, 2, i * d, (i + 1) * d), "b n (heads c) -> b heads n c", { heads })
      const [q, k, v] = [part(0), part(1), part(2)]
      const bias = gather(m.relative_position_bias_table, pairs)
      const scores = add(
        matmul(scale(q, (d / heads) ** -0.5), rearrange(k, "b heads n c -> b heads c n")),
        rearrange(bias, "(q k) heads -> 1 heads q k", { q: size ** 2 }),
      )
      const apart = ifGiven(
        mask,
        (given) => {
          const images = rearrange(scores, "(b w) heads q k -> b w heads q k", { w: windows })
          return rearrange(add(images, rearrange(given, "w q k -> 1 w 1 q k")), "b w heads q k -> (b w) heads q k")
        },
        () => scores,
      )
      return m.proj(rearrange(matmul(softmax(apart), v), "b heads n c -> b n (heads c)"))
    },
  )
}

/** Two linear layers with GELU between; tensors fc1 and fc2, as timm's Mlp. */
export const mlp = (width: number, hidden: number, act: Pointwise = gelu) =>
  define("Mlp", { fc1: linear(width, hidden), act, fc2: linear(hidden, width) }, features(width), (m, x) =>
    m.fc2(m.act(m.fc1(x))),
  )

export interface SwinBlockOptions {
  /** Moved by half a window before it is cut. */
  readonly shifted?: boolean
  readonly mlpRatio?: number
  readonly qkvBias?: boolean
  /** Probability with which training leaves a branch out. */
  readonly dropPath?: number
  /** In place of two linear layers with GELU between. */
  readonly mlp?: Layer<number, number>
}
/**
 * One block on tokens [b, height · width, width]. A window that covers the grid is the grid, and is not shifted. Sides must be multiples of the window.
 */
export const swinBlock = (
  width: number,
  heads: number,
  [height, columns]: Pair,
  window: number,
  options: SwinBlockOptions = {},
): Layer<number, number> => {
  const { shifted = false, mlpRatio = 4, qkvBias = true, mlp: feed = mlp(width, timesRatio(width, mlpRatio)) } = options
  const side = Math.min(height, columns)
  const size = Math.min(window, side)
  const shift = shifted && side > window ? Math.floor(window / 2) : 0
  const windows = (height / size) * (columns / size)
  const body = {
    norm1: layerNorm(width),
    attn: windowAttention(width, heads, size, { qkvBias, windows }),
    drop_path: dropPath(options.dropPath ?? 0),
    norm2: layerNorm(width),
    mlp: feed,
  }
  const moved = (grid: Value<number>, by: number) => (by === 0 ? grid : roll(roll(grid, 1, by), 2, by))
  const run = (m: Members<typeof body>, x: Value<number>, mask?: Value<number>) => {
    const grid = moved(rearrange(m.norm1(x), "b (h w) c -> b h w c", { h: height }), -shift)
    const attended = m.attn({ x: rearrange(windowsOf(grid, size), "b h w c -> b (h w) c"), mask })
    const back = unwindows(rearrange(attended, "b (h w) c -> b h w c", { h: size }), size, grid)
    const y = add(x, m.drop_path(rearrange(moved(back, shift), "b h w c -> b (h w) c")))
    return add(y, m.drop_path(m.mlp(m.norm2(y))))
  }
  if (shift === 0) return define("SwinTransformerBlock", body, features(width), (m, x) => run(m, x))
  const mask = buffer([windows, size ** 2, size ** 2], shiftedWindows([height, columns], size, shift))
  return define("SwinTransformerBlock", { ...body, attn_mask: mask }, features(width), (m, x) => run(m, x, m.attn_mask))
}

/** Four neighbours beside one another, rows before columns, and half of that: [b, h · w, width] → [b, h/2 · w/2, 2 · width]. */
export const patchMerging = (width: number, [height]: Pair) =>
  define(
    "PatchMerging",
    { reduction: linear(4 * width, 2 * width, { bias: false }), norm: layerNorm(4 * width) },
    features(width),
    (m, x) => m.reduction(m.norm(rearrange(x, "b (h p w q) c -> b (h w) (q p c)", { h: height / 2, p: 2, q: 2 }))),
  )

/** Each token becomes by × by of them, `gives` features wide: [b, h · w, width] → [b, by·h · by·w, gives]. */
export const patchExpand = (
  width: number,
  gives: number,
  [height]: Pair,
  { by = 2, name = "PatchExpand" }: { readonly by?: number; readonly name?: string } = {},
) =>
  define(
    name,
    { expand: linear(width, by * by * gives, { bias: false }), norm: layerNorm(gives) },
    features(width),
    (m, x) => m.norm(rearrange(m.expand(x), "b (h w) (p q c) -> b (h p w q) c", { h: height, p: by, q: by })),
  )
