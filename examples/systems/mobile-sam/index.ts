/**
 * MobileSAM (Zhang et al. 2023) as ChaoningZhang/MobileSAM, vit_t: SAM's prompt encoder and mask decoder on a TinyViT of 6 M parameters, whose weights
 * are 40 MB. Beyond the paper's table: it makes the browser practical.
 *
 *     hasam-compile examples/systems/mobile-sam
 */
import {
  batchNorm2d,
  chain,
  conv2d,
  define,
  dropPath,
  expectTotal,
  features,
  forward,
  gelu,
  type Layer,
  layerNorm,
  linear,
  masks,
  model,
  parameter,
  pipe,
  type SamConfig,
  samNeck,
  samNetwork,
  samParts,
  samTakes,
  sequential,
  type Value,
} from "hasam"
import { nth, upTo } from "../lists.ts"
import { vitB } from "../sam/index.ts"

const { add, distances, gather, matmul, rearrange, scale, slice, softmax, unwindows, windows } = forward

const tokensOf = (image: Value<number>) => rearrange<number>(image, "b c h w -> b (h w) c")
const imageOf = (tokens: Value<number>, side: number) => rearrange<number>(tokens, "b (h w) c -> b c h w", { h: side })

/** A convolution without bias, and a batch norm. */
const convBn = (takes: number, gives: number, kernel: number, { stride = 1, groups = 1 } = {}): Layer<number, number> =>
  chain({
    c: conv2d(takes, gives, kernel, { stride, padding: (kernel - 1) / 2, groups, bias: false }),
    bn: batchNorm2d(gives),
  })

/** A quarter of the resolution. */
const patchEmbed = (width: number) =>
  define(
    "PatchEmbed",
    { seq: sequential(convBn(3, width / 2, 3, { stride: 2 }), gelu, convBn(width / 2, width, 3, { stride: 2 })) },
    features(3),
    (m, x) => m.seq(x),
  )
/** Wider, a convolution a channel, narrower, on a residual connection. */
const mbConv = (width: number, hidden: number, p: number) =>
  define(
    "MBConv",
    {
      conv1: convBn(width, hidden, 1),
      act1: gelu,
      conv2: convBn(hidden, hidden, 3, { groups: hidden }),
      act2: gelu,
      conv3: convBn(hidden, width, 1),
      act3: gelu,
      drop_path: dropPath(p),
    },
    features(width),
    (m, x) => m.act3(add(m.drop_path(m.conv3(m.act2(m.conv2(m.act1(m.conv1(x)))))), x)),
  )
/** An image → tokens, `stride` times fewer along each side. */
const patchMerging = (takes: number, gives: number, stride: number): Layer<number, number> =>
  define(
    "PatchMerging",
    {
      act: gelu,
      conv1: convBn(takes, gives, 1),
      conv2: convBn(gives, gives, 3, { stride, groups: gives }),
      conv3: convBn(gives, gives, 1),
    },
    features(takes),
    (m, x) => tokensOf(m.conv3(m.act(m.conv2(m.act(m.conv1(x)))))),
  )

/** Attention within a window, with a bias for each head and distance. Queries, keys and values of a head stand together in qkv. */
const attention = (width: number, heads: number, window: number) => {
  const d = width / heads
  return define(
    "Attention",
    {
      attention_biases: parameter([heads, window ** 2]),
      norm: layerNorm(width),
      qkv: linear(width, 3 * width),
      proj: linear(width, width),
    },
    features(width),
    (m, x) => {
      const qkv = rearrange(m.qkv(m.norm(x)), "b n (heads c) -> b heads n c", { heads })
      const [q, k, v] = [slice(qkv, 3, 0, d), slice(qkv, 3, d, 2 * d), slice(qkv, 3, 2 * d, 3 * d)]
      const bias = gather(rearrange(m.attention_biases, "heads n -> n heads"), distances([window, window]))
      const scores = add(
        scale(matmul(q, rearrange(k, "b heads n c -> b heads c n")), d ** -0.5),
        rearrange(bias, "(q k) heads -> 1 heads q k", { q: window ** 2 }),
      )
      return m.proj(rearrange<number>(matmul(softmax(scores), v), "b heads n c -> b n (heads c)"))
    },
  )
}
const mlp = (width: number, hidden: number) =>
  define(
    "Mlp",
    { norm: layerNorm(width), fc1: linear(width, hidden), fc2: linear(hidden, width), act: gelu },
    features(width),
    (m, x) => m.fc2(m.act(m.fc1(m.norm(x)))),
  )

interface Tokens {
  readonly width: number
  readonly heads: number
  /** Tokens along a side. */
  readonly side: number
  readonly window: number
}
/** Attention in windows, whose padding takes part; a convolution a channel, on no residual connection; an MLP. */
const tinyViTBlock = (
  { width, heads, side, window }: Tokens,
  { mlpRatio, localConvSize }: { readonly mlpRatio: number; readonly localConvSize: number },
  p: number,
) =>
  define(
    "TinyViTBlock",
    {
      drop_path: dropPath(p),
      attn: attention(width, heads, window),
      mlp: mlp(width, width * mlpRatio),
      local_conv: convBn(width, width, localConvSize, { groups: width }),
    },
    features(width),
    (m, x) => {
      const grid = rearrange<number>(x, "b (h w) c -> b h w c", { h: side })
      const attended = m.attn(rearrange<number>(windows(grid, window), "b h w c -> b (h w) c"))
      const whole = unwindows(rearrange<number>(attended, "b (h w) c -> b h w c", { h: window }), window, grid)
      const y = add(x, m.drop_path(rearrange<number>(whole, "b h w c -> b (h w) c")))
      const z = tokensOf(m.local_conv(imageOf(y, side)))
      return add(z, m.drop_path(m.mlp(z)))
    },
  )

