/**
 * SFRcSAM (Zhang, Wu and Qin 2024), as far as the HA-SAM paper describes it: "adds frequency features for breast ultrasound images" to SAM. Its authors publish
 * parts of their code only, and nothing of it is here.
 *
 *     hasam-compile examples/systems/sfrcsam
 *
 * Ours are: which frequencies (the log power of a cosine transform of each patch), the convolutions beside them, that both are added to the patches through a gate
 * that starts at zero, and that all but the prompt encoder learns. `corrected` has what its authors' abstract adds: a corrector that finds regions which are falsely inside or falsely
 * outside the mask, by uncertainty; how it does so is ours as well. So no count of it means anything but this spec.
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

const { add, concat, log, matmul, mean, mul, rearrange, resize, scale, shift, sigmoid, slice, sub } = forward

export interface Config extends SamConfig {
  /** Features of each branch. */
  readonly branchWidth: number
  /** Features of the corrector; left out, masks are not corrected. */
  readonly correctorWidth?: number
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

/** SAM's mask decoder gives four pixels a patch. */
const maskSide = ({ imageSize, patchSize }: Config) => (4 * imageSize) / patchSize

/** How sure it is, from 0 to 1 and pixel by pixel, that the mask is wrong in one way; from what the image shows, and from the mask and how uncertain that is. */
const falseRegions = (image: number, width: number) =>
  sequential(conv2d(image + 2, width, 3, { padding: 1 }), layerNorm2d(width), gelu, conv2d(width, 1, 1))

/**
 * logits [b, 1, h, w] of a mask and the image's embeddings [b, c, h / 4, w / 4] → corrected logits [b, 1, h, w].
 * With p = sigmoid(z), a pixel is as uncertain as u = 4p(1 − p). Its logit becomes z + gate · u · ((1 − p)·n − p·f): n and f say that it is falsely outside, falsely inside. What is certain
 * stays as it is, and so does everything at first: the gate starts at zero.
 */
export const dualFalseCorrector = (image: number, side: number, width: number) =>
  define(
    "DualFalseCorrector",
    {
      false_positive: falseRegions(image, width),
      false_negative: falseRegions(image, width),
      gate: parameter([1]),
    },
    { logits: features(1), embeddings: features(image) },
    (m, { logits, embeddings }) => {
      const inside = sigmoid(logits)
      const outside = sigmoid(scale(logits, -1))
      const uncertain = scale(mul(inside, outside), 4)
      const seen = concat([resize(embeddings, side, side), inside, uncertain], 1)
      const missed = mul(outside, sigmoid(m.false_negative(seen)))
      const wrong = mul(inside, sigmoid(m.false_positive(seen)))
      return add(logits, mul(mul(sub(missed, wrong), uncertain), m.gate))
    },
  )

/** image [b, 3, imageSize, imageSize] and points → masks [b, 1, imageSize, imageSize], logits. */
export const network = (config: Config) =>
  define(
    "Sam",
    {
      image_encoder: imageEncoder(config),
      prompt_encoder: promptEncoder(config),
      mask_decoder: maskDecoder(config),
      ...(config.correctorWidth === undefined
        ? {}
        : { corrector: dualFalseCorrector(config.outChannels, maskSide(config), config.correctorWidth) }),
    },
    { image: features(3), point_coords: optional(2), point_labels: optional(1) },
    (m, { image, point_coords, point_labels }) => {
      const asked = m.prompt_encoder({ point_coords, point_labels, boxes: undefined, mask_input: undefined })
      const embeddings = m.image_encoder(image)
      const logits = slice(m.mask_decoder({ image_embeddings: embeddings, ...asked }).masks, 1, 0, 1)
      const found = m.corrector === undefined ? logits : m.corrector({ logits, embeddings })
      return { masks: resize(found, config.imageSize, config.imageSize) }
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

/** With the correction of false regions. */
export const corrected = pipe(
  sfrcSamOf({ ...vitB, imageSize: 256, branchWidth: 64, correctorWidth: 32 }),
  expectTotal(91_081_332),
  expectTrainable(91_075_112),
)
export const correctedTraining = training(corrected)
