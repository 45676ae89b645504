/**
 * Swin-Unet (Cao et al. 2022) as HuCaoFighting/Swin-Unet, swin_tiny_patch4_window7_224_lite: a U of transformer blocks in shifted windows.
 *
 *     hasam-compile examples/systems/swin-unet
 *
 * Upstream ignores its configuration's depths of the decoder: it mirrors the encoder, and so does this.
 */
import {
  conv2d,
  define,
  expectTotal,
  features,
  forward,
  identity,
  type Layer,
  layerNorm,
  linear,
  model,
  type Pair,
  patchExpand,
  patchMerging,
  pipe,
  pixels,
  swinBlock,
  unitRange,
  type Value,
} from "hasam"
import { nth, upTo } from "../lists.ts"
import { synapse } from "../synapse.ts"

const { concat, rearrange } = forward

/** Patches of 4 × 4 pixels, as tokens. */
const patchEmbed = (channels: number, width: number) =>
  define(
    "PatchEmbed",
    { proj: conv2d(channels, width, 4, { stride: 4 }), norm: layerNorm(width) },
    features(channels),
    (m, x) => m.norm(rearrange(m.proj(x), "b c h w -> b (h w) c")),
  )

type Tokens = Layer<number, number>
/** Blocks, and after them fewer tokens that are wider. */
const down = (width: number, blocks: readonly Tokens[], downsample?: Tokens): Tokens =>
  downsample === undefined
    ? define("BasicLayer", { blocks }, features(width), (m, x) => m.blocks.reduce((y, block) => block(y), x))
    : define("BasicLayer", { blocks, downsample }, features(width), (m, x) =>
        m.downsample(m.blocks.reduce((y, block) => block(y), x)),
      )
/** Blocks, and after them more tokens that are narrower. */
const up = (width: number, blocks: readonly Tokens[], upsample?: Tokens): Tokens =>
  upsample === undefined
    ? define("BasicLayer_up", { blocks }, features(width), (m, x) => m.blocks.reduce((y, block) => block(y), x))
    : define("BasicLayer_up", { blocks, upsample }, features(width), (m, x) =>
        m.upsample(m.blocks.reduce((y, block) => block(y), x)),
      )

export interface Config {
  readonly imgSize?: number | Pair
  readonly inChans?: number
  readonly numClasses: number
  readonly embedDim?: number
  readonly depths?: readonly number[]
  readonly numHeads?: readonly number[]
  readonly windowSize?: number
  readonly mlpRatio?: number
  readonly qkvBias?: boolean
  /** Of the last block; shallower ones have less, evenly. */
  readonly dropPathRate?: number
}
interface Encoded {
  readonly x: Value<number>
  /** What went into each stage, the last one first. */
  readonly skips: readonly Value<number>[]
}

const swinTransformerSys = ({
  imgSize = 224,
  inChans = 3,
  numClasses,
  embedDim = 96,
  depths = [2, 2, 2, 2],
  numHeads = [3, 6, 12, 24],
  windowSize = 7,
  mlpRatio = 4,
  qkvBias = true,
  dropPathRate = 0.1,
}: Config) => {
  const [height, width]: Pair = typeof imgSize === "number" ? [imgSize, imgSize] : imgSize
  const last = depths.length - 1
  const total = depths.reduce((n, depth) => n + depth, 0)
  const stages = depths.map((depth, i) => {
    const dim = embedDim * 2 ** i
    const grid: Pair = [height / 4 / 2 ** i, width / 4 / 2 ** i]
    const first = depths.slice(0, i).reduce((n, before) => n + before, 0)
    const blocks = upTo(depth).map((k) =>
      swinBlock(dim, nth(numHeads, i), grid, windowSize, {
        ...{ shifted: k % 2 === 1, mlpRatio, qkvBias },
        dropPath: (dropPathRate * (first + k)) / Math.max(1, total - 1),
      }),
    )
    return { dim, grid, blocks }
  })
  const deepest = nth(stages, last)
  const backwards = stages.slice(0, last).toReversed()
  const expanding = ({ dim, grid }: { readonly dim: number; readonly grid: Pair }) => patchExpand(dim, dim / 2, grid)
  return define(
    "SwinTransformerSys",
    {
      patch_embed: patchEmbed(inChans, embedDim),
      layers: stages.map(({ dim, grid, blocks }, i) =>
        down(dim, blocks, i < last ? patchMerging(dim, grid) : undefined),
      ),
      layers_up: [
        expanding(deepest),
        ...backwards.map((stage, j) => up(stage.dim, stage.blocks, j < last - 1 ? expanding(stage) : undefined)),
      ],
      concat_back_dim: [identity, ...backwards.map(({ dim }) => linear(2 * dim, dim))],
      norm: layerNorm(deepest.dim),
      norm_up: layerNorm(embedDim),
      up: patchExpand(embedDim, embedDim, [height / 4, width / 4], { by: 4, name: "FinalPatchExpand_X4" }),
      output: conv2d(embedDim, numClasses, 1, { bias: false }),
    },
    features(inChans),
    (m, image) => {
      const start: Encoded = { x: m.patch_embed(image), skips: [] }
      const { x, skips } = m.layers.reduce(({ x, skips }, layer) => ({ x: layer(x), skips: [x, ...skips] }), start)
      const [expand, ...ups] = m.layers_up
      const [, ...joins] = m.concat_back_dim
      const [, ...beside] = skips
      const decoded = ups.reduce(
        (y, layer, j) => layer(nth(joins, j)(concat([y, nth(beside, j)], 2))),
        expand(m.norm(x)),
      )
      return m.output(rearrange(m.up(m.norm_up(decoded)), "b (h w) c -> b c h w", { h: height }))
    },
  )
}

/** image [b, inChans, h, w] → masks [b, numClasses, h, w], logits. */
export const network = (config: Config) =>
  define(
    "SwinUnet",
    { swin_unet: swinTransformerSys(config) },
    { image: features(config.inChans ?? 3) },
    (m, { image }) => ({
      masks: m.swin_unet(image),
    }),
  )

/** The paper's row: 224 × 224 pixels, nine classes. */
export const swinUnet = pipe(
  model(network({ numClasses: 9, dropPathRate: 0.2 }), {
    name: "Swin-Unet",
    takes: { image: pixels({ size: 224, ...unitRange }) },
    teaches: { masks: synapse },
  }),
  expectTotal(27_168_900),
)
