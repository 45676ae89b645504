/**
 * The paper's question in small: adapters of one budget, distributed otherwise over the blocks of a frozen network.
 * `hasam study examples/small/adapted.ts` trains and compares them (docs/small-study.md).
 */
import {
  adam,
  adapt,
  afterAttention,
  cosineRate,
  freezeAll,
  inMlpResidual,
  linear,
  pipe,
  type Rank,
  relu,
  residual,
  reverse,
  type Schedule,
  schedule,
  sequential,
  study,
  training,
  uniform,
  without,
  withTotal,
} from "hasam"
import { base } from "./index.ts"

const d = 64
const r = 1 / 4

const adapter = (rank: Rank) => residual(sequential(linear(d, rank), relu, linear(rank, d)))
const adapted = (ranks: Schedule<6>) =>
  pipe(
    base,
    freezeAll,
    adapt(ranks, (rank) => [afterAttention(adapter(rank)), inMlpResidual(adapter(rank))]),
  )

/** Equations 1 and 2 for six blocks: blocks 3 and 4 share d·r. The ranks sum to 6·d·r. */
const growing = schedule(6, (i) => (d * r * (i <= 3 ? i : i - 1)) / 3)
const budget = withTotal(6 * d * r)

const options = { optimizer: adam({ rate: 5e-4 }), epochs: 20, batch: 4, rateSchedule: cosineRate({ floor: 0.05 }) }

export const hierarchical = pipe(growing, budget, adapted)
export const flat = pipe(uniform(6, d * r), budget, adapted)
export const reversed = pipe(growing, reverse, budget, adapted)
export const withoutFirst = pipe(growing, without(1), budget, adapted)
export const withoutLast = pipe(growing, without(6), budget, adapted)

export const trainHierarchical = training(hierarchical, options)
export const trainFlat = training(flat, options)
export const trainReversed = training(reversed, options)
export const trainWithoutFirst = training(withoutFirst, options)
export const trainWithoutLast = training(withoutLast, options)

export const compared = study({
  trainings: [trainWithoutLast, trainWithoutFirst, trainReversed, trainFlat, trainHierarchical],
  seeds: [0, 1, 2],
})
