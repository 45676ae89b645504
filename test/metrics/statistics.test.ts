import { expect, test } from "vitest"
import { bootstrap, holm, paired, summary, welch, wilcoxon } from "../../src/runtime/metrics/statistics.ts"
import recorded from "./statistics.json" with { type: "json" }

/** SciPy's values; `statistics.json` names the version. jStat's incomplete beta function stops at a relative 3e-7. */
const close = (got: number, expected: number, digits = 1e-9) =>
  expect(Math.abs(got - expected), `${got} against ${expected}`).toBeLessThanOrEqual(
    digits * Math.max(Math.abs(expected), 1e-300),
  )

test("mean, deviation and Welch's test of 40 pairs of samples", () => {
  for (const { a, b, mean, sd, welch: expected } of recorded.cases) {
    close(summary(a).mean, mean)
    close(summary(a).sd, sd)
    const got = welch(a, b)
    close(got.t, expected.t, 1e-8)
    close(got.df, expected.df, 1e-8)
    close(got.p, expected.p, 1e-6)
  }
})

test("paired t-test and Wilcoxon's", () => {
  const both = recorded.cases.filter((one) => one.paired !== undefined)
  expect(both.length).toBeGreaterThan(15)
  for (const one of both) {
    const [got, ranks] = [paired(one.a, one.b), wilcoxon(one.a, one.b)]
    close(got.t, one.paired!.t, 1e-8)
    expect(got.df).toBe(one.paired!.df)
    close(got.p, one.paired!.p, 1e-6)
    close(ranks.w, one.wilcoxon!.w)
    expect(ranks.p).toBeCloseTo(one.wilcoxon!.p, 9)
  }
})

test("Holm's correction", () => {
  for (const { p, adjusted } of recorded.holm) for (const [i, q] of holm(p).entries()) close(q, adjusted[i]!)
})

test("constant samples", () => {
  expect(welch([1, 1], [2, 2]).p).toBe(0)
  expect(paired([1, 2], [1, 2]).p).toBeNaN()
  expect(summary([3]).sd).toBeNaN()
})

test("the bootstrap repeats itself and brackets the mean", () => {
  const { a } = recorded.cases[0]!
  const [low, high] = bootstrap(a, { seed: 1 })
  expect(bootstrap(a, { seed: 1 })).toEqual([low, high])
  expect(low).toBeLessThan(summary(a).mean)
  expect(high).toBeGreaterThan(summary(a).mean)
  const se = summary(a).sd / Math.sqrt(a.length)
  expect((high - low) / (2 * 1.96 * se)).toBeCloseTo(1, 0)
})
