/**
 * Table 2 of the paper, and the baseline that its reviewers missed: the same adapters, distributed otherwise over the blocks.
 *
 *     hasam-compile examples/ablations
 *
 * r = 0.24, the reading of Table 1 in millions of parameters (see ../ha-sam). The two exponential strategies are said to
 * bring "only slight changes in the number of parameters": they train 14.5 % and 27.6 % more.
 */
import { expectTrainable, pipe, reverse, schedule, uniform, without } from "hasam"
import { haSam, hierarchical } from "../ha-sam/index.ts"

const d = 768
const r = 0.24

export const proposed = pipe(hierarchical(r), haSam, expectTrainable(6_815_046))

/** Large adapters in shallow blocks, small ones in deep blocks. */
export const reversed = pipe(hierarchical(r), reverse, haSam, expectTrainable(6_815_046))

export const withoutFirst = pipe(hierarchical(r), without(1), haSam, expectTrainable(6_718_216))
export const withoutLast = pipe(hierarchical(r), without(12), haSam, expectTrainable(5_774_498))

/** Strategy 1: 2^((i − 6) / 6). */
export const powersOfTwo = pipe(
  schedule(12, (i) => d * r * 2 ** ((i - 6) / 6)),
  haSam,
  expectTrainable(7_804_874),
)

/** Strategy 2: e^((i − 6) / 6). */
export const powersOfE = pipe(
  schedule(12, (i) => d * r * Math.exp((i - 6) / 6)),
  haSam,
  expectTrainable(8_693_260),
)

/** The same rank in every block: what the hierarchy has to beat. */
export const flat = pipe(uniform(12, d * r), haSam, expectTrainable(6_805_824))
