/**
 * A small SAM that a laptop trains: SAM's network at 128 × 128 pixels, 64 features wide, six blocks deep.
 *
 *     hasam data phantoms phantoms --count 300 --size 160
 *     hasam train examples/small --data phantoms --out runs/small
 *
 * It has not SAM's weights and does not give the paper's numbers: it shows that the experiment runs, end to end, on two cores.
 * adapted.ts adapts it as the paper adapts SAM.
 */
import { adam, add, bceWithLogits, cosineRate, dice, freeze, pipe, sam, submodule, training, weighted } from "hasam"

/** SAM in small. What a point prompt does not use is frozen, all else learns: this is what is pre-trained. */
export const base = pipe(
  sam({
    imageSize: 128,
    patchSize: 8,
    width: 64,
    depth: 6,
    heads: 4,
    windowSize: 8,
    globalBlocks: [2, 5],
    outChannels: 64,
    maskChannels: 16,
    decoder: { heads: 4, mlpWidth: 128, iouWidth: 64 },
  }),
  freeze(
    submodule("prompt_encoder.mask_downscaling"),
    submodule("prompt_encoder.point_embeddings.0"),
    submodule("prompt_encoder.point_embeddings.2"),
    submodule("prompt_encoder.point_embeddings.3"),
    submodule("mask_decoder.iou_prediction_head"),
    submodule("mask_decoder.output_hypernetworks_mlps.1"),
    submodule("mask_decoder.output_hypernetworks_mlps.2"),
    submodule("mask_decoder.output_hypernetworks_mlps.3"),
  ),
)

/** How it learns from nothing. The cross-entropy weighs more than Dice at first, which says little to a network that finds nothing yet. */
export const pretraining = training(base, {
  optimizer: adam({ rate: 1e-3 }),
  loss: add(dice(), weighted(5, bceWithLogits())),
  epochs: 28,
  batch: 4,
  rateSchedule: cosineRate({ warmup: 1, floor: 0.02 }),
  augmentation: { flip: true, rotation: 5, scale: 0.1, gain: 0.1 },
})
