import type { BlockInfo } from "./blocks.ts"
import { callSite } from "./place.ts"
import type { NoSuchBlock } from "./sentences.ts"
import type { Problem, Rank } from "./width.ts"

/** 1 | 2 | … | N, by tail calls, so that deep networks do not exhaust the checker. */
type CountTo<N extends number, Done extends 1[] = [1], All = never> = Done["length"] extends N
  ? All | N
  : CountTo<N, [...Done, 1], All | Done["length"]>
type To12 = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12
/** The depth that most specs have, spelled out: they need not pay for counting. */
interface Counted {
  readonly 12: To12
}
/** Blocks are numbered from 1, as in the paper. */
export type Block<Depth extends number> = number extends Depth
  ? number
  : Depth extends keyof Counted
    ? Counted[Depth]
    : [Depth] extends [never]
      ? number
      : CountTo<Depth>

/** How a rank that is not whole becomes whole. Halves go up under "nearest". */
export type Rounding = "nearest" | "floor" | "ceil"

type Exact = readonly (number | null)[]

/** A rank for each block, or none. */
export interface Schedule<in out Depth extends number> {
  readonly kind: "schedule"
  readonly depth: Depth
  /** Empty while the ranks wait for the blocks that they depend on. */
  readonly ranks: readonly (Rank | null)[]
  /** Ranks before rounding; what totals and budgets scale. */
  readonly exact: Exact
  /** Ranks that depend on the blocks, such as on their width: `adapt` gives these. */
  readonly from?: (blocks: readonly BlockInfo[]) => Exact
  readonly rounding: Rounding
  /** Scale until what the adapters train comes nearest to this. */
  readonly fit?: number
  /** A block that `without` was asked to leave out, and that is not there. */
  readonly noSuchBlock?: number
  readonly at?: string
}

/** Far below half a rank, far above float noise at any width. */
const noise = 1e-9
/** 768 · 0.35 · (5/6) is 224 even where floats say 223.99999999999997. */
const denoised = (x: number): number => {
  const halves = Math.round(2 * x) / 2
  return Math.abs(x - halves) <= noise * Math.max(1, Math.abs(x)) ? halves : x
}
/** Float noise never decides a rank: values within 1e-9 of a whole or half number count as that number. */
export const rounded = (x: number, rounding: Rounding): Rank => {
  const y = denoised(x)
  return (rounding === "floor" ? Math.floor(y) : rounding === "ceil" ? Math.ceil(y) : Math.floor(y + 0.5)) as Rank
}

interface Kept {
  readonly rounding: Rounding
  readonly fit?: number
  readonly noSuchBlock?: number
}
const of = <Depth extends number>(depth: Depth, exact: Exact, kept: Kept): Schedule<Depth> => {
  const at = callSite()
  return {
    kind: "schedule",
    depth,
    exact,
    ranks: exact.map((x) => (x === null ? null : rounded(x, kept.rounding))),
    ...kept,
    ...(at === undefined ? {} : { at }),
  }
}
const keptOf = ({ rounding, fit, noSuchBlock }: Kept): Kept => ({
  rounding,
  ...(fit === undefined ? {} : { fit }),
  ...(noSuchBlock === undefined ? {} : { noSuchBlock }),
})
/** Other ranks from the same; of a schedule that waits for its blocks, once they are there. */
const mapped = <Depth extends number>(s: Schedule<Depth>, change: (exact: Exact) => Exact): Schedule<Depth> => {
  const { from } = s
  return from === undefined
    ? of(s.depth, change(s.exact), keptOf(s))
    : { ...of(s.depth, [], keptOf(s)), from: (blocks) => change(from(blocks)) }
}
/** The schedule for these blocks. */
export const forBlocks = <Depth extends number>(s: Schedule<Depth>, blocks: readonly BlockInfo[]): Schedule<Depth> => {
  if (s.from === undefined) return s
  const exact = s.from(blocks)
  return { ...s, exact, ranks: exact.map((x) => (x === null ? null : rounded(x, s.rounding))) }
}

/**
 * A rank for each of `depth` blocks, from the block's number: `schedule(12, (i) => 768 * 0.24 * i / 6)`; and, where widths change from stage
 * to stage, from the block itself: `schedule(12, (i, { width }) => width * 0.24 * i / 6)`.
 */