/** Convolutions, then tokens. */
const convLayer = (width: number, blocks: readonly Layer<number, number>[], downsample: Layer<number, number>) =>
  define("ConvLayer", { blocks, downsample }, features(width), (m, x) =>
    m.downsample(m.blocks.reduce((y, block) => block(y), x)),
  )
/** Blocks; but for the last stage, wider tokens after them. */
const basicLayer = (
  { width, side }: Tokens,
  blocks: readonly Layer<number, number>[],
  downsample?: Layer<number, number>,
): Layer<number, number> =>
  downsample === undefined
    ? define("BasicLayer", { blocks }, features(width), (m, x) => m.blocks.reduce((y, block) => block(y), x))
    : define("BasicLayer", { blocks, downsample }, features(width), (m, x) =>
        m.downsample(
          imageOf(
            m.blocks.reduce((y, block) => block(y), x),
            side,
          ),
        ),
      )

export interface TinyViTConfig {
  readonly embedDims: readonly number[]
  readonly depths: readonly number[]
  readonly numHeads: readonly number[]
  readonly windowSizes: readonly number[]
  readonly mlpRatio?: number
  readonly dropPathRate?: number
  readonly mbconvExpandRatio?: number
  readonly localConvSize?: number
  /** Of the head that ImageNet has trained; SAM does not use it. */
  readonly numClasses?: number
}

/** Image [b, 3, imageSize, imageSize] → embedding [b, outChannels, imageSize / 16, imageSize / 16]. */
export const tinyViT = (
  { imageSize, outChannels }: Pick<SamConfig, "imageSize" | "outChannels">,
  {
    embedDims,
    depths,
    numHeads,
    windowSizes,
    mlpRatio = 4,
    dropPathRate = 0,
    mbconvExpandRatio = 4,
    localConvSize = 3,
    numClasses = 1000,
  }: TinyViTConfig,
) => {
  const last = depths.length - 1
  const width = nth(embedDims, last)
  const total = depths.reduce((n, depth) => n + depth, 0)
  const dropOf = (i: number, k: number) =>
    (dropPathRate * (depths.slice(0, i).reduce((n, depth) => n + depth, 0) + k)) / Math.max(1, total - 1)
  // The last merging keeps the resolution: SAM's decoder wants 16 pixels a token.
  const merging = (i: number) => patchMerging(nth(embedDims, i), nth(embedDims, i + 1), i === last - 1 ? 1 : 2)
  const layers = depths.map((depth, i) => {
    const dim = nth(embedDims, i)
    if (i === 0)
      return convLayer(
        dim,
        upTo(depth).map((k) => mbConv(dim, dim * mbconvExpandRatio, dropOf(0, k))),
        merging(0),
      )
    const tokens = {
      width: dim,
      heads: nth(numHeads, i),
      side: imageSize / 4 / 2 ** Math.min(i, last - 1),
      window: nth(windowSizes, i),
    }
    const blocks = upTo(depth).map((k) => tinyViTBlock(tokens, { mlpRatio, localConvSize }, dropOf(i, k)))
    return basicLayer(tokens, blocks, i < last ? merging(i) : undefined)
  })
  return define(
    "TinyViT",
    {
      patch_embed: patchEmbed(nth(embedDims, 0)),
      layers,
      norm_head: layerNorm(width),
      head: linear(width, numClasses),
      neck: samNeck(width, outChannels),
    },
    features(3),
    (m, image) => {
      const tokens = m.layers.reduce((x, layer) => layer(x), m.patch_embed(image))
      return m.neck(imageOf(tokens, imageSize / 16))
    },
  )
}

/** Inputs and outputs are SAM's. */
export const network = (config: SamConfig, encoder: TinyViTConfig) => samNetwork(config, tinyViT(config, encoder))
export const vitT: TinyViTConfig = {
  embedDims: [64, 128, 160, 320],
  depths: [2, 2, 6, 2],
  numHeads: [2, 4, 5, 10],
  windowSizes: [7, 7, 14, 7],
}

/** A SAM with a TinyViT. Blocks of all stages can be adapted: their width is the stage's. */
export const tinySam = (name: string, config: SamConfig, encoder: TinyViTConfig) =>
  model(network(config, encoder), {
    name,
    takes: samTakes(config),
    teaches: { masks: masks() },
    keeps: ["image_embedding"],
    blocks: encoder.depths.flatMap((_, i) => (i === 0 ? [] : [`image_encoder.layers.${i}.blocks`])),
    parts: samParts,
  })
export const mobileSam = pipe(tinySam("MobileSAM", vitB, vitT), expectTotal(10_130_092))
