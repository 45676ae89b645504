/**
 * The systems of the paper's Table 1 in one study, each in its small configuration (small.ts): that they run, end to end, into one table.
 *
 *     hasam data phantoms phantoms --count 60 --size 64
 *     hasam study examples/systems#small --data phantoms --out studies/small
 *
 * They are too small, and phantoms too easy, for the table to say anything about the systems.
 */
import { study } from "hasam"
import {
  h2FormerTraining,
  medSamTraining,
  medSaTraining,
  missFormerTraining,
  mobileSamTraining,
  samedTraining,
  samusTraining,
  swinUnetTraining,
  transUnetTraining,
  unetTraining,
} from "./small.ts"

export * from "./small.ts"

export const small = study({
  trainings: [
    unetTraining,
    swinUnetTraining,
    transUnetTraining,
    h2FormerTraining,
    missFormerTraining,
    samedTraining,
    medSaTraining,
    medSamTraining,
    samusTraining,
    mobileSamTraining,
  ],
  seeds: [0, 1],
})
