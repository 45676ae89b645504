/** Which cases an epoch shows, and in which order. */
import type { Case } from "./case.ts"
import { shuffled, stream } from "./random.ts"
import type { Mask } from "./raster.ts"

/** A case as an epoch shows it. What is drawn at random for it, such as its augmentation, depends on `key`: of a case that comes again, another. */
export interface Shown {
  readonly case: Case
  readonly key: string
}

/** The classes that a mask shows: the numbers in it but 0, or 0 alone. */
export const shownIn = ({ data }: Mask): readonly number[] => {
  const found = [...new Set(data)].filter((value) => value !== 0)
  return found.length === 0 ? [0] : found
}

/** 1 / n for each case, n of how many cases show the rarest of its classes. */
export const rarity = (shown: readonly (readonly number[])[]): readonly number[] => {
  const counts = new Map<number, number>()
  for (const classes of shown) for (const one of classes) counts.set(one, (counts.get(one) ?? 0) + 1)
  return shown.map((classes) => 1 / Math.min(...classes.map((one) => counts.get(one)!)))
}

/** Each case once, shuffled; with weights, as many draws as there are cases, each with a chance of its weight. */
export const epochOf = (
  cases: readonly Case[],
  seed: number,
  epoch: number,
  weights?: readonly number[],
): readonly Shown[] => {
  const random = stream(seed, "order", epoch)
  if (weights === undefined) return shuffled(cases, random).map((one) => ({ case: one, key: one.id }))
  let total = 0
  const ends = weights.map((weight) => (total += weight))
  const times = new Map<string, number>()
  return cases.map(() => {
    const at = random.uniform() * total
    const found = ends.findIndex((end) => at < end)
    const one = cases[found < 0 ? cases.length - 1 : found]!
    const time = times.get(one.id) ?? 0
    times.set(one.id, time + 1)
    return { case: one, key: time === 0 ? one.id : `${one.id}/${time}` }
  })
}
