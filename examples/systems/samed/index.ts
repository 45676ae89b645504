/**
 * SAMed (Zhang and Liu 2023) as hitachinsk/SAMed: SAM without prompts, a mask token a class, low-rank updates of the queries and values, and the
 * whole of prompt encoder and mask decoder trained, on 512 × 512 pixels.
 *
 *     hasam-compile examples/systems/samed
 *
 * The paper's 18.81 is the size of upstream's checkpoint of what learns, in MiB: 19,725,637 bytes.
 */
import {
  adamW,
  adapt,
  add,
  crossEntropy,
  define,
  dice,
  expectTotal,
  expectTrainable,
  features,
  freeze,
  imageEncoder,
  lora,
  maskDecoder,
  model,
  pipe,
  pixels,
  promptEncoder,
  type SamConfig,
  training,
  uniform,
  unitRange,
  weighted,
} from "hasam"
import { vitB } from "../sam/index.ts"
import { synapse } from "../synapse.ts"

/** image [b, 3, imageSize, imageSize] → masks [b, maskTokens, imageSize / 4, imageSize / 4], logits, a plane a class and the background first. */
export const network = <const Depth extends number, const W extends number>(config: SamConfig<Depth, W>) =>
  define(
    "Sam",
    {
      image_encoder: imageEncoder(config),
      prompt_encoder: promptEncoder(config),
      mask_decoder: maskDecoder(config),
    },
    { image: features(3) },
    (m, { image }) => {
      const nothing = { point_coords: undefined, point_labels: undefined, boxes: undefined, mask_input: undefined }
      const asked = m.prompt_encoder(nothing)
      const { masks } = m.mask_decoder({ image_embeddings: m.image_encoder(image), ...asked })
      return { masks }
    },
  )

const config = { ...vitB, imageSize: 512, decoder: { ...vitB.decoder, maskTokens: synapse.names.length } } as const
export const samed = pipe(
  model(network(config), {
    name: "SAMed",
    takes: { image: pixels({ size: config.imageSize, ...unitRange }) },
    teaches: { masks: synapse },
    blocks: "image_encoder.blocks",
  }),
  freeze("image_encoder"),
  adapt(uniform(12, 4), (rank) => [lora({ rank, on: ["q", "v"] })]),
  expectTotal(92_192_469),
  expectTrainable(4_913_621),
)

/** AdamW and 0.2 · cross-entropy + 0.8 · Dice, both of the masks at low resolution, as upstream's. */
export const paper = training(samed, {
  optimizer: adamW({ rate: 5e-3, weightDecay: 0.1 }),
  loss: add(weighted(0.2, crossEntropy()), weighted(0.8, dice({ over: "classes" }))),
  batch: 12,
})
