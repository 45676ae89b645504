/**
 * MISSFormer (Huang et al. 2021) as ZhifangDeng/MISSFormer: attention with fewer keys, depthwise convolutions in the MLPs, and a bridge that lets
 * the encoder's four levels attend to one another.
 *
 *     hasam-compile examples/systems/missformer
 *
 * Of the deepest decoder upstream runs its patch expansion only: 7,009,792 parameters receive no gradient, here as there.
 */
import {
  conv2d,
  define,
  depthwiseConv2d,
  expectTotal,
  features,
  forward,
  gelu,
  type Layer,
  layerNorm,
  linear,
  model,
  patchExpand,
  pipe,
  pixels,
  unitRange,
  type Value,
} from "hasam"
import { upTo } from "../lists.ts"
import { synapse } from "../synapse.ts"

const { add, concat, rearrange, slice } = forward

const tokensOf = (image: Value<number>) => rearrange<number>(image, "b c h w -> b (h w) c")
const imageOf = (tokens: Value<number>, side: number) => rearrange<number>(tokens, "b (h w) c -> b c h w", { h: side })

const dwConv = (width: number, side: number) =>
  define("DWConv", { dwconv: depthwiseConv2d(width, 3, { padding: 1 }) }, features(width), (m, x) =>
    tokensOf(m.dwconv(imageOf(x, side))),
  )
/** norm2 and norm3 are upstream's, which never calls them. */
const mixFfn = (width: number, side: number) => {
  const hidden = 4 * width
  return define(
    "MixFFN_skip",
    {
      fc1: linear(width, hidden),
      dwconv: dwConv(hidden, side),
      act: gelu,
      fc2: linear(hidden, width),
      norm1: layerNorm(hidden),
      norm2: layerNorm(hidden),
      norm3: layerNorm(hidden),
    },
    features(width),
    (m, x) => {
      const h = m.fc1(x)
      return m.fc2(m.act(m.norm1(add(m.dwconv(h), h))))
    },
  )
}

/** Keys and values come from an image `ratio` times smaller; from the tokens themselves where it is 1. */
const efficientAttention = (width: number, heads: number, ratio: number, side: number): Layer<number, number> => {
  const body = { q: linear(width, width), kv: linear(width, 2 * width), proj: linear(width, width) }
  const attention = (q: Value<number>, kv: Value<number>) =>
    forward.attention(q, slice(kv, 2, 0, width), slice(kv, 2, width, 2 * width), heads)
  if (ratio === 1)
    return define("EfficientSelfAtten", body, features(width), (m, x) => m.proj(attention(m.q(x), m.kv(x))))
  const smaller = { sr: conv2d(width, width, ratio, { stride: ratio }), norm: layerNorm(width) }
  return define("EfficientSelfAtten", { ...body, ...smaller }, features(width), (m, x) =>
    m.proj(attention(m.q(x), m.kv(m.norm(tokensOf(m.sr(imageOf(x, side))))))),
  )
}

const block = (width: number, heads: number, ratio: number, side: number) =>
  define(
    "TransformerBlock",
    {
      norm1: layerNorm(width),
      attn: efficientAttention(width, heads, ratio, side),
      norm2: layerNorm(width),
      mlp: mixFfn(width, side),
    },
    features(width),
    (m, x) => {
      const y = add(x, m.attn(m.norm1(x)))
      return add(y, m.mlp(m.norm2(y)))
    },
  )

const overlapPatches = (takes: number, gives: number, kernel: number, stride: number) =>
  define(
    "OverlapPatchEmbeddings",
    { proj: conv2d(takes, gives, kernel, { stride, padding: (kernel - 1) / 2 }), norm: layerNorm(gives) },
    features(takes),
    (m, x) => m.norm(tokensOf(m.proj(x))),
  )

/** One resolution of the encoder. */
interface Level {
  readonly width: number
  readonly heads: number
  /** Of the image to that of the keys. */
  readonly ratio: number
  /** Tokens along a side. */
  readonly side: number
  readonly depth: number
}
type Four<A> = readonly [A, A, A, A]

