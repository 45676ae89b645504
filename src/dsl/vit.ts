/** A plain vision transformer (Dosovitskiy et al. 2021): a class token, patches, a head. Tensors have timm's names (vision_transformer.py). */
import { repeat } from "./combinators.ts"
import { define, features, named } from "./define.ts"
import { add, attention, concat, rearrange, repeatBatch, slice } from "./functions.ts"
import type { Layer, Pair } from "./layer.ts"
import { conv2d } from "./layers/convolution.ts"
import { linear } from "./layers/linear.ts"
import { layerNorm } from "./layers/norm.ts"
import { dropPath } from "./layers/pointwise.ts"
import { parameter } from "./layers/raw.ts"
import { mlp } from "./layers/swin.ts"
import { timesRatio } from "./ratio.ts"

const eps = 1e-6

export interface VitConfig<Depth extends number = number> {
  /** Default: 224. */
  readonly imageSize?: number | Pair
  /** Default: 16. */
  readonly patchSize?: number
  /** Default: 3. */
  readonly channels?: number
  /** Features in each block. Default: 768, ViT-B's. */
  readonly width?: number
  readonly depth: Depth
  /** Default: 12. */
  readonly heads?: number
  readonly mlpRatio?: number
  readonly dropPathRate?: number
  /** What the head gives: classes, or the two numbers of a point. */
  readonly gives: number
  /** In place of a linear head: width features → what is given. */
  readonly head?: Layer
}

const selfAttention = (width: number, heads: number) =>
  define("Attention", { qkv: linear(width, 3 * width), proj: linear(width, width) }, features(width), (m, x) => {
    const qkv = m.qkv(x)
    const part = (i: number) => slice(qkv, 2, i * width, (i + 1) * width)
    return m.proj(attention(part(0), part(1), part(2), heads))
  })

const block = (width: number, heads: number, hidden: number, p: number) =>
  define(
    "Block",
    {
      norm1: layerNorm(width, { eps }),
      attn: selfAttention(width, heads),
      drop_path: dropPath(p),
      norm2: layerNorm(width, { eps }),
      mlp: mlp(width, hidden),
    },
    features(width),
    (m, x) => {
      const a = named("a", m.attn(named("n1", m.norm1(x))))
      const x1 = named("x1", add(x, m.drop_path(a)))
      const f = named("m", m.mlp(named("n2", m.norm2(x1))))
      return named("out", add(x1, m.drop_path(f)))
    },
  )

const patchEmbed = (channels: number, width: number, patch: number) =>
  define("PatchEmbed", { proj: conv2d(channels, width, patch, { stride: patch }) }, features(channels), (m, x) =>
    rearrange<number>(m.proj(x), "b c h w -> b (h w) c"),
  )

/** image [b, channels, h, w] → `output` [b, gives], from the class token. Its blocks are "blocks". */
export const vit = <const Depth extends number>(config: VitConfig<Depth>) => {
  const { imageSize = 224, patchSize = 16, channels = 3, width = 768, depth, heads = 12, mlpRatio = 4 } = config
  const { dropPathRate = 0, gives, head = linear(width, gives) } = config
  const [h, w]: Pair = typeof imageSize === "number" ? [imageSize, imageSize] : imageSize
  const patches = Math.floor(h / patchSize) * Math.floor(w / patchSize)
  return define(
    "VisionTransformer",
    {
      cls_token: parameter([1, 1, width], { normal: 0.02 }),
      pos_embed: parameter([1, patches + 1, width], { normal: 0.02 }),
      patch_embed: patchEmbed(channels, width, patchSize),
      blocks: repeat(depth, (i) =>
        block(width, heads, timesRatio(width, mlpRatio), (dropPathRate * (i - 1)) / Math.max(1, depth - 1)),
      ),
      norm: layerNorm(width, { eps }),
      head: head as Layer<number, number>,
    },
    { image: features(channels) },
    (m, { image }) => {
      const tokens = m.patch_embed(image)
      const whole = concat([repeatBatch(m.cls_token, tokens), tokens], 1)
      const x = m.norm(m.blocks(add(whole, m.pos_embed)))
      return { output: m.head(rearrange<number>(slice(x, 1, 0, 1), "b 1 c -> b c")) }
    },
  )
}