export const schedule = <const Depth extends number>(
  depth: Depth,
  rankOf: (i: Block<Depth>, block: BlockInfo) => number | null,
  rounding: Rounding = "nearest",
): Schedule<Depth> => {
  const numbers = Array.from({ length: Math.max(0, Math.floor(depth)) || 0 }, (_, k) => (k + 1) as Block<Depth>)
  // A function of the number alone is asked at once, so that its ranks are there to be read.
  if (rankOf.length < 2)
    return of(
      depth,
      numbers.map((i) => rankOf(i, undefined as unknown as BlockInfo)),
      { rounding },
    )
  return {
    ...of(depth, [], { rounding }),
    from: (blocks) => numbers.map((i) => (blocks[i - 1] === undefined ? null : rankOf(i, blocks[i - 1] as BlockInfo))),
  }
}

/** The same rank in every block. */
export const uniform = <const Depth extends number>(
  depth: Depth,
  rank: number,
  rounding: Rounding = "nearest",
): Schedule<Depth> =>
  of(
    depth,
    Array.from({ length: Math.max(0, Math.floor(depth)) || 0 }, () => rank),
    { rounding },
  )

/** Ranks written out, one a block; null for no adapter. */
export const table = <const Ranks extends readonly (number | null)[]>(ranks: Ranks): Schedule<Ranks["length"]> =>
  of(ranks.length, ranks, { rounding: "nearest" })

/** The last block's rank first. */
export const reverse = <Depth extends number>(s: Schedule<Depth>): Schedule<Depth> =>
  mapped(s, (exact) => exact.toReversed())

type Has<I extends number, Depth extends number> = [I] extends [Block<Depth>] ? unknown : Problem<NoSuchBlock<I, Depth>>

/** No adapters in these blocks. */
export const without =
  <const I extends number>(...blocks: readonly I[]) =>
  <Depth extends number>(s: Schedule<Depth> & Has<I, NoInfer<Depth>>): Schedule<Depth> => {
    const noSuchBlock = blocks.find((i) => i < 1 || i > s.depth)
    const kept = mapped(s as Schedule<Depth>, (exact) =>
      exact.map((x, k) => (blocks.includes((k + 1) as I) ? null : x)),
    )
    return noSuchBlock === undefined ? kept : { ...kept, noSuchBlock }
  }

/** The sum of all ranks. */
export const totalOf = (s: Schedule<any>): number => s.ranks.reduce<number>((sum, rank) => sum + (rank ?? 0), 0)

/**
 * Scaled so that the ranks sum to exactly `total`, another schedule's or a number: the same budget, distributed otherwise.
 * Whole ranks by largest remainders; among equal remainders the shallower block gains.
 */
export const withTotal =
  (total: number | Schedule<any>) =>
  <Depth extends number>(s: Schedule<Depth>): Schedule<Depth> => {
    const target = typeof total === "number" ? total : totalOf(total)
    return mapped(s, (exact) => {
      const sum = exact.reduce<number>((a, x) => a + (x ?? 0), 0)
      const scaled = exact.map((x) => (x === null ? null : denoised((x * target) / sum)))
      const floors = scaled.map((x) => (x === null ? null : Math.floor(x)))
      const short = target - floors.reduce<number>((a, x) => a + (x ?? 0), 0)
      const gains = scaled
        .flatMap((x, k) => (x === null ? [] : [{ k, remainder: x - Math.floor(x) }]))
        .sort((a, b) => b.remainder - a.remainder || a.k - b.k)
        .slice(0, Math.max(0, short))
        .map(({ k }) => k)
      return floors.map((x, k) => (x === null ? null : x + (gains.includes(k) ? 1 : 0)))
    })
  }

/** Scaled until the adapters train as near to `trainable` parameters as whole ranks allow; `adapt` finds the scale. */
export const fitTrainable =
  (trainable: number) =>
  <Depth extends number>(s: Schedule<Depth>): Schedule<Depth> => ({ ...s, fit: trainable })

/** The schedule with every rank multiplied. */
export const scaled = <Depth extends number>(s: Schedule<Depth>, by: number): Schedule<Depth> =>
  mapped(s, (exact) => exact.map((x) => (x === null ? null : x * by)))
