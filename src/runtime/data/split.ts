/**
 * Which cases train, validate and test. The paper says 7 : 1.5 : 1.5. No subject is in two parts where subjects are known; otherwise each class is
 * divided alike. What a data set's authors gave (a test folder, a column `part`) stays as they gave it.
 */
import { failed } from "../../compiler/diagnostic.ts"
import type { Case, Part } from "./case.ts"
import { byText } from "./folder.ts"
import { shuffled, stream } from "./random.ts"

export interface Split {
  readonly seed: number
  /** What was kept together. */
  readonly by: "subject" | "case"
  readonly train: readonly string[]
  readonly validation: readonly string[]
  readonly test: readonly string[]
}

export const parts = ["train", "validation", "test"] as const satisfies readonly Part[]
export type Ratios = { readonly [P in Part]: number }
/** Section 4.1 of the paper. */
export const paperRatios: Ratios = { train: 7, validation: 1.5, test: 1.5 }

/** Cases that stay together. */
type Group = readonly Case[]

const groupsOf = (cases: readonly Case[]): { readonly by: Split["by"]; readonly groups: readonly Group[] } => {
  if (!cases.some(({ subject }) => subject !== undefined)) return { by: "case", groups: cases.map((one) => [one]) }
  const groups = new Map<string, Case[]>()
  for (const one of cases) {
    const key = one.subject === undefined ? `case ${one.id}` : `subject ${one.subject}`
    groups.set(key, [...(groups.get(key) ?? []), one])
  }
  return { by: "subject", groups: [...groups.values()] }
}

/**
 * Equal images (`copyOf`) into one part, with the groups that they are of: the part that has most of their cases, of equals the first. All else stays where the seed put it, so that a
 * split which parts no copies is what it was without looking for them.
 */
const copiesTogether = (parts: readonly (readonly Group[])[]): readonly (readonly Group[])[] => {
  const groups = parts.flatMap((part, at) => part.map((group) => ({ group, at })))
  const joined = groups.map((_, i) => i)
  const root = (i: number): number => (joined[i] === i ? i : root(joined[i]!))
  const firstOf = new Map<string, number>()
  for (const [i, { group }] of groups.entries())
    for (const { copyOf } of group) {
      if (copyOf === undefined) continue
      const first = firstOf.get(copyOf)
      if (first === undefined) firstOf.set(copyOf, i)
      else joined[root(i)] = root(first)
    }
  if (firstOf.size === 0) return parts
  const held = new Map<number, number[]>()
  for (const [i, { group, at }] of groups.entries()) {
    const counts = held.get(root(i)) ?? parts.map(() => 0)
    counts[at]! += group.length
    held.set(root(i), counts)
  }
  const placeOf = (i: number): number => {
    const counts = held.get(root(i))!
    return counts.indexOf(Math.max(...counts))
  }
  return parts.map((_, at) => groups.flatMap(({ group }, i) => (placeOf(i) === at ? [group] : [])))
}

const count = (groups: readonly Group[]): number => groups.reduce((n, group) => n + group.length, 0)

/** The first groups of an order whose number of cases comes nearest to `wanted`, at least one group. */
const take = (order: readonly Group[], wanted: number): number => {
  let [groups, cases] = [0, 0]
  for (const { length } of order) {
    if (groups > 0 && Math.abs(cases + length - wanted) > Math.abs(cases - wanted)) break
    groups++
    cases += length
  }
  return groups
}

/** An order in which each class is spread evenly, so that every stretch of it has about the same mixture. */
const evenly = (order: readonly Group[]): readonly Group[] => {
  const classes = new Map<string, Group[]>()
  for (const group of order) classes.set(group[0]?.class ?? "", [...(classes.get(group[0]?.class ?? "") ?? []), group])
  return [...classes.values()]
    .flatMap((groups) => groups.map((group, i) => ({ group, at: (i + 0.5) / groups.length })))
    .sort((a, b) => a.at - b.at)
    .map(({ group }) => group)
}

const ordered = (groups: readonly Group[], by: Split["by"], seed: number, purpose: string): readonly Group[] => {
  const order = shuffled(groups, stream(seed, purpose))
  return by === "case" ? evenly(order) : order
}

const idsOf = (groups: readonly Group[]): readonly string[] =>
  groups.flatMap((group) => group.map(({ id }) => id)).sort(byText)

