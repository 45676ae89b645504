import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { tensorTable } from "../../src/compiler/analysis/parameters.ts"
import {
  adapt,
  afterAttention,
  asRatio,
  fitTrainable,
  freezeAll,
  linear,
  pipe,
  type Rank,
  relu,
  residual,
  reverse,
  samVitB,
  schedule,
  sequential,
  table,
  totalOf,
  uniform,
  without,
  withTotal,
} from "../../src/dsl/index.ts"

const d = 768
const hierarchical = (r: number) => schedule(12, (i) => (d * r * (i <= 6 ? i : i - 1)) / 6)
const adapter = (rank: Rank) => residual(sequential(linear(d, rank), relu, linear(rank, d)))
const trained = (model: { readonly data: Parameters<typeof tensorTable>[0] }): number =>
  tensorTable(model.data).reduce((n, { learns, size }) => n + (learns ? size : 0), 0)

describe("the paper's schedule", () => {
  test("in millions: the ranks of FACTS, rounded to the nearest", () => {
    expect(hierarchical(0.24).ranks).toEqual([31, 61, 92, 123, 154, 184, 184, 215, 246, 276, 307, 338])
  })
  test("in mebibytes: whole without rounding", () => {
    expect(hierarchical(1 / 16).ranks).toEqual([8, 16, 24, 32, 40, 48, 48, 56, 64, 72, 80, 88])
    expect(hierarchical(1 / 16).exact).toEqual(hierarchical(1 / 16).ranks)
  })
  test("its ranks sum to twelve times d·r, which is why r₆ = r₇", () =>
    expect(totalOf(hierarchical(1 / 16))).toBe(12 * 48))
})

describe("rounding", () => {
  test("float noise never decides: 768 · 0.35 · (5/6) is 224", () => {
    expect(768 * 0.35 * (5 / 6)).toBeLessThan(224)
    for (const rounding of ["nearest", "floor", "ceil"] as const)
      expect(uniform(1, 768 * 0.35 * (5 / 6), rounding).ranks).toEqual([224])
  })
  test("halves go up, and nothing else is touched", () => {
    expect(table([2.5, 3.5, 2.4999]).ranks).toEqual([3, 4, 2])
    expect(uniform(2, 2.999, "floor").ranks).toEqual([2, 2])
    expect(uniform(2, 2.001, "ceil").ranks).toEqual([3, 3])
  })
  test("a product that is whole in exact arithmetic is that number, whatever the order of its factors", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2048 }),
        fc.integer({ min: 1, max: 99 }),
        fc.integer({ min: 1, max: 24 }),
        (width, percent, i) => {
          const whole = BigInt(width) * BigInt(percent) * BigInt(i)
          fc.pre(whole % 600n === 0n)
          const right = Number(whole / 600n)
          fc.pre(right > 0)
          for (const x of [
            width * (percent / 100) * (i / 6),
            (width * percent * i) / 600,
            width * ((percent * i) / 600),
          ])
            expect(uniform(1, x, "floor").ranks).toEqual([right])
        },
      ),
    )
  })
})

describe("transforms", () => {
  const s = schedule(4, (i) => 3 * i)
  test("reverse, without", () => {
    expect(reverse(s).ranks).toEqual([12, 9, 6, 3])
    expect(without(1, 4)(s).ranks).toEqual([null, 6, 9, null])
    expect(reverse(without(1)(s)).ranks).toEqual([12, 9, 6, null])
  })
  test("withTotal keeps a sum exactly, whatever the shape", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 2, maxLength: 24 }),
        fc.integer({ min: 30, max: 5000 }),
        (shape, total) => {
          expect(totalOf(withTotal(total)(table(shape)))).toBe(total)
        },
      ),
    )
    expect(withTotal(uniform(4, 10))(s).ranks).toEqual([4, 8, 12, 16])
  })
  test("fitTrainable comes as near to a budget as whole ranks allow", () => {
    const fitted = (n: number) =>
      trained(
        pipe(
          samVitB,
          freezeAll,
          adapt(fitTrainable(n)(uniform(12, 1)), (rank) => [afterAttention(adapter(rank))]),
        ),
      )
    // One rank in each of twelve blocks is 12 · (2 · 768 + 1) parameters.
    const step = 12 * (2 * d + 1)
    for (const budget of [500_000, 1_789_056, 6_815_046])
      expect(Math.abs(fitted(budget) - budget)).toBeLessThanOrEqual(step / 2)
  })
})

test("counts are the closed form, for random schedules and widths", () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer({ min: 1, max: 300 })), { minLength: 12, maxLength: 12 }), (ranks) => {
      const model = pipe(
        samVitB,
        freezeAll,
        adapt(table(ranks as never) as never, (rank: Rank) => [afterAttention(adapter(rank))]) as never,
      ) as typeof samVitB
      const closed = ranks.reduce<number>((n, rank) => (rank === null ? n : n + 2 * d * rank + rank + d), 0)
      expect(trained(model)).toBe(closed)
    }),
    { numRuns: 30 },
  )
})

test("a ratio is a number that is marked", () => expect(768 * asRatio(0.25)).toBe(192))
