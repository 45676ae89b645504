/**
 * Every system in a small configuration that a laptop trains, on 64 × 64 pixels: they show that each runs, end to end, and give no figures of the paper.
 *
 *     hasam data phantoms phantoms --count 60 --size 64
 *     hasam train examples/systems/small.ts#unet --data phantoms --out runs/unet
 */
import {
  adam,
  adapt,
  box,
  classes,
  freeze,
  freezeAll,
  inBlocks,
  lora,
  masks,
  model,
  pipe,
  pixels,
  points,
  sam,
  training,
  unfreeze,
  uniform,
  unitRange,
} from "hasam"
import * as h2FormerOf from "./h2former/index.ts"
import { medSaOf } from "./medsa/index.ts"
import { medSamOf } from "./medsam/index.ts"
import * as missFormerOf from "./missformer/index.ts"
import { tinySam } from "./mobile-sam/index.ts"
import { network as samedNetwork } from "./samed/index.ts"
import * as samusOf from "./samus/index.ts"
import { sfrcSamOf } from "./sfrcsam/index.ts"
import * as swinUnetOf from "./swin-unet/index.ts"
import * as transUnetOf from "./transunet/index.ts"
import * as unetOf from "./unet/index.ts"

const size = 64
const segments = { takes: { image: pixels({ size, ...unitRange }) }, teaches: { masks: masks() } }

export const unet = model(unetOf.network({ nChannels: 3, nClasses: 1, width: 8 }), { name: "U-Net", ...segments })
export const swinUnet = model(
  swinUnetOf.network({
    ...{ imgSize: size, numClasses: 1, embedDim: 12, depths: [2, 2, 2], numHeads: [1, 2, 4], windowSize: 4 },
  }),
  { name: "Swin-Unet", ...segments },
)
export const transUnet = model(
  transUnetOf.network({
    ...{ imgSize: size, numClasses: 1, hiddenSize: 32, numHeads: 2, numLayers: 2, widthFactor: 0.5 },
    ...{ resnetLayers: [1, 1, 1], headChannels: 32, decoderChannels: [32, 16, 16, 8] },
  }),
  { name: "TransUNet", ...segments },
)
export const h2Former = model(h2FormerOf.network({ imageSize: size, layers: [1, 1, 1, 1], numClasses: 1, width: 8 }), {
  name: "H2Former",
  ...segments,
})
export const missFormer = model(
  missFormerOf.network({ numClasses: 1, imageSize: size, dims: [8, 16, 40, 64], layers: [1, 1, 1, 1] }),
  { name: "MISSFormer", ...segments },
)

/** A SAM two blocks deep: one windowed, one global. */
const small = {
  imageSize: size,
  patchSize: 8,
  width: 32,
  depth: 2,
  heads: 2,
  windowSize: 4,
  globalBlocks: [1],
  mlpRatio: 4,
  outChannels: 32,
  maskChannels: 8,
  decoder: { depth: 2, heads: 2, mlpWidth: 32, iouWidth: 32, iouDepth: 3, maskTokens: 4 },
} as const
export const zeroShot = pipe(sam(small), freezeAll)
export const medSam = medSamOf(small)
export const samed = pipe(
  model(samedNetwork({ ...small, decoder: { ...small.decoder, maskTokens: 2 } }), {
    name: "SAMed",
    takes: segments.takes,
    teaches: { masks: classes("background", "nerve") },
    blocks: "image_encoder.blocks",
  }),
  freeze("image_encoder"),
  adapt(uniform(2, 4), (rank) => [lora({ rank, on: ["q", "v"] })]),
)
export const medSa = pipe(
  medSaOf("Med-SA", { ...small, table: 16, outSize: size / 2 }),
  freezeAll,
  unfreeze("mask_decoder", inBlocks("MLP_Adapter", 1, 2), inBlocks("Space_Adapter", 1, 2)),
)
export const samus = pipe(
  model(samusOf.network({ ...small, table: 16 }), {
    name: "SAMUS",
    takes: { ...segments.takes, ...points() },
    teaches: { masks: masks() },
    blocks: "image_encoder.blocks",
  }),
  freezeAll,
  samusOf.learning(2),
)
export const sfrcSam = sfrcSamOf({ ...small, branchWidth: 8 })
export const correctedSfrcSam = sfrcSamOf({ ...small, branchWidth: 8, correctorWidth: 8 })
export const mobileSam = tinySam(
  "MobileSAM",
  { ...small, patchSize: 16 },
  {
    embedDims: [8, 16, 24, 32],
    depths: [1, 1, 2, 1],
    numHeads: [1, 2, 2, 2],
    windowSizes: [4, 3, 4, 3],
    numClasses: 10,
  },
)

/** How all of them are trained here. */
const brief = { optimizer: adam({ rate: 1e-3 }), epochs: 2, batch: 4 }
export const unetTraining = training(unet, brief)
export const swinUnetTraining = training(swinUnet, brief)
export const transUnetTraining = training(transUnet, brief)
export const h2FormerTraining = training(h2Former, brief)
export const missFormerTraining = training(missFormer, brief)
export const medSamTraining = training(medSam, { ...brief, prompt: box })
export const samedTraining = training(samed, brief)
export const medSaTraining = training(medSa, brief)
export const samusTraining = training(samus, brief)
export const sfrcSamTraining = training(sfrcSam, brief)
export const correctedSfrcSamTraining = training(correctedSfrcSam, brief)
export const mobileSamTraining = training(mobileSam, brief)
