/**
 * Rates of blocks that are tuned while training: AutoLR (Ro and Choi, AAAI 2021), its orders and its rule read from its authors' code. Pure: the loop
 * (train.ts) trains an epoch, asks here, and keeps the epoch or trains it again.
 */
import { tunedDepths } from "../../compiler/analysis/rates.ts"
import type { Tensors } from "../../compiler/ir/graph.ts"
import type { ModelData } from "../../dsl/model.ts"
import type { AutoLr } from "../../dsl/training.ts"

/** Where tuning stands; a checkpoint keeps it. */
export interface Tuning {
  /** Times that this epoch was trained and undone. */
  readonly undone: number
  /** By depth, 0 being what stands before the blocks: how many times its rate of the spec each one has. */
  readonly factors: readonly number[]
  /** How far each block that learns is to move, from the first to the last: decided once an epoch. */
  readonly wanted?: readonly number[]
}

/** What a trial of an epoch gave. */
export interface Judged {
  /** How well the blocks are in order: 1 if each moved more than those before it. */
  readonly order: number
  /** What was asked of it. */
  readonly asked: number
  readonly kept: boolean
  readonly next: Tuning
}

/**
 * How well values ascend: 1 − 2·Σ|place − place in order| / n², 1 for sorted values; about 0 for those that descend.
 * Equal ones are in order as they stand.
 */
export const orderOf = (values: readonly number[]): number => {
  const sorted = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]! || a - b)
  const away = sorted.reduce((sum, from, to) => sum + Math.abs(from - to), 0)
  return 1 - (2 * away) / Math.max(1, values.length ** 2)
}

/** The order asked for in an epoch, counted from 0: times `relax` after each one, while it is above `least`. */
export const orderAsked = ({ order, relax, least }: AutoLr, epoch: number): number => {
  let asked = order
  for (let i = 0; i < epoch && asked > least; i++) asked *= relax
  return asked
}

const between = (low: number, high: number, n: number): readonly number[] =>
  Array.from({ length: n }, (_, i) => low + ((high - low) * i) / Math.max(1, n - 1))

/**
 * How far blocks are to move that moved so far. In the first epoch, in even steps from `lowest` times the least movement to `highest` times the largest, the
 * smaller of the two first. Later, those that are out of order are put beside their neighbours, from the middle one outwards, at an even step's distance;
 * where that would be nothing or less, at half of the neighbour's.
 */
export const wantedOf = (moved: readonly number[], { lowest, highest }: AutoLr, epoch: number): readonly number[] => {
  const [least, most] = [Math.min(...moved), Math.max(...moved)]
  if (epoch === 0) {
    const [a, b] = [least * lowest, most * highest]
    return between(Math.min(a, b), Math.max(a, b), moved.length)
  }
  const step = (most - least) / Math.max(1, moved.length - 1)
  const wanted = [...moved]
  const middle = Math.floor(moved.length / 2)
  for (let i = middle; i > 0; i--) {
    const [before, here] = [wanted[i - 1]!, wanted[i]!]
    if (before > here) wanted[i - 1] = here - step > 0 ? here - step : here / 2
  }
  for (let i = middle; i < wanted.length - 1; i++) if (wanted[i]! > wanted[i + 1]!) wanted[i + 1] = wanted[i]! + step
  return wanted
}

export interface Tuner {
  readonly start: Tuning
  /** Inputs of the next step. */
  readonly feeds: (tuning: Tuning) => Readonly<Record<string, number>>
  /** What becomes of an epoch, counted from 0, that began with some tensors and ended with others. */
  readonly judge: (before: Tensors, after: Tensors, epoch: number, tuning: Tuning) => Judged
}

/** `names`: tensors that the optimizer changes. */
export const tunerOf = (model: ModelData, options: AutoLr, names: readonly string[]): Tuner => {
  const own = [...tunedDepths(model)].filter(([name]) => names.includes(name))
  const deepest = Math.max(0, ...own.map(([, { depth }]) => depth))
  const depths = [...new Set(own.flatMap(([, { depth }]) => (depth === 0 ? [] : [depth])))].sort((a, b) => a - b)
  const feeds = new Map(own.map(([, { feed, depth }]) => [feed, depth]))

  /** ‖Δw‖₂ / number of parameters, of each block. */
  const movedOf = (before: Tensors, after: Tensors): readonly number[] =>
    depths.map((of) => {
      let [squares, count] = [0, 0]
      for (const [name, { depth }] of own) {
        if (depth !== of) continue
        const [a, b] = [before[name]!.data, after[name]!.data]
        for (let i = 0; i < a.length; i++) squares += (b[i]! - a[i]!) ** 2
        count += a.length
      }
      return Math.sqrt(squares) / Math.max(1, count)
    })

  /** A movement is taken to be in proportion to its rate; of a block that stood still nothing is known. */
  const factorsOf = ({ factors }: Tuning, moved: readonly number[], wanted: readonly number[]): readonly number[] => {
    const next = [...factors]
    for (const [i, depth] of depths.entries())
      if (moved[i]! > 0) next[depth] = (factors[depth]! * wanted[i]!) / moved[i]!
    next[0] = options.before * next[depths[0] ?? 0]!
    return next
  }

  return {
    start: { undone: 0, factors: Array.from({ length: deepest + 1 }, () => 1) },
    feeds: ({ factors }) => Object.fromEntries([...feeds].map(([feed, depth]) => [feed, factors[depth]!])),
    judge: (before, after, epoch, tuning) => {
      const moved = movedOf(before, after)
      const [order, asked] = [orderOf(moved), orderAsked(options, epoch)]
      const kept = order >= asked || tuning.undone + 1 >= options.trials
      const { factors, undone } = tuning
      if (kept) return { order, asked, kept, next: { undone: 0, factors } }
      const wanted = tuning.wanted ?? wantedOf(moved, options, epoch)
      return { order, asked, kept, next: { undone: undone + 1, factors: factorsOf(tuning, moved, wanted), wanted } }
    },
  }
}
