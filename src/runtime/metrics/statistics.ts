/** Descriptions and tests of per-case results. Student's t by jStat, means and deviations by simple-statistics. */
import jstat from "jstat"
import { mean, sampleStandardDeviation } from "simple-statistics"
import { stream } from "../data/random.ts"
import { percentile } from "./segmentation.ts"

export interface Spread {
  readonly n: number
  readonly mean: number
  /** With n − 1; NaN of a single value. */
  readonly sd: number
}
export interface Summary extends Spread {
  /** The 95 % confidence interval of the mean, by resampling; NaN of a single value. */
  readonly interval: readonly [low: number, high: number]
}

/** How the interval of a summary is made. */
export const intervalWords =
  "95 % confidence interval of the mean, by resampling patients where they are known, else images"

const spread = (values: readonly number[]): Spread => ({
  n: values.length,
  mean: values.length === 0 ? Number.NaN : mean([...values]),
  sd: values.length < 2 ? Number.NaN : sampleStandardDeviation([...values]),
})

/** `groups`: whose value each is. Values of one patient are drawn together, since they are not independent. */
export const summary = (values: readonly number[], groups?: readonly (string | undefined)[]): Summary => ({
  ...spread(values),
  interval: bootstrap(values, groups === undefined ? {} : { groups }),
})

export interface TTest {
  readonly t: number
  readonly df: number
  /** Two-sided. */
  readonly p: number
}

/** P(|T| > |t|) through the incomplete beta function, which keeps its digits far in the tail. */
const twoSided = (t: number, df: number): number =>
  Number.isNaN(t) ? Number.NaN : t === 0 ? 1 : jstat.ibeta(df / (df + t * t), df / 2, 0.5)

const tTest = (difference: number, standardError: number, df: number): TTest => {
  const t =
    standardError === 0
      ? difference === 0
        ? Number.NaN
        : Math.sign(difference) * Number.POSITIVE_INFINITY
      : difference / standardError
  return { t, df, p: Number.isFinite(t) ? twoSided(t, df) : Number.isNaN(t) ? Number.NaN : 0 }
}

const unknown: TTest = { t: Number.NaN, df: Number.NaN, p: Number.NaN }

/** Two samples with variances of their own, as SciPy's ttest_ind(…, equal_var=False). NaN of less than two values each. */
export const welch = (a: readonly number[], b: readonly number[]): TTest => {
  if (Math.min(a.length, b.length) < 2) return unknown
  const [va, vb] = [a, b].map((x) => spread(x).sd ** 2 / x.length) as [number, number]
  const df = (va + vb) ** 2 / (va ** 2 / (a.length - 1) + vb ** 2 / (b.length - 1))
  return tTest(mean([...a]) - mean([...b]), Math.sqrt(va + vb), df)
}

/** Differences case by case, as SciPy's ttest_rel. Of one length; NaN of less than two. */
export const paired = (a: readonly number[], b: readonly number[]): TTest => {
  if (a.length < 2) return unknown
  const differences = spread(a.map((x, i) => x - b[i]!))
  return tTest(differences.mean, differences.sd / Math.sqrt(a.length), a.length - 1)
}

/**
 * Wilcoxon's signed ranks of the differences, without zeros, ties at their mean rank; p by the normal approximation with the correction for ties,
 * as SciPy's wilcoxon(…, method="asymptotic", correction=False). For some 20 cases or more.
 */
export const wilcoxon = (a: readonly number[], b: readonly number[]): { readonly w: number; readonly p: number } => {
  const differences = a.map((x, i) => x - b[i]!).filter((d) => d !== 0)
  const n = differences.length
  if (n === 0) return { w: 0, p: Number.NaN }
  const order = [...differences].sort((x, y) => Math.abs(x) - Math.abs(y))
  let [positive, ties] = [0, 0]
  for (let i = 0; i < n; ) {
    let j = i
    while (j < n && Math.abs(order[j]!) === Math.abs(order[i]!)) j++
    const [count, rank] = [j - i, (i + j + 1) / 2]
    ties += count ** 3 - count
    positive += rank * order.slice(i, j).filter((d) => d > 0).length
    i = j
  }
  const total = (n * (n + 1)) / 2
  const w = Math.min(positive, total - positive)
  const variance = (n * (n + 1) * (2 * n + 1) - ties / 2) / 24
  const z = (w - total / 2) / Math.sqrt(variance)
  return { w, p: Math.min(1, 2 * jstat.normal.cdf(-Math.abs(z), 0, 1)) }
}

/** Holm's step-down correction: p values that hold for all comparisons together, in the order given. */
export const holm = (ps: readonly number[]): readonly number[] => {
  const order = ps.map((_, i) => i).sort((i, j) => ps[i]! - ps[j]!)
  const out = new Array<number>(ps.length).fill(0)
  let largest = 0
  order.forEach((i, rank) => {
    largest = Math.max(largest, Math.min(1, (ps.length - rank) * ps[i]!))
    out[i] = largest
  })
  return out
}

/**
 * The interval of the mean by resampling cases, or, where `groups` says whose each value is, patients with all of their values: the
 * percentiles of `draws` means, reproducible by seed. NaN where there are less than two to draw from.
 */
export const bootstrap = (
  values: readonly number[],
  {
    level = 0.95,
    draws = 2000,
    seed = 0,
    groups,
  }: {
    readonly level?: number
    readonly draws?: number
    readonly seed?: number
    readonly groups?: readonly (string | undefined)[]
  } = {},
): readonly [low: number, high: number] => {
  const units = unitsOf(values, groups)
  if (units.length < 2) return [Number.NaN, Number.NaN]
  const random = stream(seed, "bootstrap")
  const means = Float64Array.from({ length: draws }, () => {
    let [sum, count] = [0, 0]
    for (let i = 0; i < units.length; i++) {
      const unit = units[random.below(units.length)]!
      sum += unit.sum
      count += unit.count
    }
    return sum / count
  }).sort()
  return [percentile(means, 50 * (1 - level)), percentile(means, 50 * (1 + level))]
}

interface Unit {
  readonly sum: number
  readonly count: number
}
const unitsOf = (values: readonly number[], groups: readonly (string | undefined)[] | undefined): readonly Unit[] => {
  const units = new Map<string | number, Unit>()
  values.forEach((value, i) => {
    const key = groups?.[i] ?? i
    const { sum, count } = units.get(key) ?? { sum: 0, count: 0 }
    units.set(key, { sum: sum + value, count: count + 1 })
  })
  return [...units.values()]
}
