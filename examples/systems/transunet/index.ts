/**
 * TransUNet (Chen et al. 2021) as Beckschen/TransUNet, R50-ViT-B_16: a ResNet of standardised convolutions, a ViT on its last map, and a decoder
 * that takes three of the ResNet's maps.
 *
 *     hasam-compile examples/systems/transunet
 */
import {
  batchNorm2d,
  chain,
  conv2d,
  define,
  dropout,
  expectTotal,
  features,
  forward,
  gelu,
  groupNorm,
  identity,
  layerNorm,
  linear,
  maxPool2d,
  model,
  optional,
  parameter,
  pipe,
  pixels,
  relu,
  sequential,
  unitRange,
  upsample,
} from "hasam"
import { nth, upTo } from "../lists.ts"
import { synapse } from "../synapse.ts"

const { add, concat, padTo, rearrange } = forward

const eps = 1e-6
const stdConv = (takes: number, gives: number, kernel: number, stride = 1) =>
  conv2d(takes, gives, kernel, { stride, padding: (kernel - 1) / 2, bias: false, standardised: 1e-5 })

/** 1 × 1, 3 × 3, 1 × 1 convolutions around a residual connection; where the shape changes, a 1 × 1 convolution on the connection. */
const bottleneck = (takes: number, gives: number, mid: number, stride: number) => {
  const branch = {
    gn1: groupNorm(32, mid, { eps }),
    conv1: stdConv(takes, mid, 1),
    gn2: groupNorm(32, mid, { eps }),
    conv2: stdConv(mid, mid, 3, stride),
    gn3: groupNorm(32, gives, { eps }),
    conv3: stdConv(mid, gives, 1),
    relu,
  }
  if (takes === gives && stride === 1)
    return define("PreActBottleneck", branch, features(takes), (m, x) =>
      m.relu(add(x, m.gn3(m.conv3(m.relu(m.gn2(m.conv2(m.relu(m.gn1(m.conv1(x)))))))))),
    )
  const onSkip = { downsample: stdConv(takes, gives, 1, stride), gn_proj: groupNorm(gives, gives) }
  return define("PreActBottleneck", { ...branch, ...onSkip }, features(takes), (m, x) =>
    m.relu(add(m.gn_proj(m.downsample(x)), m.gn3(m.conv3(m.relu(m.gn2(m.conv2(m.relu(m.gn1(m.conv1(x)))))))))),
  )
}
/** unit1, unit2, …: the first one changes width and stride. */
const stage = (units: number, takes: number, mid: number, stride: number) =>
  chain(
    Object.fromEntries(
      upTo(units).map((i) => [
        `unit${i + 1}`,
        i === 0 ? bottleneck(takes, 4 * mid, mid, stride) : bottleneck(4 * mid, 4 * mid, mid, 1),
      ]),
    ),
  )

/** An image of `side` pixels → the deepest map, side / 16, and three on the way: side / 8, side / 4, side / 2. */
const resNetV2 = (channels: number, w: number, units: readonly number[], side: number) => {
  const body = define(
    "Stages",
    {
      block1: stage(nth(units, 0), w, w, 1),
      block2: stage(nth(units, 1), 4 * w, 2 * w, 2),
      block3: stage(nth(units, 2), 8 * w, 4 * w, 2),
    },
    features(w),
    (m, x) => {
      const first = m.block1(x)
      const second = m.block2(first)
      return { first, second, third: m.block3(second) }
    },
  )
  return define(
    "ResNetV2",
    {
      root: chain({ conv: stdConv(channels, w, 7, 2), gn: groupNorm(32, w, { eps }), relu }),
      pool: maxPool2d(3, { stride: 2 }),
      body,
    },
    features(channels),
    (m, image) => {
      const root = m.root(image)
      const { first, second, third } = m.body(m.pool(root))
      // The pool pads nothing, so its map is a row and a column short of what the decoder wants.
      return { deep: third, eighth: padTo(second, side / 8), quarter: padTo(first, side / 4), half: root }
    },
  )
}

const attention = (width: number, heads: number, p: number) =>
  define(
    "Attention",
    {
      query: linear(width, width),
      key: linear(width, width),
      value: linear(width, width),
      out: linear(width, width),
      proj_dropout: dropout(p),
    },
    features(width),
    (m, x) => m.proj_dropout(m.out(forward.attention(m.query(x), m.key(x), m.value(x), heads))),
  )
const mlp = (width: number, hidden: number, p: number) =>
  define(
    "Mlp",
    { fc1: linear(width, hidden), fc2: linear(hidden, width), act_fn: gelu, dropout: dropout(p) },
    features(width),
    (m, x) => m.dropout(m.fc2(m.dropout(m.act_fn(m.fc1(x))))),
  )