const mit = ([l1, l2, l3, l4]: Four<Level>) => {
  const blocks = ({ width, heads, ratio, side, depth }: Level) =>
    upTo(depth).map(() => block(width, heads, ratio, side))
  return define(
    "MiT",
    {
      patch_embed1: overlapPatches(3, l1.width, 7, 4),
      patch_embed2: overlapPatches(l1.width, l2.width, 3, 2),
      patch_embed3: overlapPatches(l2.width, l3.width, 3, 2),
      patch_embed4: overlapPatches(l3.width, l4.width, 3, 2),
      block1: blocks(l1),
      norm1: layerNorm(l1.width),
      block2: blocks(l2),
      norm2: layerNorm(l2.width),
      block3: blocks(l3),
      norm3: layerNorm(l3.width),
      block4: blocks(l4),
      norm4: layerNorm(l4.width),
    },
    features(3),
    (m, image) => {
      const c1 = m.norm1(m.block1.reduce((x, block) => block(x), m.patch_embed1(image)))
      const c2 = m.norm2(m.block2.reduce((x, block) => block(x), m.patch_embed2(imageOf(c1, l1.side))))
      const c3 = m.norm3(m.block3.reduce((x, block) => block(x), m.patch_embed3(imageOf(c2, l2.side))))
      const c4 = m.norm4(m.block4.reduce((x, block) => block(x), m.patch_embed4(imageOf(c3, l3.side))))
      return { c1, c2, c3, c4 }
    },
  )
}

/** All levels in one sequence, as wide as the first level: a token of a level n times as wide is n tokens. */
const sequenceOf = (levels: Four<Level>) => {
  const [{ width }] = levels
  const share = (level: Level) => level.width / width
  const count = (level: Level) => level.side ** 2 * share(level)
  const start = (i: number) => levels.slice(0, i).reduce((n, level) => n + count(level), 0)
  return {
    width,
    /** The tokens of one level, as wide as it is. */
    part: (x: Value<number>, level: Level) => {
      const first = start(levels.indexOf(level))
      const own = slice(x, 1, first, first + count(level))
      return rearrange<number>(own, "b (n t) c -> b n (t c)", { t: share(level) })
    },
    joined: (parts: Four<Value<number>>) =>
      concat(
        parts.map((part) => rearrange(part, "b n (t c) -> b (n t) c", { c: width })),
        1,
      ),
  }
}

const scaleReduce = (levels: Four<Level>) => {
  const [l1, l2, l3, l4] = levels
  const { width, part } = sequenceOf(levels)
  const smaller = ({ width, ratio }: Level) => conv2d(width, width, ratio, { stride: ratio })
  return define(
    "Scale_reduce",
    { sr0: smaller(l1), sr1: smaller(l2), sr2: smaller(l3), norm: layerNorm(width) },
    features(width),
    (m, x) => {
      // Channel first, as upstream reshapes it: a pixel's channels are not a token's features.
      const tokens = (image: Value<number>) => rearrange(image, "b (c t) h w -> b (t h w) c", { c: width })
      const reduced = [
        tokens(m.sr0(imageOf(part(x, l1), l1.side))),
        tokens(m.sr1(imageOf(part(x, l2), l2.side))),
        tokens(m.sr2(imageOf(part(x, l3), l3.side))),
        rearrange(part(x, l4), "b n (t c) -> b (n t) c", { c: width }),
      ]
      return m.norm(concat(reduced, 1))
    },
  )
}
const bridgeLayer = (levels: Four<Level>) => {
  const [l1, l2, l3, l4] = levels
  const { width, part, joined } = sequenceOf(levels)
  const attention = define(
    "M_EfficientSelfAtten",
    {
      q: linear(width, width),
      kv: linear(width, 2 * width),
      proj: linear(width, width),
      scale_reduce: scaleReduce(levels),
    },
    features(width),
    (m, x) => {
      const kv = m.kv(m.scale_reduce(x))
      return m.proj(forward.attention(m.q(x), slice(kv, 2, 0, width), slice(kv, 2, width, 2 * width), 1))
    },
  )
  const mixed = ({ width, side }: Level) => mixFfn(width, side)
  return define(
    "BridgeLayer_4",
    {
      norm1: layerNorm(width),
      attn: attention,
      norm2: layerNorm(width),
      mixffn1: mixed(l1),
      mixffn2: mixed(l2),
      mixffn3: mixed(l3),
      mixffn4: mixed(l4),
    },
    features(width),
    (m, x) => {
      const y = add(x, m.attn(m.norm1(x)))
      const n = m.norm2(y)
      const parts: Four<Value<number>> = [
        m.mixffn1(part(n, l1)),
        m.mixffn2(part(n, l2)),
        m.mixffn3(part(n, l3)),
        m.mixffn4(part(n, l4)),
      ]
      return add(y, joined(parts))
    },
  )
}
const bridge = (levels: Four<Level>) => {
  const [l1, l2, l3, l4] = levels
  const { part, joined } = sequenceOf(levels)
  return define(
    "BridegeBlock_4",
    {
      bridge_layer1: bridgeLayer(levels),
      bridge_layer2: bridgeLayer(levels),
      bridge_layer3: bridgeLayer(levels),
      bridge_layer4: bridgeLayer(levels),
    },
    { c1: features(l1.width), c2: features(l2.width), c3: features(l3.width), c4: features(l4.width) },
    (m, { c1, c2, c3, c4 }) => {
      const out = m.bridge_layer4(m.bridge_layer3(m.bridge_layer2(m.bridge_layer1(joined([c1, c2, c3, c4])))))
      return { s1: part(out, l1), s2: part(out, l2), s3: part(out, l3), s4: part(out, l4) }
    },
  )
}

