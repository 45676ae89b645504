/**
 * HA-SAM: Hierarchically Adapting SAM for Nerve Segmentation in Ultrasound Images (MICCAI 2025).
 *
 *     hasam-compile examples/ha-sam
 *
 * Table 1 prints 6.82 under "Train Para." and names no unit. Other rows of that column are millions of parameters, one
 * (SAMed's 18.81) is the size of a checkpoint in mebibytes, and the text gives no r. So there are two readings, and both are here:
 * each prints as 6.82, and they differ 3.8 times.
 */
import {
  adapt,
  afterAttention,
  expectTrainable,
  freezeAll,
  inMlpResidual,
  linear,
  pipe,
  type Rank,
  relu,
  residual,
  type Schedule,
  samVitB,
  schedule,
  sequential,
  training,
} from "hasam"

const d = 768 // features in each block of ViT-B

/** Section 3.2: down to the rank, ReLU, up again, plus the input. */
const adapter = (rank: Rank) => residual(sequential(linear(d, rank), relu, linear(rank, d)))

/** SAM with every weight frozen, and two adapters in each block that learn. */
export const haSam = (ranks: Schedule<12>) =>
  pipe(
    samVitB,
    freezeAll,
    adapt(ranks, (rank) => [afterAttention(adapter(rank)), inMlpResidual(adapter(rank))]),
  )

/** Equations 1 and 2: the rank grows with depth, and blocks 6 and 7 share d·r. */
export const hierarchical = (r: number) => schedule(12, (i) => (d * r * (i <= 6 ? i : i - 1)) / 6)

/** 6.82 read as millions of parameters: r = 0.24 … */
export const millions = pipe(hierarchical(0.24), haSam, expectTrainable(6_815_046))

/** … and as mebibytes in float32: r = 1/16, the usual reduction factor. The paper does not say which. */
export const mebibytes = pipe(hierarchical(1 / 16), haSam, expectTrainable(1_789_056))

/** Section 4.1: Adam, 5e-4, batch 1, 400 epochs. */
export const paper = training(millions)
