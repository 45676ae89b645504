/**
 * Every method on one small SAM that a laptop trains, on 64 × 64 pixels: they show that each runs, end to end.
 *
 *     hasam data phantoms phantoms --count 60 --size 64
 *     hasam train examples/methods/small.ts#base --data phantoms --out base
 *     hasam weights export base base.safetensors
 *     hasam study examples/methods#small --data phantoms --weights base.safetensors --out studies/methods
 *
 * The mask decoder learns with each, as SAMed and Med-SA have it.
 */
import {
  adam,
  adaptFormer,
  autoLr,
  blocks,
  freeze,
  freezeAll,
  haSam,
  houlsby,
  ladderSide,
  pipe,
  prefixTuning,
  rates,
  sam,
  samedLora,
  submodule,
  training,
  unfreeze,
  vptDeep,
  vptShallow,
} from "hasam"

/** A SAM two blocks deep: one windowed, one global. What a point does not reach is frozen. */
export const base = pipe(
  sam({
    ...{ imageSize: 64, patchSize: 8, width: 32, depth: 2, heads: 2, windowSize: 4, globalBlocks: [1], mlpRatio: 4 },
    ...{ outChannels: 32, maskChannels: 8 },
    decoder: { depth: 2, heads: 2, mlpWidth: 32, iouWidth: 32, iouDepth: 3, maskTokens: 4 },
  }),
  freeze("promptEncoder", submodule("mask_decoder.iou_prediction_head")),
)
const decoder = unfreeze("maskDecoder")
const scores = freeze(submodule("mask_decoder.iou_prediction_head"))

export const houlsbyOf = pipe(base, houlsby(4), decoder, scores)
export const adaptFormerOf = pipe(base, adaptFormer(4), decoder, scores)
export const loraOf = pipe(base, samedLora(2), decoder, scores)
export const haSamOf = pipe(base, haSam(1 / 8), decoder, scores)
export const vptDeepOf = pipe(base, vptDeep(4), decoder, scores)
export const vptShallowOf = pipe(base, vptShallow(4), decoder, scores)
export const prefixOf = pipe(base, prefixTuning(4), decoder, scores)
export const ladderOf = pipe(base, ladderSide(8), decoder, scores)
export const surgicalOf = pipe(base, freezeAll, unfreeze(blocks(2)), decoder, scores)

/** How all of them are trained here. */
const brief = { optimizer: adam({ rate: 1e-3 }), epochs: 2, batch: 4 }
export const baseTraining = training(base, brief)
export const houlsbyTraining = training(houlsbyOf, brief)
export const adaptFormerTraining = training(adaptFormerOf, brief)
export const loraTraining = training(loraOf, brief)
export const haSamTraining = training(haSamOf, brief)
export const vptDeepTraining = training(vptDeepOf, brief)
export const vptShallowTraining = training(vptShallowOf, brief)
export const prefixTraining = training(prefixOf, brief)
export const ladderTraining = training(ladderOf, brief)
export const surgicalTraining = training(surgicalOf, brief)
/** Everything learns, earlier blocks more slowly. */
export const autoLrTraining = training(base, {
  ...brief,
  rates: rates({ imageEncoder: (block) => 1e-3 * 0.5 ** (3 - block) }),
})
/** The same, but nobody says at which rates: they are tuned until later blocks move more. */
export const tunedTraining = training(base, { ...brief, autoLr: autoLr({ trials: 4 }) })
