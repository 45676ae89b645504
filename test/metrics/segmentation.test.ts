import { isLeft } from "fp-ts/lib/Either.js"
import { expect, test } from "vitest"
import { stream } from "../../src/runtime/data/random.ts"
import { decodeRle } from "../../src/runtime/data/rle.ts"
import { compareClasses } from "../../src/runtime/evaluation/cases.ts"
import { squaredDistances } from "../../src/runtime/metrics/distance.ts"
import { compareMasks, conventions, percentile } from "../../src/runtime/metrics/segmentation.ts"
import nsd from "./nsd.json" with { type: "json" }
import recorded from "./pairs.json" with { type: "json" }

/** 200 pairs with the values of SciPy's distance transform and NumPy's percentile; MONAI and MedPy agreed when they were recorded. */
interface Pair {
  readonly width: number
  readonly height: number
  readonly a: string
  readonly b: string
  readonly spacing: { readonly x: number; readonly y: number }
  readonly dice?: number
  readonly iou?: number
  readonly pooled?: number
  readonly larger?: number
  readonly monai?: number
}
const pairs = recorded.pairs as readonly Pair[]

const mask = (runs: string, size: Pair) => {
  const decoded = decodeRle(runs, size)
  if (isLeft(decoded)) throw new Error(decoded.left)
  return decoded.right
}

test("200 recorded pairs, empty ones included", () => {
  expect(pairs.length).toBe(200)
  expect(pairs.filter(({ a, b }) => a === "" || b === "").length).toBeGreaterThan(10)
  let larger = 0
  for (const pair of pairs) {
    const [a, b] = [mask(pair.a, pair), mask(pair.b, pair)]
    const pooled = compareMasks(a, b, { hausdorff: "pooled", spacing: pair.spacing })
    const directed = compareMasks(a, b, { hausdorff: "larger", spacing: pair.spacing })
    expect(pooled.dice).toBeCloseTo(pair.dice ?? 1, 12)
    expect(pooled.iou).toBeCloseTo(pair.iou ?? 1, 12)
    if (pair.pooled === undefined) continue
    expect(pooled.hd95).toBeCloseTo(pair.pooled, 9)
    expect(directed.hd95).toBeCloseTo(pair.larger!, 9)
    expect(directed.hd95).toBeCloseTo(pair.monai!, 4) // MONAI computes in 32 bits
    if (pair.larger !== pair.pooled) larger++
  }
  expect(larger).toBeGreaterThan(100) // the conventions do differ
})

test("NSD is MONAI's and SciPy's, in millimetres and in pixels", () => {
  let between = 0
  pairs.forEach((pair, i) => {
    const expected = nsd.pairs[i]
    if (expected === null || expected === undefined) return
    const [a, b] = [mask(pair.a, pair), mask(pair.b, pair)]
    const of = (value: number, unit: "px" | "mm") =>
      compareMasks(a, b, { spacing: pair.spacing, tolerance: { value, unit } }).nsd
    nsd.tolerances.forEach((value, k) => {
      // MONAI divides in 32 bits.
      expect(of(value, "mm")).toBeCloseTo(expected[k]!, 6)
      expect(of(value, "px")).toBeCloseTo(expected[2 + k]!, 6)
    })
    if (expected[1]! > 0 && expected[1]! < 1 && expected[1] !== expected[3]) between++
  })
  expect(between).toBeGreaterThan(50)
  expect(() =>
    compareMasks(mask("1 2", pairs[0]!), mask("1 3", pairs[0]!), { tolerance: { value: 1, unit: "mm" } }),
  ).toThrow("internal:")
})

test("classes: each against MONAI, their mean, the background only where it is asked for", () => {
  const names = ["background", "nerve", "vessel"]
  const { width, height } = nsd
  const labels = (digits: string) => ({ width, height, data: Uint8Array.from(digits, Number) })
  for (const { a, b, ...expected } of nsd.classes) {
    const { classes, ...means } = compareClasses(labels(a), labels(b), { names }, { hausdorff: "larger" })
    expect(Object.keys(classes!)).toEqual(["nerve", "vessel"])
    for (const metric of ["dice", "iou", "hd95", "nsd"] as const) {
      ;["nerve", "vessel"].forEach((name, k) =>
        expect(classes![name]![metric]).toBeCloseTo(expected[metric][k]!, metric === "hd95" ? 4 : 6),
      )
      expect(means[metric]).toBeCloseTo((expected[metric][0]! + expected[metric][1]!) / 2, 4)
    }
  }
  const [{ a, b }] = nsd.classes as [(typeof nsd.classes)[number]]
  const all = compareClasses(labels(a), labels(b), { names }, { background: true })
  expect(Object.keys(all.classes!)).toEqual(names)
  expect(all.dice).toBeGreaterThan(compareClasses(labels(a), labels(b), { names }, {}).dice)
})

test("empty masks follow the rule that is printed", () => {
  const size = { width: 40, height: 30 }
  const [nothing, something] = [mask("", size as Pair), mask("1 5", size as Pair)]
  expect(compareMasks(nothing, nothing)).toEqual({ dice: 1, iou: 1, hd95: 0, nsd: 1 })
  expect(compareMasks(nothing, something)).toEqual({ dice: 0, iou: 0, hd95: 50, nsd: 0 })
  expect(compareMasks(something, nothing, { spacing: { x: 0.1, y: 0.1 } }).hd95).toBeCloseTo(5, 12)
  expect(compareMasks(something, nothing, { empty: "exclude" }).hd95).toBeUndefined()
  expect(conventions().empty).toContain("diagonal")
  expect(conventions({ empty: "exclude", hausdorff: "larger" })).toMatchObject({
    hd95: expect.stringContaining("larger"),
    empty: expect.stringContaining("excluded"),
  })
})

test("distances equal those of trying every marked pixel", () => {
  const random = stream("distances")
  for (let round = 0; round < 20; round++) {
    const [width, height] = [1 + random.below(17), 1 + random.below(17)]
    const data = Uint8Array.from({ length: width * height }, () => (random.uniform() < 0.1 ? 1 : 0))
    const spacing = { x: random.between(0.1, 3), y: random.between(0.1, 3) }
    const got = squaredDistances({ width, height, data }, spacing)
    got.forEach((d, p) => {
      let best = Number.POSITIVE_INFINITY
      data.forEach((marked, q) => {
        const [dx, dy] = [(p % width) - (q % width), Math.floor(p / width) - Math.floor(q / width)]
        if (marked) best = Math.min(best, (dx * spacing.x) ** 2 + (dy * spacing.y) ** 2)
      })
      if (best === Number.POSITIVE_INFINITY) expect(d).toBe(best)
      else expect(d).toBeCloseTo(best, 9)
    })
  }
})

test("percentiles interpolate", () => {
  expect(percentile([1, 2, 3, 4], 50)).toBe(2.5)
  expect(percentile([7], 95)).toBe(7)
})
