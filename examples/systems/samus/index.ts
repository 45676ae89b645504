/**
 * SAMUS (Lin et al. 2024) as xianlin7/SAMUS: SAM on 256 × 256 pixels in overlapping patches, a convolutional branch beside the encoder at which its global
 * blocks look, adapters in those blocks, and SAM's table of positions brought to the smaller grid.
 *
 *     hasam-compile examples/systems/samus
 *
 * The paper's 130.10 M is a profiler's count of the whole network, which leaves some of it out; 39.65 M learn.
 */
import {
  conv2d,
  define,
  expectTotal,
  expectTrainable,
  features,
  forward,
  freezeAll,
  gelu,
  inBlocks,
  type Layer,
  layerNorm,
  layerNorm2d,
  linear,
  maskDecoder,
  masks,
  maxPool2d,
  model,
  optional,
  parameter,
  pipe,
  pixels,
  points,
  promptEncoder,
  type SamConfig,
  samGridAttention,
  samMlp,
  samNeck,
  sequential,
  submodule,
  training,
  unfreeze,
  unitRange,
} from "hasam"
import { upTo } from "../lists.ts"
import { vitB } from "../sam/index.ts"

const { add, rearrange, resize, scale, slice, unwindows, windows } = forward
const eps = 1e-6

/** Down to a quarter and up again. */
const adapter = (width: number) =>
  define(
    "Adapter",
    { D_fc1: linear(width, width / 4), D_fc2: linear(width / 4, width), act: gelu },
    features(width),
    (m, x) => m.D_fc2(m.act(m.D_fc1(x))),
  )
/** The same, plus its input. */
const skipAdapter = (width: number) =>
  define(
    "Adapter",
    { D_fc1: linear(width, width / 4), D_fc2: linear(width / 4, width), act: gelu },
    features(width),
    (m, x) => add(x, m.D_fc2(m.act(m.D_fc1(x)))),
  )

const singleConv = (takes: number, gives: number) =>
  define(
    "SingleConv",
    { conv: sequential(conv2d(takes, gives, 3, { padding: 1, bias: false }), layerNorm2d(gives), gelu) },
    features(takes),
    (m, x) => m.conv(x),
  )
const singleDown = (takes: number, gives: number): Layer<number, number> =>
  define(
    "SingleDown",
    {
      maxpool_conv: sequential(
        maxPool2d(2),
        conv2d(takes, gives, 3, { padding: 1, bias: false }),
        layerNorm2d(gives),
        gelu,
      ),
    },
    features(takes),
    (m, x) => m.maxpool_conv(x),
  )
/** The branch: an image in convolutions, down to the grid of the encoder's tokens. */
const cnnEmbed = (width: number, patch: number, first: number) => {
  const downs = Math.log2(patch)
  return define(
    "SingleCNNEmbed",
    {
      inc: singleConv(3, first),
      downs: upTo(downs).map((i) => singleDown(first * 2 ** i, i === downs - 1 ? width : 2 * first * 2 ** i)),
    },
    features(3),
    (m, x) =>
      rearrange<number>(
        m.downs.reduce((y, down) => down(y), m.inc(x)),
        "b c h w -> b h w c",
      ),
  )
}
/** A table of positions, halved until it has the size of the grid. */
const postPosEmbed = (width: number, table: number, grid: number) =>
  define(
    "PostPosEmbed",
    { downs: upTo(Math.log2(table / grid)).map(() => singleDown(width, width)) },
    features(width),
    (m, x) => {
      const image = rearrange<number>(x, "1 h w c -> 1 c h w")
      return rearrange<number>(
        m.downs.reduce((y, down) => down(y), image),
        "1 c h w -> 1 h w c",
      )
    },
  )
/** Overlapping patches of 16 × 16 pixels, one every 8, of an image that is first made 8 pixels larger. */
const patchEmbed = (width: number, imageSize: number) =>
  define("PatchEmbed0", { proj: conv2d(3, width, 16, { stride: 8 }) }, features(3), (m, x) =>
    rearrange<number>(m.proj(resize(x, imageSize + 8, imageSize + 8)), "b c h w -> b h w c"),
  )

/** The encoder's tokens attend to the branch. */
const crossAttention = (width: number, heads: number, grid: number) =>
  define(
    "qkvAttention",
    { q: linear(width, width), k: linear(width, width), v: linear(width, width), proj: linear(width, width) },
    { x: features(width), branch: features(width) },
    (m, { x, branch }) => {
      const [tokens, keys] = [
        rearrange<number>(x, "b h w c -> b (h w) c"),
        rearrange<number>(branch, "b h w c -> b (h w) c"),
      ]
      const out = m.proj(forward.attention(m.q(tokens), m.k(keys), m.v(keys), heads))
      return rearrange<number>(out, "b (h w) c -> b h w c", { h: grid })
    },
  )

