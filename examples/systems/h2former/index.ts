/**
 * H2Former (He et al. 2023) as NKUhealong/H2Former, res34_swin_MS: at each stage of a ResNet-34, two transformer blocks in shifted windows, and what several
 * sizes of convolutions saw beside it.
 *
 *     hasam-compile examples/systems/h2former
 *
 * The paper's count is that of three input channels; the published code has four.
 */
import {
  batchNorm2d,
  classes,
  conv1d,
  conv2d,
  convTranspose2d,
  define,
  expectTotal,
  features,
  forward,
  gelu,
  globalAveragePool,
  type Layer,
  layerNorm,
  linear,
  maxPool2d,
  model,
  pipe,
  pixels,
  relu,
  sequential,
  sigmoid,
  swinBlock,
  unitRange,
  upsample,
  type Value,
} from "hasam"
import { basicBlock } from "../../localizer/index.ts"
import { nth, upTo } from "../lists.ts"

const { add, concat, mul, rearrange } = forward

const tokensOf = (image: Value<number>) => rearrange<number>(image, "b c h w -> b (h w) c")
const imageOf = (tokens: Value<number>, side: number) => rearrange<number>(tokens, "b (h w) c -> b c h w", { h: side })

/** x + x · σ(a convolution over the channels' means): efficient channel attention, with x added. */
const eca = (width: number) =>
  define(
    "eca_layer",
    { avg_pool: globalAveragePool, conv: conv1d(1, 1, 3, { padding: 1, bias: false }), sigmoid },
    features(width),
    (m, x) => {
      const means = rearrange<1>(m.avg_pool(x), "b c -> b 1 c")
      return add(mul(x, rearrange(m.sigmoid(m.conv(means)), "b 1 c -> b c 1 1")), x)
    },
  )
const mlp = (width: number, hidden: number, side: number) =>
  define(
    "Mlp",
    { fc1: linear(width, hidden), act: gelu, fc2: linear(hidden, width), eca: eca(width) },
    features(width),
    (m, x) => {
      // Upstream views tokens [b, n, c] as an image [b, c, h, w] without a transposition: values change places, and so they do here.
      const flat = rearrange(m.fc2(m.act(m.fc1(x))), "b n c -> b (n c)")
      return tokensOf(m.eca(rearrange<number>(flat, "b (c h w) -> b c h w", { c: width, h: side })))
    },
  )

/** Convolutions of these sizes at half the resolution, their channels beside one another: the larger, the fewer. */
const patchEmbed = (channels: number, width: number) => {
  const sizes = [2, 4, 8, 16]
  const share = (i: number) => width / 2 ** Math.min(i + 1, sizes.length - 1)
  return define(
    "PatchEmbed",
    {
      eca: eca(width),
      projs: sizes.map((size, i) => conv2d(channels, share(i), size, { stride: 2, padding: (size - 2) / 2 })),
      norm: layerNorm(width),
    },
    features(channels),
    (m, x) => {
      const seen = concat(
        m.projs.map((proj) => proj(x)),
        1,
      )
      return m.norm(tokensOf(m.eca(seen)))
    },
  )
}
/** Tokens → an image at half the resolution, twice as wide. */
const patchMerging = (width: number, side: number) =>
  define(
    "PatchMerging",
    {
      reductions: [2, 4].map((size) => sequential(conv2d(width, width, size, { stride: 2, padding: (size - 2) / 2 }))),
      norm: layerNorm(width),
      eca: eca(2 * width),
    },
    features(width),
    (m, x) => {
      const image = imageOf(m.norm(x), side)
      return m.eca(
        concat(
          m.reductions.map((reduction) => reduction(image)),
          1,
        ),
      )
    },
  )

const stage = (blocks: number, takes: number, gives: number): Layer<number, number> =>
  sequential<readonly Layer<number, number>[]>(
    ...upTo(blocks).map((i) => (i === 0 ? basicBlock(takes, gives) : basicBlock(gives, gives))),
  )

const basicLayer = (width: number, blocks: readonly Layer<number, number>[]) =>
  define("BasicLayer", { blocks }, features(width), (m, x) => m.blocks.reduce((y, block) => block(y), x))