/** Throws HS4302: a part had nothing but copies of what is in another one. */
const demandFilled = (root: string, parts: readonly (readonly Group[])[]): void => {
  if (parts.every(({ length }) => length > 0)) return
  throw failed(
    root,
    "HS4302",
    "a part would have no images, since its images are copies of others",
    "Delete the copies, add data, or take another seed.",
  )
}

/**
 * A split by seed. Equal images (`copyOf`) are in one part; copies of what stands in a part that the authors gave are in none. Throws HS4302 where a part would stay empty. `root` names the data in the diagnostic.
 */
export const splitCases = (
  cases: readonly Case[],
  {
    seed = 0,
    ratios = paperRatios,
    root = "",
  }: { readonly seed?: number; readonly ratios?: Ratios; readonly root?: string } = {},
): Split => {
  const given = new Set(cases.map(({ part }) => part).filter((part) => part !== undefined && part !== "train"))
  const isGiven = ({ part }: Case): boolean => part !== undefined && part !== "train"
  const shown = new Set(cases.flatMap((one) => (isGiven(one) && one.copyOf !== undefined ? [one.copyOf] : [])))
  const pool = cases.filter((one) => !isGiven(one) && (one.copyOf === undefined || !shown.has(one.copyOf)))
  const { by, groups } = groupsOf(pool)
  const cut = (["test", "validation"] as const).filter((part) => !given.has(part) && ratios[part] > 0)
  if (groups.length < cut.length + 1)
    throw failed(
      root,
      "HS4302",
      `${groups.length} ${by}${groups.length === 1 ? "" : "s"} cannot be split into ${cut.length + 1} parts`,
      "Add data, or give a smaller set its parts yourself in a table's column 'part'.",
    )
  const shares = ratios.train + cut.reduce((sum, part) => sum + ratios[part], 0)
  const chosen: Record<Part, readonly string[]> = { train: [], validation: [], test: [] }
  for (const part of given) chosen[part!] = idsOf([cases.filter((one) => one.part === part)])
  let rest = ordered(groups, by, seed, "split")
  const taken = cut.map((part, i) => {
    const n = Math.min(take(rest, (pool.length * ratios[part]) / shares), rest.length - (cut.length - i))
    const own = rest.slice(0, n)
    rest = rest.slice(n)
    return own
  })
  const [train = [], ...others] = copiesTogether([rest, ...taken])
  demandFilled(root, [train, ...others])
  cut.forEach((part, i) => {
    chosen[part] = idsOf(others[i]!)
  })
  chosen.train = idsOf(train)
  return { seed, by, ...chosen }
}

/** k splits; fold i is tested, the next one validates, the others train. Parts that were given do not count. Throws HS4302. */
export const kFolds = (
  cases: readonly Case[],
  k: number,
  { seed = 0, root = "" }: { readonly seed?: number; readonly root?: string } = {},
): readonly Split[] => {
  const { by, groups } = groupsOf(cases)
  if (k < 3 || groups.length < k)
    throw failed(
      root,
      "HS4302",
      `${groups.length} ${by}s cannot make ${k} folds`,
      "Take at least 3 folds, and no more than there are subjects (or cases, where no subject is known).",
    )
  const folds: Group[][] = Array.from({ length: k }, () => [])
  ordered(groups, by, seed, "folds").forEach((group, i) => {
    const smallest = by === "case" ? folds[i % k]! : folds.reduce((a, b) => (count(b) < count(a) ? b : a))
    smallest.push(group)
  })
  const together = copiesTogether(folds)
  demandFilled(root, together)
  return together.map((test, i) => ({
    seed,
    by,
    train: idsOf(together.filter((_, j) => j !== i && j !== (i + 1) % k).flat()),
    validation: idsOf(together[(i + 1) % k]!),
    test: idsOf(test),
  }))
}

/**
 * The split with a part of its training cases, 0 < share ≤ 1: of its subjects where it was made by subject, unless `by` says otherwise. A smaller share
 * is always within a larger one of the same seed.
 */
export const fractionOfTraining = (
  split: Split,
  cases: readonly Case[],
  share: number,
  { seed = split.seed, by = split.by }: { readonly seed?: number; readonly by?: Split["by"] } = {},
): Split => {
  const train = new Set(split.train)
  const kept = cases.filter(({ id }) => train.has(id))
  const groups = by === "subject" ? groupsOf(kept).groups : kept.map((one) => [one])
  const order = ordered(groups, by, seed, "fraction")
  const wanted = share * kept.length
  const prefix = by === "case" ? Math.max(1, Math.round(wanted)) : take(order, wanted)
  return { ...split, train: share >= 1 ? split.train : idsOf(order.slice(0, prefix)) }
}