const block = (width: number, heads: number, hidden: number, attentionDropout: number, p: number) =>
  define(
    "Block",
    {
      attention_norm: layerNorm(width, { eps }),
      ffn_norm: layerNorm(width, { eps }),
      ffn: mlp(width, hidden, p),
      attn: attention(width, heads, attentionDropout),
    },
    features(width),
    (m, x) => {
      const y = add(m.attn(m.attention_norm(x)), x)
      return add(m.ffn(m.ffn_norm(y)), y)
    },
  )

const conv2dReLU = (takes: number, gives: number) =>
  sequential(conv2d(takes, gives, 3, { padding: 1, bias: false }), batchNorm2d(gives), relu)
/** Twice as large, beside a map of the ResNet if there is one, and two convolutions. */
const decoderBlock = (takes: number, skip: number, gives: number) =>
  define(
    "DecoderBlock",
    {
      conv1: conv2dReLU(takes + skip, gives),
      conv2: conv2dReLU(gives, gives),
      up: upsample(2, { alignCorners: true }),
    },
    { x: features(takes), skip: optional(skip) },
    (m, { x, skip }) => m.conv2(m.conv1(concat([m.up(x), skip], 1))),
  )

export interface Config {
  readonly imgSize?: number
  readonly numClasses: number
  readonly hiddenSize?: number
  readonly numHeads?: number
  readonly numLayers?: number
  readonly mlpDim?: number
  readonly dropoutRate?: number
  readonly attentionDropoutRate?: number
  readonly resnetLayers?: readonly number[]
  readonly widthFactor?: number
  readonly headChannels?: number
  readonly decoderChannels?: readonly number[]
  readonly inChannels?: number
}

/** image [b, 3, imgSize, imgSize] → masks [b, numClasses, imgSize, imgSize], logits. */
export const network = ({
  imgSize: side = 224,
  numClasses,
  hiddenSize: width = 768,
  numHeads = 12,
  numLayers = 12,
  mlpDim = 4 * width,
  dropoutRate = 0.1,
  attentionDropoutRate = 0,
  resnetLayers = [3, 4, 9],
  widthFactor = 1,
  headChannels = 512,
  decoderChannels = [256, 128, 64, 16],
  inChannels = 3,
}: Config) => {
  const grid = side / 16
  const w = 64 * widthFactor
  const embeddings = define(
    "Embeddings",
    {
      position_embeddings: parameter([1, grid * grid, width]),
      hybrid_model: resNetV2(inChannels, w, resnetLayers, side),
      patch_embeddings: conv2d(16 * w, width, 1),
      dropout: dropout(dropoutRate),
    },
    features(inChannels),
    (m, image) => {
      const { deep, ...skips } = m.hybrid_model(image)
      const tokens = rearrange<number>(m.patch_embeddings(deep), "b c h w -> b (h w) c")
      return { tokens: m.dropout(add(tokens, m.position_embeddings)), ...skips }
    },
  )
  const encoder = define(
    "Encoder",
    {
      layer: upTo(numLayers).map(() => block(width, numHeads, mlpDim, attentionDropoutRate, dropoutRate)),
      encoder_norm: layerNorm(width, { eps }),
    },
    features(width),
    (m, x) => m.encoder_norm(m.layer.reduce((y, layer) => layer(y), x)),
  )
  const transformer = define("Transformer", { embeddings, encoder }, features(inChannels), (m, image) => {
    const { tokens, ...skips } = m.embeddings(image)
    return { encoded: m.encoder(tokens), ...skips }
  })
  const skipChannels = [8 * w, 4 * w, w, 0]
  const last = nth(decoderChannels, decoderChannels.length - 1)
  const decoder = define(
    "DecoderCup",
    {
      conv_more: conv2dReLU(width, headChannels),
      blocks: decoderChannels.map((gives, i) =>
        decoderBlock(i === 0 ? headChannels : nth(decoderChannels, i - 1), nth(skipChannels, i), gives),
      ),
    },
    { encoded: features(width), eighth: features(8 * w), quarter: features(4 * w), half: features(w) },
    (m, { encoded, eighth, quarter, half }) => {
      const start = m.conv_more(rearrange(encoded, "b (h w) c -> b c h w", { h: grid }))
      const skips = [eighth, quarter, half]
      return m.blocks.reduce((x, block, i) => block({ x, skip: skips[i] }), start)
    },
  )
  return define(
    "VisionTransformer",
    {
      transformer,
      decoder,
      segmentation_head: sequential(conv2d(last, numClasses, 3, { padding: 1 }), identity),
    },
    { image: features(inChannels) },
    (m, { image }) => ({ masks: m.segmentation_head(m.decoder(m.transformer(image))) }),
  )
}

/** The paper's row: 224 × 224 pixels, nine classes. */
export const transUnet = pipe(
  model(network({ numClasses: 9 }), {
    name: "TransUNet",
    takes: { image: pixels({ size: 224, ...unitRange }) },
    teaches: { masks: synapse },
  }),
  expectTotal(105_277_081),
)
