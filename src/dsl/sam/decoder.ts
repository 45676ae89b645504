/** SAM's mask decoder (segment_anything/modeling/mask_decoder.py, transformer.py). */
import { sequential } from "../combinators.ts"
import { define, features, optional } from "../define.ts"
import { add, attention, concat, matmul, rearrange, repeatBatch, slice } from "../functions.ts"
import type { Module } from "../layer.ts"
import { convTranspose2d } from "../layers/convolution.ts"
import { embedding, linear } from "../layers/linear.ts"
import { layerNorm, layerNorm2d } from "../layers/norm.ts"
import { gelu, relu } from "../layers/pointwise.ts"
import type { Value } from "../value.ts"
import { gridOf, type SamConfig } from "./config.ts"
import { mlpBlock } from "./encoder.ts"

/** Attention with projections; `inner` features between them. q [b, n, width], k and v [b, m, width]. */
export const projectedAttention = (width: number, inner: number, heads: number) =>
  define(
    "Attention",
    {
      q_proj: linear(width, inner),
      k_proj: linear(width, inner),
      v_proj: linear(width, inner),
      out_proj: linear(inner, width),
    },
    { q: features(width), k: features(width), v: features(width) },
    (m, { q, k, v }) => m.out_proj(attention(m.q_proj(q), m.k_proj(k), m.v_proj(v), heads)),
  )

/** Tokens attend to themselves, to the image, pass an MLP, and the image attends to them. The first block adds no positions at first. */
const twoWayBlock = (width: number, heads: number, mlpWidth: number, first: boolean) =>
  define(
    "TwoWayAttentionBlock",
    {
      self_attn: projectedAttention(width, width, heads),
      norm1: layerNorm(width),
      cross_attn_token_to_image: projectedAttention(width, width / 2, heads),
      norm2: layerNorm(width),
      mlp: mlpBlock(width, mlpWidth, relu),
      norm3: layerNorm(width),
      norm4: layerNorm(width),
      cross_attn_image_to_token: projectedAttention(width, width / 2, heads),
    },
    { queries: features(width), keys: features(width), query_pe: features(width), key_pe: features(width) },
    (m, { queries, keys, query_pe, key_pe }) => {
      const withPe = (x: Value) => add(x, query_pe)
      const attended = (q: Value) => m.self_attn({ q, k: q, v: queries })
      const q0 = m.norm1(first ? attended(queries) : add(queries, attended(withPe(queries))))

      const imageKeys = add(keys, key_pe)
      const q1 = m.norm2(add(q0, m.cross_attn_token_to_image({ q: withPe(q0), k: imageKeys, v: keys })))
      const q2 = m.norm3(add(q1, m.mlp(q1)))
      const k2 = m.norm4(add(keys, m.cross_attn_image_to_token({ q: imageKeys, k: withPe(q2), v: q2 })))
      return { queries: q2, keys: k2 }
    },
  )

/** What lets tokens [b, n, width] and an image [b, width, h, w] attend to one another; keys are the image's pixels. */
export type Transformer = Module<
  { image_embedding: Value<number>; image_pe: Value<number>; tokens: Value<number> },
  { queries: Value<number>; keys: Value<number> }
>
const twoWayTransformer = (width: number, { depth, heads, mlpWidth }: SamConfig["decoder"]) =>
  define(
    "TwoWayTransformer",
    {
      layers: Array.from({ length: depth }, (_, i) => twoWayBlock(width, heads, mlpWidth, i === 0)),
      final_attn_token_to_image: projectedAttention(width, width / 2, heads),
      norm_final_attn: layerNorm(width),
    },
    { image_embedding: features(width), image_pe: features(width), tokens: features(width) },
    (m, { image_embedding, image_pe, tokens }) => {
      const flat = (image: Value) => rearrange(image, "b c h w -> b (h w) c")
      const pe = flat(image_pe)
      const start = { queries: tokens, keys: flat(image_embedding) }
      const { queries, keys } = m.layers.reduce((x, layer) => layer({ ...x, query_pe: tokens, key_pe: pe }), start)
      const attended = m.final_attn_token_to_image({ q: add(queries, tokens), k: add(keys, pe), v: keys })
      return { queries: m.norm_final_attn(add(queries, attended)), keys }
    },
  )

/** `depth` linear layers with ReLU between; tensors layers.0, layers.1, … */
const perceptron = (takes: number, hidden: number, gives: number, depth: number) =>
  define(
    "MLP",
    {
      layers: Array.from({ length: depth }, (_, i) =>
        linear(i === 0 ? takes : hidden, i === depth - 1 ? gives : hidden),
      ),
      act: relu,
    },
    features(takes),
    (m, x) => m.layers.reduce((y, layer, i) => layer(i === 0 ? y : m.act(y)), x),
  )

const upscaling = (width: number) =>
  sequential(
    convTranspose2d(width, width / 4, 2, { stride: 2 }),
    layerNorm2d(width / 4),
    gelu,
    convTranspose2d(width / 4, width / 8, 2, { stride: 2 }),
    gelu,
  )

/**
 * image_embeddings [b, width, grid, grid], image_pe, points and corners (either may be missing), dense →
 * masks [b, maskTokens, 4·grid, 4·grid] (logits), iou_predictions [b, maskTokens].
 */
export const maskDecoder = (
  config: SamConfig,
  transformer: Transformer = twoWayTransformer(config.outChannels, config.decoder),
) => {
  const { outChannels: width, decoder } = config
  const { maskTokens, iouWidth, iouDepth } = decoder
  const grid = gridOf(config)
  return define(
    "MaskDecoder",
    {
      transformer,
      iou_token: embedding(1, width),
      mask_tokens: embedding(maskTokens, width),
      output_upscaling: upscaling(width),
      output_hypernetworks_mlps: Array.from({ length: maskTokens }, () => perceptron(width, width, width / 8, 3)),
      iou_prediction_head: perceptron(width, iouWidth, maskTokens, iouDepth),
    },
    {
      image_embeddings: features(width),
      image_pe: features(width),
      points: optional(width),
      corners: optional(width),
      dense: features(width),
    },
    (m, { image_embeddings, image_pe, points, corners, dense }) => {
      const own = rearrange(concat([m.iou_token.table, m.mask_tokens.table], 0), "n c -> 1 n c")
      const tokens = concat([repeatBatch(own, image_embeddings), points, corners], 1)
      const { queries, keys } = m.transformer({ image_embedding: add(image_embeddings, dense), image_pe, tokens })
      const token = (i: number) => rearrange(slice(queries, 1, i, i + 1), "b 1 c -> b c")

      const upscaled = m.output_upscaling(rearrange(keys, "b (h w) c -> b c h w", { h: grid }))
      const hyper = concat(
        m.output_hypernetworks_mlps.map((mlp, i) => rearrange(mlp(token(1 + i)), "b c -> b 1 c")),
        1,
      )
      const masks = matmul(hyper, rearrange(upscaled, "b c h w -> b c (h w)"))
      return {
        masks: rearrange(masks, "b n (h w) -> b n h w", { h: 4 * grid }),
        iou_predictions: m.iou_prediction_head(token(0)),
      }
    },
  )
}
