/**
 * Medical SAM Adapter (Wu et al. 2023) in 2-D, as MedicineToken/Medical-SAM-Adapter, mod sam_adpt: an adapter in series after attention, one beside the MLP.
 *
 *     hasam-compile examples/systems/medsa
 *
 * What sets it apart from SAM, all upstream's: windows are cut before norm1, so that padding becomes norm1's bias and takes part; the table of positions is
 * resized in every forward; tables of relative positions have names of their own, which no SAM checkpoint fills; the decoder's transformer is
 * EfficientSAM's. The paper's 13.00 M is not reproduced: 7,100,928 in the 2-D adapters, 11,159,268 with the decoder, 14,715,952 as published code has it.
 */
import {
  define,
  expectTotal,
  expectTrainable,
  features,
  forward,
  freeze,
  freezeAll,
  gelu,
  inBlocks,
  layerNorm,
  linear,
  maskDecoder,
  masks,
  model,
  optional,
  parameter,
  pipe,
  pixels,
  points,
  promptEncoder,
  relu,
  repeat,
  type SamConfig,
  samAttention,
  samMlp,
  samNeck,
  samPatchEmbed,
  sequential,
  unfreeze,
  unitRange,
  type Value,
} from "hasam"
import { upTo } from "../lists.ts"
import { vitB } from "../sam/index.ts"

const { add, rearrange, relPosAttention, resize, scale, slice, unwindows, windows } = forward
const eps = 1e-6

/** Down to a quarter, GELU, up again; with `skip`, plus its input. */
const adapter = (width: number, skip: boolean) => {
  const hidden = Math.floor(width / 4)
  return define(
    "Adapter",
    { act: gelu, D_fc1: linear(width, hidden), D_fc2: linear(hidden, width) },
    features(width),
    (m, x) => {
      const out = m.D_fc2(m.act(m.D_fc1(x)))
      return skip ? add(x, out) : out
    },
  )
}
const gridAttention = (width: number, heads: number, side: number) => {
  const table = () => parameter([2 * side - 1, width / heads])
  return define(
    "Attention",
    { rel_h: table(), rel_w: table(), qkv: linear(width, 3 * width), proj: linear(width, width) },
    features(width),
    (m, x) => m.proj(relPosAttention(m.qkv(x), m.rel_h, m.rel_w, heads)),
  )
}
/** Depth_Adapter is for volumes: there, and never called. */
const block = (width: number, heads: number, hidden: number, grid: number, window: number) =>
  define(
    "AdapterBlock",
    {
      norm1: layerNorm(width, { eps }),
      attn: gridAttention(width, heads, window === 0 ? grid : window),
      MLP_Adapter: adapter(width, false),
      Space_Adapter: adapter(width, true),
      Depth_Adapter: adapter(width, false),
      norm2: layerNorm(width, { eps }),
      mlp: samMlp(width, hidden),
    },
    features(width),
    (m, x) => {
      const adapted = (y: Value<number>) => m.Space_Adapter(m.attn(m.norm1(y)))
      const a = window === 0 ? adapted(x) : unwindows(adapted(windows(x, window)), window, x)
      const x1 = add(x, a)
      const n2 = m.norm2(x1)
      return add(add(x1, m.mlp(n2)), scale(m.MLP_Adapter(n2), 0.5))
    },
  )

export interface Config extends SamConfig {
  /** Side of the table of positions, which SAM has trained at 64. */
  readonly table: number
  /** Side of the masks, by nearest neighbours from the logits. */
  readonly outSize: number
}
const imageEncoder = (config: Config) => {
  const { imageSize, patchSize, width, depth, heads, windowSize, globalBlocks, mlpRatio, outChannels, table } = config
  const grid = imageSize / patchSize
  return define(
    "ImageEncoderViT",
    {
      pos_embed: parameter([1, table, table, width]),
      patch_embed: samPatchEmbed(width, patchSize),
      blocks: repeat(depth, (i) =>
        block(width, heads, width * mlpRatio, grid, globalBlocks.includes(i - 1) ? 0 : windowSize),
      ),
      neck: samNeck(width, outChannels),
    },
    features(3),
    (m, image) => {
      const positions = rearrange<number>(m.pos_embed, "1 h w c -> 1 c h w")
      const resized = rearrange<number>(resize(positions, grid, grid, { mode: "bicubic" }), "1 c h w -> 1 h w c")
      return m.neck(rearrange<number>(m.blocks(add(m.patch_embed(image), resized)), "b h w c -> b c h w"))
    },
  )
}

/** SAM's, under names of its own: a SAM checkpoint's decoder MLPs are not loaded into it. */
const decoderMlp = (width: number, hidden: number) =>
  define(
    "MLPBlock",
    { layers: [sequential(linear(width, hidden), relu)], fc: linear(hidden, width) },
    features(width),
    (m, x) => m.fc(m.layers.reduce((y, layer) => layer(y), x)),
  )
