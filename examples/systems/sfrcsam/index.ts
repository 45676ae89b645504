/**
 * SFRcSAM (Zhang, Wu and Qin 2024), as far as the HA-SAM paper describes it: "adds frequency features for breast ultrasound images" to SAM. Its authors publish
 * parts of their code only, and nothing of it is here.
 *
 *     hasam-compile examples/systems/sfrcsam
 *
 * Ours are: which frequencies (the log power of a cosine transform of each patch), the convolutions beside them, that both are added to the patches through a gate
 * that starts at zero, and that all but the prompt encoder learns. Its correction of false regions by uncertainty is not here. So no count of it means anything but this spec.
 */
import {
  buffer,
  conv2d,
  define,
  expectTotal,
  expectTrainable,
  features,
  forward,
  freeze,
  gelu,
  layerNorm,
  layerNorm2d,
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
  repeat,
  type SamConfig,
  samBlock,
  samNeck,
  samPatchEmbed,
  sequential,
  training,
  unitRange,
} from "hasam"
import { upTo } from "../lists.ts"
import { vitB } from "../sam/index.ts"

const { add, concat, log, matmul, mean, mul, rearrange, resize, shift, slice } = forward

export interface Config extends SamConfig {
  /** Features of each branch. */
  readonly branchWidth: number
}

/** The orthonormal cosine transform (DCT-II) of `side` × `side` pixels, as a matrix: pixels times it are coefficients. */
export const cosines = (side: number): readonly number[] => {
  const wave = (k: number, n: number) =>
    Math.sqrt((k === 0 ? 1 : 2) / side) * Math.cos((Math.PI * (2 * n + 1) * k) / (2 * side))
  const all = upTo(side)
  return all.flatMap((y) => all.flatMap((x) => all.flatMap((v) => all.map((u) => wave(v, y) * wave(u, x)))))
}

/** image [b, 3, h, w] → [b, h / patch, w / patch, features]: how much of each frequency there is in each patch. */
const frequencyBranch = (patch: number, width: number) =>
  define(
    "FrequencyBranch",
    {
      basis: buffer([patch * patch, patch * patch], { values: cosines(patch) }, { persistent: false }),
      mlp: sequential(linear(patch * patch, width), gelu, linear(width, width)),
    },
    features(3),
    (m, image) => {
      const grey = mean(image, 1)
      const patches = rearrange<number>(grey, "b (h p) (w q) -> b h w (p q)", { p: patch, q: patch })
      const coefficients = matmul(patches, m.basis)
      return m.mlp(log(shift(mul(coefficients, coefficients), 1)))
    },
  )
/** The same size from convolutions. */
const spatialBranch = (patch: number, width: number) =>
  sequential(
    conv2d(3, width, 7, { stride: 4, padding: 3 }),
    layerNorm2d(width),
    gelu,
    conv2d(width, width, patch / 4, { stride: patch / 4 }),
    layerNorm2d(width),
  )
const fusion = (width: number, branch: number) =>
  define(
    "Fusion",
    { norm: layerNorm(2 * branch), proj: linear(2 * branch, width), gate: parameter([1]) },
    { spatial: features(branch), frequency: features(branch) },
    (m, { spatial, frequency }) => mul(m.proj(m.norm(concat([spatial, frequency], 3))), m.gate),
  )

const imageEncoder = (config: Config) => {
  const { imageSize, patchSize, width, depth, heads, windowSize, globalBlocks, mlpRatio, outChannels } = config
  const grid = imageSize / patchSize
  return define(
    "ImageEncoderViT",
    {
      pos_embed: parameter([1, grid, grid, width]),
      patch_embed: samPatchEmbed(width, patchSize),
      blocks: repeat(depth, (i) =>
        samBlock(width, heads, width * mlpRatio, grid, globalBlocks.includes(i - 1) ? 0 : windowSize),
      ),
      neck: samNeck(width, outChannels),
      frequency_branch: frequencyBranch(patchSize, config.branchWidth),
      spatial_branch: spatialBranch(patchSize, config.branchWidth),
      fusion: fusion(width, config.branchWidth),
    },
    features(3),
    (m, image) => {
      const spatial = rearrange<number>(m.spatial_branch(image), "b c h w -> b h w c")
      const fused = m.fusion({ spatial, frequency: m.frequency_branch(image) })
      const tokens = add(add(m.patch_embed(image), m.pos_embed), fused)
      return m.neck(rearrange<number>(m.blocks(tokens), "b h w c -> b c h w"))
    },
  )
}

/** image [b, 3, imageSize, imageSize] and points → masks [b, 1, imageSize, imageSize], logits. */
export const network = (config: Config) =>
  define(
    "Sam",
    {
      image_encoder: imageEncoder(config),
      prompt_encoder: promptEncoder(config),
      mask_decoder: maskDecoder(config),
    },
    { image: features(3), point_coords: optional(2), point_labels: optional(1) },
    (m, { image, point_coords, point_labels }) => {
      const asked = m.prompt_encoder({ point_coords, point_labels, boxes: undefined, mask_input: undefined })
      const decoded = m.mask_decoder({ image_embeddings: m.image_encoder(image), ...asked })
      return { masks: resize(slice(decoded.masks, 1, 0, 1), config.imageSize, config.imageSize) }
    },
  )
export const sfrcSamOf = (config: Config) =>
  pipe(
    model(network(config), {
      name: "SFRcSAM",
      takes: { image: pixels({ size: config.imageSize, ...unitRange }), ...points() },
      teaches: { masks: masks() },
      blocks: "image_encoder.blocks",
    }),
    freeze("prompt_encoder"),
  )

export const sfrcSam = pipe(
  sfrcSamOf({ ...vitB, imageSize: 256, branchWidth: 64 }),
  expectTotal(90_932_465),
  expectTrainable(90_926_245),
)
export const paper = training(sfrcSam)