const decoder = (takes: number, gives: number) =>
  define(
    "Decoder",
    {
      up: convTranspose2d(takes, gives, 2, { stride: 2 }),
      conv_bn_relu: sequential(conv2d(2 * gives, gives, 3, { padding: 1 }), batchNorm2d(gives), relu),
    },
    { x: features(takes), skip: features(gives) },
    (m, { x, skip }) => m.conv_bn_relu(concat([m.up(x), skip], 1)),
  )

export interface Config {
  readonly imageSize: number
  /** Blocks in each stage of the ResNet. */
  readonly layers?: readonly number[]
  readonly numClasses: number
  /** Upstream has 4. */
  readonly inChans?: number
  /** Upstream has 64. */
  readonly width?: number
  readonly dropPathRate?: number
}

/** image [b, inChans, imageSize, imageSize] → masks [b, numClasses, imageSize, imageSize], logits. */
export const network = (config: Config) => {
  const { imageSize, layers = [3, 4, 6, 3], numClasses, inChans = 3, width: w = 64, dropPathRate = 0.1 } = config
  const side = (i: number) => imageSize / 2 / 2 ** i
  const swin = (i: number) => {
    const dim = w * 2 ** i
    const blocks = [0, 1].map((k) =>
      swinBlock(dim, 2 ** (i + 1), [side(i), side(i)], imageSize / 16, {
        shifted: k === 1,
        dropPath: (dropPathRate * (2 * i + k)) / 7,
        mlp: mlp(dim, 4 * dim, side(i)),
      }),
    )
    return basicLayer(dim, blocks)
  }
  return define(
    "Res34_Swin_MS",
    {
      conv1: conv2d(inChans, w, 7, { padding: 3, bias: false }),
      bn1: batchNorm2d(w),
      relu,
      maxpool: maxPool2d(3, { stride: 2, padding: 1 }),
      layer1: stage(nth(layers, 0), w, w),
      layer2: stage(nth(layers, 1), w, 2 * w),
      layer3: stage(nth(layers, 2), 2 * w, 4 * w),
      layer4: stage(nth(layers, 3), 4 * w, 8 * w),
      swin_layers: [swin(0), swin(1), swin(2), swin(3)],
      patch_embed: patchEmbed(inChans, w),
      MS2: patchMerging(w, side(0)),
      MS3: patchMerging(2 * w, side(1)),
      MS4: patchMerging(4 * w, side(2)),
      decode4: decoder(8 * w, 4 * w),
      decode3: decoder(4 * w, 2 * w),
      decode2: decoder(2 * w, w),
      decode0: sequential(upsample(2, { alignCorners: true }), conv2d(w, numClasses, 1, { bias: false })),
    },
    { image: features(inChans) },
    (m, { image }) => {
      const [swin1, swin2, swin3, swin4] = m.swin_layers
      const stem = m.maxpool(m.relu(m.bn1(m.conv1(image))))
      const t1 = swin1(add(tokensOf(m.layer1(stem)), m.patch_embed(image)))
      const e1 = imageOf(t1, side(0))
      const t2 = swin2(tokensOf(add(m.layer2(e1), m.MS2(t1))))
      const e2 = imageOf(t2, side(1))
      const t3 = swin3(tokensOf(add(m.layer3(e2), m.MS3(t2))))
      const e3 = imageOf(t3, side(2))
      const t4 = swin4(tokensOf(add(m.layer4(e3), m.MS4(t3))))
      const e4 = imageOf(t4, side(3))

      const d4 = m.decode4({ x: e4, skip: e3 })
      const d3 = m.decode3({ x: d4, skip: e2 })
      return { masks: m.decode0(m.decode2({ x: d3, skip: e1 })) }
    },
  )
}

const of = (imageSize: number, name: string) =>
  model(network({ imageSize, numClasses: 2 }), {
    name,
    takes: { image: pixels({ size: imageSize, ...unitRange }) },
    teaches: { masks: classes("background", "nerve") },
  })
/** The paper's row: 512 × 512 pixels, windows of 32 × 32. */
export const h2former = pipe(of(512, "H2Former"), expectTotal(33_873_120))
export const at224 = pipe(of(224, "H2Former, 224"), expectTotal(33_678_720))