/** As SAM's, but what attends to itself, positions included, is also the value and stays on the residual connection, in the first block too. */
const twoWayBlock = (width: number, heads: number, mlpWidth: number, first: boolean) =>
  define(
    "TwoWayAttentionBlock",
    {
      self_attn: samAttention(width, width, heads),
      norm1: layerNorm(width),
      cross_attn_token_to_image: samAttention(width, width / 2, heads),
      norm2: layerNorm(width),
      mlp: decoderMlp(width, mlpWidth),
      norm3: layerNorm(width),
      norm4: layerNorm(width),
      cross_attn_image_to_token: samAttention(width, width / 2, heads),
    },
    { queries: features(width), keys: features(width), query_pe: features(width), key_pe: features(width) },
    (m, { queries, keys, query_pe, key_pe }) => {
      const own = first ? queries : add(queries, query_pe)
      const q0 = m.norm1(add(own, m.self_attn({ q: own, k: own, v: own })))
      const imageKeys = add(keys, key_pe)
      const attended = m.cross_attn_token_to_image({ q: add(q0, query_pe), k: imageKeys, v: keys })
      const q1 = m.norm2(add(q0, attended))
      const q2 = m.norm3(add(q1, m.mlp(q1)))
      const k2 = m.norm4(add(keys, m.cross_attn_image_to_token({ q: imageKeys, k: add(q2, query_pe), v: q2 })))
      return { queries: q2, keys: k2 }
    },
  )
const twoWayTransformer = (width: number, { depth, heads, mlpWidth }: SamConfig["decoder"]) =>
  define(
    "TwoWayTransformer",
    {
      layers: upTo(depth).map((i) => twoWayBlock(width, heads, mlpWidth, i === 0)),
      final_attn_token_to_image: samAttention(width, width / 2, heads),
      norm_final_attn: layerNorm(width),
    },
    { image_embedding: features(width), image_pe: features(width), tokens: features(width) },
    (m, { image_embedding, image_pe, tokens }) => {
      const flat = (image: Value<number>) => rearrange<number>(image, "b c h w -> b (h w) c")
      const pe = flat(image_pe)
      const start = { queries: tokens, keys: flat(image_embedding) }
      const { queries, keys } = m.layers.reduce((x, layer) => layer({ ...x, query_pe: tokens, key_pe: pe }), start)
      const attended = m.final_attn_token_to_image({ q: add(queries, tokens), k: add(keys, pe), v: keys })
      return { queries: m.norm_final_attn(add(queries, attended)), keys }
    },
  )

/** image [b, 3, imageSize, imageSize] and points → masks [b, 1, outSize, outSize], logits. */
export const network = (config: Config) =>
  define(
    "Sam",
    {
      image_encoder: imageEncoder(config),
      prompt_encoder: promptEncoder(config),
      mask_decoder: maskDecoder(config, twoWayTransformer(config.outChannels, config.decoder)),
    },
    { image: features(3), point_coords: optional(2), point_labels: optional(1) },
    (m, { image, point_coords, point_labels }) => {
      const image_embedding = m.image_encoder(image)
      const asked = m.prompt_encoder({ point_coords, point_labels, boxes: undefined, mask_input: undefined })
      const low_res_masks = slice(m.mask_decoder({ image_embeddings: image_embedding, ...asked }).masks, 1, 0, 1)
      const masks = resize(low_res_masks, config.outSize, config.outSize, { mode: "nearest" })
      return { masks, low_res_masks, image_embedding }
    },
  )
export const medSaOf = (name: string, config: Config) =>
  model(network(config), {
    name,
    takes: { image: pixels({ size: config.imageSize, ...unitRange }), ...points() },
    teaches: { masks: masks() },
    blocks: "image_encoder.blocks",
  })

const full: Config = { ...vitB, table: 64, outSize: 256 }
const all = upTo(12).map((i) => i + 1)
/** What has requires_grad in the published code: adapters, those for volumes as well, decoder and prompt encoder. */
export const medSa = pipe(
  medSaOf("Med-SA", full),
  freeze("image_encoder"),
  unfreeze(inBlocks("MLP_Adapter", ...all), inBlocks("Space_Adapter", ...all), inBlocks("Depth_Adapter", ...all)),
  expectTotal(104_386_864),
  expectTrainable(14_715_952),
)
/** What receives gradients: adapters for images, and the decoder. */
export const withDecoder = pipe(
  medSaOf("Med-SA, 2-D", full),
  freezeAll,
  unfreeze("mask_decoder", inBlocks("MLP_Adapter", ...all), inBlocks("Space_Adapter", ...all)),
  expectTrainable(11_159_268),
)
