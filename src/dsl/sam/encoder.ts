/** SAM's image encoder, a plain ViT with windows (segment_anything/modeling/image_encoder.py). */
import { repeat, sequential } from "../combinators.ts"
import { define, features, named } from "../define.ts"
import { add, rearrange, relPosAttention, unwindows, windows } from "../functions.ts"
import { conv2d } from "../layers/convolution.ts"
import { linear } from "../layers/linear.ts"
import { layerNorm, layerNorm2d } from "../layers/norm.ts"
import { gelu } from "../layers/pointwise.ts"
import { parameter } from "../layers/raw.ts"
import { timesRatio } from "../ratio.ts"
import { gridOf, type SamConfig } from "./config.ts"

const eps = 1e-6

/** Two linear layers with GELU between; tensors lin1 and lin2, as upstream's MLPBlock. */
export const mlpBlock = <const W extends number>(width: W, hidden: number, activation = gelu) =>
  define(
    "MLPBlock",
    { lin1: linear(width, hidden), lin2: linear(hidden, width), act: activation },
    features(width),
    (m, x) => m.lin2(m.act(m.lin1(x))),
  )

/** Attention over a square grid of `side` × `side` tokens, with decomposed relative positions: [b, h, w, c] → the same. */
export const gridAttention = <const W extends number>(width: W, heads: number, side: number) => {
  const table = () => parameter([2 * side - 1, width / heads])
  return define(
    "Attention",
    { rel_pos_h: table(), rel_pos_w: table(), qkv: linear(width, 3 * width), proj: linear(width, width) },
    features(width),
    (m, x) => m.proj(relPosAttention(m.qkv(x), m.rel_pos_h, m.rel_pos_w, heads)),
  )
}

/** One transformer block on [b, h, w, c]: windows are cut after norm1 and put together again before the residual connection. */
export const block = <const W extends number>(
  width: W,
  heads: number,
  hidden: number,
  grid: number,
  windowSize: number,
) =>
  define(
    "Block",
    {
      norm1: layerNorm(width, { eps }),
      attn: gridAttention(width, heads, windowSize === 0 ? grid : windowSize),
      norm2: layerNorm(width, { eps }),
      mlp: mlpBlock(width, hidden),
    },
    features(width),
    (block, x) => {
      const n1 = named("n1", block.norm1(x))
      const attended =
        windowSize === 0 ? block.attn(n1) : unwindows(block.attn(windows(n1, windowSize)), windowSize, n1)
      const x1 = named("x1", add(x, named("a", attended)))
      const n2 = named("n2", block.norm2(x1))
      return named("out", add(x1, named("m", block.mlp(n2))))
    },
  )

/** To the channels of the image embedding: 1 × 1, then 3 × 3. */
export const neck = (width: number, channels: number) =>
  sequential(
    conv2d(width, channels, 1, { bias: false }),
    layerNorm2d(channels),
    conv2d(channels, channels, 3, { padding: 1, bias: false }),
    layerNorm2d(channels),
  )

export const patchEmbed = <const W extends number>(width: W, patch: number) =>
  define("PatchEmbed", { proj: conv2d(3, width, patch, { stride: patch }) }, features(3), (m, x) =>
    rearrange<W>(m.proj(x), "b c h w -> b h w c"),
  )

/** Image [b, 3, size, size], normalised → embedding [b, outChannels, grid, grid]. */
export const imageEncoder = <const Depth extends number, const W extends number>(config: SamConfig<Depth, W>) => {
  const { width, depth, heads, windowSize, globalBlocks, mlpRatio, outChannels, patchSize } = config
  const grid = gridOf(config)
  const ofKind = (window: number) => block(width, heads, timesRatio(width, mlpRatio), grid, window)
  // Blocks of one kind are the same data; the tree names them apart.
  const windowed = ofKind(windowSize)
  const global = ofKind(0)
  return define(
    "ImageEncoderViT",
    {
      pos_embed: parameter([1, grid, grid, width]),
      patch_embed: patchEmbed(width, patchSize),
      blocks: repeat(depth, (i) => (globalBlocks.includes(i - 1) ? global : windowed)),
      neck: neck(width, outChannels),
    },
    features(3),
    (m, x) => m.neck(rearrange(m.blocks(add(m.patch_embed(x), m.pos_embed)), "b h w c -> b c h w")),
  )
}
