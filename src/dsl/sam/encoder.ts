/** SAM's image encoder, a plain ViT with windows (segment_anything/modeling/image_encoder.py). */
import { sequential } from "../combinators.ts"
import { type Callable, define, named } from "../define.ts"
import { add, rearrange, relPosAttention, unwindows, windows } from "../functions.ts"
import type { Layer } from "../layer.ts"
import { conv2d } from "../layers/convolution.ts"
import { linear } from "../layers/linear.ts"
import { layerNorm, layerNorm2d } from "../layers/norm.ts"
import { gelu } from "../layers/pointwise.ts"
import { parameter } from "../layers/raw.ts"
import { gridOf, type SamConfig } from "./config.ts"

const eps = 1e-6

const x = { inputs: ["x"] }

/** Two linear layers with GELU between; tensors lin1 and lin2, as upstream's MLPBlock. */
export const mlpBlock = (width: number, hidden: number, activation = gelu): Layer<number, number> =>
  define(
    "MLPBlock",
    { lin1: linear(width, hidden), lin2: linear(hidden, width), act: activation },
    { takes: width, gives: width, ...x },
    (m, { x }) => ({ out: m.lin2(m.act(m.lin1(x!))) }),
  )

/** Attention over a square grid of `side` × `side` tokens, with decomposed relative positions: [b, h, w, c] → the same. */
const gridAttention = (width: number, heads: number, side: number): Layer<number, number> => {
  const table = parameter([2 * side - 1, width / heads])
  return define(
    "Attention",
    { rel_pos_h: table, rel_pos_w: { ...table }, qkv: linear(width, 3 * width), proj: linear(width, width) },
    { takes: width, gives: width, ...x },
    (m, { x }) => ({ out: m.proj(relPosAttention(m.qkv(x!), m.rel_pos_h, m.rel_pos_w, heads)) }),
  )
}

/**
 * One transformer block on [b, h, w, c]. The names n1, a, x1, n2, m are the sites of placements:
 * windows are cut after norm1 and put together again before the residual connection.
 */
export const block = (
  width: number,
  heads: number,
  hidden: number,
  grid: number,
  windowSize: number,
): Layer<number, number> =>
  define(
    "Block",
    {
      norm1: layerNorm(width, { eps }),
      attn: gridAttention(width, heads, windowSize === 0 ? grid : windowSize),
      norm2: layerNorm(width, { eps }),
      mlp: mlpBlock(width, hidden),
    },
    { takes: width, gives: width, ...x },
    (block, { x }) => {
      const n1 = named("n1", block.norm1(x!))
      const attend = windowSize === 0 ? block.attn : inWindows(block.attn, windowSize)
      const a = named("a", attend(n1))
      const x1 = named("x1", add(x!, a))
      const n2 = named("n2", block.norm2(x1))
      const m = named("m", block.mlp(n2))
      return { out: named("out", add(x1, m)) }
    },
  )

const inWindows =
  (layer: Callable, size: number): Callable =>
  (...[grid]) =>
    unwindows(layer(windows(grid!, size)), size, grid!)

const patchEmbed = (width: number, patch: number): Layer<3, number> =>
  define(
    "PatchEmbed",
    { proj: conv2d(3, width, patch, { stride: patch }) },
    { takes: 3, gives: width, ...x },
    (m, { x }) => ({ out: rearrange(m.proj(x!), "b c h w -> b h w c") }),
  )

/** Image [b, 3, size, size], normalised → embedding [b, outChannels, grid, grid]. */
export const imageEncoder = (config: SamConfig): Layer<3, number> => {
  const { width, depth, heads, windowSize, globalBlocks, mlpRatio, outChannels, patchSize } = config
  const grid = gridOf(config)
  const ofKind = (window: number) => block(width, heads, width * mlpRatio, grid, window)
  // Blocks of one kind are the same data; the tree names them apart.
  const windowed = ofKind(windowSize)
  const global = ofKind(0)
  return define(
    "ImageEncoderViT",
    {
      pos_embed: parameter([1, grid, grid, width]),
      patch_embed: patchEmbed(width, patchSize),
      blocks: sequential(
        ...(Array.from({ length: depth }, (_, i) => (globalBlocks.includes(i) ? global : windowed)) as any),
      ) as Layer<number, number>,
      neck: sequential(
        conv2d(width, outChannels, 1, { bias: false }),
        layerNorm2d(outChannels),
        conv2d(outChannels, outChannels, 3, { padding: 1, bias: false }),
        layerNorm2d(outChannels),
      ) as Layer<number, number>,
    },
    { takes: 3, gives: outChannels, ...x },
    (m, { x }) => {
      const tokens = m.blocks(add(m.patch_embed(x!), m.pos_embed))
      return { out: m.neck(rearrange(tokens, "b h w c -> b c h w")) }
    },
  )
}
