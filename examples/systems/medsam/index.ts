/**
 * MedSAM (Ma et al. 2024) as bowang-lab/MedSAM, train_one_gpu.py: SAM ViT-B asked by boxes, image encoder and mask decoder trained.
 *
 *     hasam-compile examples/systems/medsam
 */
import {
  adamW,
  add,
  bceWithLogits,
  box,
  dice,
  expectTotal,
  expectTrainable,
  freeze,
  pipe,
  samVitB,
  training,
} from "hasam"

export const medSam = pipe(samVitB, freeze("promptEncoder"), expectTotal(93_735_472), expectTrainable(93_729_252))

export const paper = training(medSam, {
  optimizer: adamW({ rate: 1e-4, weightDecay: 0.01 }),
  loss: add(dice(), bceWithLogits()),
  prompt: box,
})
