/**
 * SAM (Kirillov et al. 2023), zero-shot: nothing learns. The language has it: src/dsl/sam.
 *
 *     hasam-compile examples/systems/sam
 *     hasam eval examples/systems/sam --data my-images --weights sam_vit_b_01ec64.pth
 */
import { expectTotal, freezeAll, pipe, samVitB, samVitH, samVitL } from "hasam"

export const zeroShot = pipe(samVitB, freezeAll, expectTotal(93_735_472))
export const zeroShotLarge = pipe(samVitL, freezeAll, expectTotal(312_342_832))
export const zeroShotHuge = pipe(samVitH, freezeAll, expectTotal(641_090_608))

/** ViT-B's numbers, for the systems that put SAM's parts together themselves. */
export const vitB = {
  imageSize: 1024,
  patchSize: 16,
  width: 768,
  depth: 12,
  heads: 12,
  windowSize: 14,
  globalBlocks: [2, 5, 8, 11],
  mlpRatio: 4,
  outChannels: 256,
  maskChannels: 16,
  decoder: { depth: 2, heads: 8, mlpWidth: 2048, iouWidth: 256, iouDepth: 3, maskTokens: 4 },
} as const
