/**
 * Learning rates by depth: small where the image comes in, larger towards the output. They are tuned while training, as AutoLR (Ro and Choi 2021) does, until later blocks
 * change more than earlier ones; or they are a function of depth, as in layer-wise decay (Clark et al. 2020, BEiT).
 *
 *     hasam-compile examples/methods/autolr
 */
import {
  adamW,
  autoLr,
  expectTrainable,
  freeze,
  haSam,
  model,
  pipe,
  pixels,
  point,
  polynomialRate,
  rates,
  samVitB,
  sgd,
  stepRate,
  submodule,
  training,
  vit,
} from "hasam"

/** Everything learns that a point and a mask reach in SAM's encoder and decoder; each block at 0.8 of the next one's rate, the patch embedding as block 0, the neck as block 13. */
export const tuned = pipe(
  samVitB,
  freeze("promptEncoder", submodule("mask_decoder.iou_prediction_head")),
  expectTrainable(93_596_640),
)
export const tunedTraining = training(tuned, {
  optimizer: adamW({ rate: 1e-4 }),
  rates: rates({ imageEncoder: (block) => 1e-4 * 0.8 ** (13 - block) }),
  rateSchedule: polynomialRate({ warmup: 250 }),
})

/** AutoLR as its authors train: SGD, one rate for all blocks at first and a larger one behind them, a fifth of all of them in the last ten epochs. */
export const automaticTraining = training(tuned, {
  ...{ optimizer: sgd({ rate: 1e-3, momentum: 0.9 }), epochs: 50, rateSchedule: stepRate(40, 0.2) },
  rates: rates({ maskDecoder: 1e-2 }),
  autoLr: autoLr(),
})

/** Of adapters alone, rates by depth again. */
export const adapted = pipe(samVitB, haSam(0.24), expectTrainable(6_815_046))
export const adaptedTraining = training(adapted, { rates: rates({ adapters: (block) => 5e-4 * 0.9 ** (12 - block) }) })

/** A plain ViT that finds a point: its parts have rates of their own. */
export const locator = pipe(
  model(vit({ depth: 12, gives: 2 }), {
    name: "ViT-B/16",
    takes: { image: pixels({ size: 224, mean: 127.5, deviation: 127.5 }) },
    teaches: { output: point() },
    blocks: "blocks",
  }),
  expectTrainable(85_800_194),
)
export const locatorTraining = training(locator, {
  optimizer: adamW({ rate: 1e-4 }),
  rates: rates({ blocks: (block) => 1e-4 * 0.75 ** (13 - block), patch_embed: 2e-6, head: 1e-3 }),
})
