/**
 * The methods of adaptation in one study, each in its small configuration (small.ts). Full fine-tuning is what they are compared with.
 *
 *     hasam study examples/methods#small --data phantoms --weights base.safetensors --out studies/methods
 */
import { study } from "hasam"
import {
  adaptFormerTraining,
  autoLrTraining,
  baseTraining,
  haSamTraining,
  houlsbyTraining,
  ladderTraining,
  loraTraining,
  prefixTraining,
  surgicalTraining,
  tunedTraining,
  vptDeepTraining,
  vptShallowTraining,
} from "./small.ts"

export * from "./small.ts"

export const small = study({
  trainings: [
    houlsbyTraining,
    adaptFormerTraining,
    loraTraining,
    haSamTraining,
    vptDeepTraining,
    vptShallowTraining,
    prefixTraining,
    ladderTraining,
    surgicalTraining,
    autoLrTraining,
    tunedTraining,
    baseTraining,
  ],
  seeds: [0, 1],
})
