/**
 * MedSAM (Ma et al. 2024) as bowang-lab/MedSAM, train_one_gpu.py: SAM ViT-B asked by boxes, on pixels from 0 to 1, image encoder and mask decoder trained.
 *
 *     hasam-compile examples/systems/medsam
 */
import {
  adamW,
  add,
  bceWithLogits,
  box,
  boxes,
  define,
  dice,
  expectTotal,
  expectTrainable,
  features,
  forward,
  freeze,
  imageEncoder,
  maskDecoder,
  masks,
  model,
  optional,
  pipe,
  pixels,
  promptEncoder,
  type SamConfig,
  training,
  unitRange,
} from "hasam"
import { vitB } from "../sam/index.ts"

const { resize, slice } = forward

/** image [b, 3, imageSize, imageSize] and boxes → masks [b, 1, imageSize, imageSize], logits. Other than in SAM, the pixels are not normalised by ImageNet's means. */
export const network = <const Depth extends number, const W extends number>(config: SamConfig<Depth, W>) =>
  define(
    "MedSAM",
    { image_encoder: imageEncoder(config), mask_decoder: maskDecoder(config), prompt_encoder: promptEncoder(config) },
    { image: features(3), boxes: optional(4) },
    (m, { image, boxes }) => {
      const image_embedding = m.image_encoder(image)
      const asked = m.prompt_encoder({ point_coords: undefined, point_labels: undefined, boxes, mask_input: undefined })
      const low_res_masks = slice(m.mask_decoder({ image_embeddings: image_embedding, ...asked }).masks, 1, 0, 1)
      return { masks: resize(low_res_masks, config.imageSize, config.imageSize), image_embedding }
    },
  )
export const medSamOf = <const Depth extends number, const W extends number>(config: SamConfig<Depth, W>) =>
  pipe(
    model(network(config), {
      name: "MedSAM",
      takes: { image: pixels({ size: config.imageSize, ...unitRange }), ...boxes() },
      teaches: { masks: masks() },
      keeps: ["image_embedding"],
      blocks: "image_encoder.blocks",
    }),
    freeze("prompt_encoder"),
  )

export const medSam = pipe(medSamOf(vitB), expectTotal(93_735_472), expectTrainable(93_729_252))

export const paper = training(medSam, {
  optimizer: adamW({ rate: 1e-4, weightDecay: 0.01 }),
  loss: add(dice(), bceWithLogits()),
  prompt: box,
})