/** What a decoder has: `joint` features come in where its skip is beside what comes from below. */
const decoderBody = ({ width, heads, ratio, side }: Level, joint: number, up: Layer<number, number>) => ({
  concat_linear: linear(joint, width),
  layer_up: up,
  layer_former_1: block(width, heads, ratio, side),
  layer_former_2: block(width, heads, ratio, side),
})
const expanding = ({ width, side }: Level) => patchExpand(width, width / 2, [side, side])
/** Only expands: its other layers are upstream's, which never calls them. */
const deepestDecoder = (level: Level) =>
  define("MyDecoderLayer", decoderBody(level, 2 * level.width, expanding(level)), features(level.width), (m, x) =>
    m.layer_up(x),
  )
const decoder = (level: Level, below: Level) =>
  define(
    "MyDecoderLayer",
    decoderBody(level, below.width / 2 + level.width, expanding(level)),
    { x: features(below.width / 2), skip: features(level.width) },
    (m, { x, skip }) => m.layer_up(m.layer_former_2(m.layer_former_1(m.concat_linear(concat([x, skip], 2))))),
  )
const lastDecoder = (level: Level, below: Level, numClasses: number) => {
  const { width, side } = level
  const up = patchExpand(width, width, [side, side], { by: 4, name: "FinalPatchExpand_X4" })
  return define(
    "MyDecoderLayer",
    { ...decoderBody(level, below.width / 2 + width, up), last_layer: conv2d(width, numClasses, 1) },
    { x: features(below.width / 2), skip: features(width) },
    (m, { x, skip }) => {
      const mixed = m.layer_former_2(m.layer_former_1(m.concat_linear(concat([x, skip], 2))))
      return m.last_layer(imageOf(m.layer_up(mixed), 4 * side))
    },
  )
}

export interface Config {
  readonly numClasses?: number
  /** Upstream has 224. */
  readonly imageSize?: number
  /** Upstream has 64, 128, 320, 512: the bridge takes them as 1, 2, 5 and 8 tokens. */
  readonly dims?: Four<number>
  readonly layers?: Four<number>
}

/** image [b, 3, imageSize, imageSize] → masks [b, numClasses, imageSize, imageSize], logits. */
export const network = ({
  numClasses = 9,
  imageSize = 224,
  dims: [d1, d2, d3, d4] = [64, 128, 320, 512],
  layers: [n1, n2, n3, n4] = [2, 2, 2, 2],
}: Config) => {
  const levels: Four<Level> = [
    { width: d1, heads: 1, ratio: 8, side: imageSize / 4, depth: n1 },
    { width: d2, heads: 2, ratio: 4, side: imageSize / 8, depth: n2 },
    { width: d3, heads: 5, ratio: 2, side: imageSize / 16, depth: n3 },
    { width: d4, heads: 8, ratio: 1, side: imageSize / 32, depth: n4 },
  ]
  const [l1, l2, l3, l4] = levels
  return define(
    "MISSFormer",
    {
      backbone: mit(levels),
      bridge: bridge(levels),
      decoder_3: deepestDecoder(l4),
      decoder_2: decoder(l3, l4),
      decoder_1: decoder(l2, l3),
      decoder_0: lastDecoder(l1, l2, numClasses),
    },
    { image: features(3) },
    (m, { image }) => {
      const { s1, s2, s3, s4 } = m.bridge(m.backbone(image))
      const y3 = m.decoder_3(s4)
      const y2 = m.decoder_2({ x: y3, skip: s3 })
      const y1 = m.decoder_1({ x: y2, skip: s2 })
      return { masks: m.decoder_0({ x: y1, skip: s1 }) }
    },
  )
}

/** The paper's row: 224 × 224 pixels, nine classes. */
export const missFormer = pipe(
  model(network({}), {
    name: "MISSFormer",
    takes: { image: pixels({ size: 224, ...unitRange }) },
    teaches: { masks: synapse },
  }),
  expectTotal(42_462_537),
)