/** SAM's block; the branch passes by. */
const windowedBlock = (width: number, heads: number, window: number, mlpRatio: number) =>
  define(
    "ParaBlock",
    {
      norm1: layerNorm(width, { eps }),
      attn: samGridAttention(width, heads, window),
      norm2: layerNorm(width, { eps }),
      mlp: samMlp(width, width * mlpRatio),
    },
    { x: features(width), branch: features(width) },
    (m, { x, branch }) => {
      const x1 = add(x, unwindows(m.attn(windows(m.norm1(x), window)), window, x))
      return { x: add(x1, m.mlp(m.norm2(x1))), branch }
    },
  )
/** SAM's global block, which looks at the branch before it attends, with an adapter beside its MLP; the branch is refined. */
const globalBlock = (width: number, heads: number, grid: number, mlpRatio: number) =>
  define(
    "ParaBlock",
    {
      norm1: layerNorm(width, { eps }),
      attn: samGridAttention(width, heads, grid),
      norm2: layerNorm(width, { eps }),
      mlp: samMlp(width, width * mlpRatio),
      MLP_Adapter: adapter(width),
      Space_Adapter: crossAttention(width, heads, grid),
      refine_Adapter: singleConv(width, width),
    },
    { x: features(width), branch: features(width) },
    (m, { x, branch }) => {
      const n1 = m.norm1(x)
      const x1 = add(x, m.attn(add(n1, m.Space_Adapter({ x: n1, branch }))))
      const n2 = m.norm2(x1)
      const refined = m.refine_Adapter(rearrange<number>(branch, "b h w c -> b c h w"))
      return {
        x: add(add(x1, m.mlp(n2)), scale(m.MLP_Adapter(n2), 0.5)),
        branch: rearrange<number>(refined, "b c h w -> b h w c"),
      }
    },
  )

export interface Config extends SamConfig {
  /** Side of SAM's table of positions: 64. */
  readonly table: number
  /** Channels that the branch begins with; upstream has 64. */
  readonly branchWidth?: number
}
/** Image [b, 3, imageSize, imageSize] → embedding [b, outChannels, grid, grid]. */
export const imageEncoder = (config: Omit<Config, "maskChannels" | "decoder">) => {
  const {
    imageSize,
    patchSize,
    width,
    depth,
    heads,
    windowSize,
    globalBlocks,
    mlpRatio,
    outChannels,
    table,
    branchWidth = 64,
  } = config
  const grid = imageSize / patchSize
  return define(
    "ImageEncoderViT",
    {
      pos_embed: parameter([1, table, table, width]),
      cnn_embed: cnnEmbed(width, patchSize, branchWidth),
      patch_embed: patchEmbed(width, imageSize),
      post_pos_embed: postPosEmbed(width, table, grid),
      blocks: upTo(depth).map((i) =>
        globalBlocks.includes(i)
          ? globalBlock(width, heads, grid, mlpRatio)
          : windowedBlock(width, heads, windowSize, mlpRatio),
      ),
      neck: samNeck(width, outChannels),
      input_Adapter: skipAdapter(width),
    },
    features(3),
    (m, image) => {
      const tokens = add(m.input_Adapter(m.patch_embed(image)), m.post_pos_embed(m.pos_embed))
      const start = { x: tokens, branch: m.cnn_embed(image) }
      const { x, branch } = m.blocks.reduce((pair, block) => block(pair), start)
      return m.neck(rearrange<number>(add(x, scale(branch, 0.5)), "b h w c -> b c h w"))
    },
  )
}

/** image [b, 3, imageSize, imageSize] and points → masks [b, 1, imageSize, imageSize], logits. */
export const network = (config: Config) =>
  define(
    "Samus",
    {
      image_encoder: imageEncoder(config),
      prompt_encoder: promptEncoder(config),
      mask_decoder: maskDecoder(config),
    },
    { image: features(3), point_coords: optional(2), point_labels: optional(1) },
    (m, { image, point_coords, point_labels }) => {
      const asked = m.prompt_encoder({ point_coords, point_labels, boxes: undefined, mask_input: undefined })
      const decoded = m.mask_decoder({ image_embeddings: m.image_encoder(image), ...asked })
      const low_res_logits = slice(decoded.masks, 1, 0, 1)
      return { masks: resize(low_res_logits, config.imageSize, config.imageSize), low_res_logits }
    },
  )

/** Upstream's rule: what was added, and the relative positions of the global blocks. */
export const learning = (...globals: readonly number[]) =>
  unfreeze(
    submodule("image_encoder.cnn_embed"),
    submodule("image_encoder.post_pos_embed"),
    submodule("image_encoder.input_Adapter"),
    inBlocks("MLP_Adapter", ...globals),
    inBlocks("Space_Adapter", ...globals),
    inBlocks("refine_Adapter", ...globals),
    inBlocks("attn.rel_pos_h", ...globals),
    inBlocks("attn.rel_pos_w", ...globals),
  )

export const samus = pipe(
  model(network({ ...vitB, imageSize: 256, patchSize: 8, table: 64 }), {
    name: "SAMUS",
    takes: { image: pixels({ size: 256, ...unitRange }), ...points() },
    teaches: { masks: masks() },
    blocks: "image_encoder.blocks",
  }),
  freezeAll,
  learning(3, 6, 9, 12),
  expectTotal(133_323_568),
  expectTrainable(39_653_120),
)
export const paper = training(samus)
