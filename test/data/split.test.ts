import { join } from "node:path"
import { describe, expect, test } from "vitest"
import type { Case } from "../../src/runtime/data/case.ts"
import { fractionOfTraining, kFolds, parts, type Split, splitCases } from "../../src/runtime/data/split.ts"
import { checkSplit, loadSplit, saveSplit } from "../../src/runtime/data/splitFile.ts"
import { temporary } from "./helpers.ts"

const cases = (n: number, more: (i: number) => Partial<Case> = () => ({})): readonly Case[] =>
  Array.from({ length: n }, (_, i) => ({
    id: `c${i}`,
    image: `${i}.png`,
    mask: { kind: "files", paths: [] },
    ...more(i),
  }))

const sizes = (split: Split) => parts.map((part) => split[part].length)
const everything = (split: Split) => parts.flatMap((part) => split[part]).sort()

test("7 : 1.5 : 1.5, every case once, by seed", () => {
  const all = cases(200)
  const split = splitCases(all, { seed: 1 })
  expect(sizes(split)).toEqual([140, 30, 30])
  expect(everything(split)).toEqual(all.map(({ id }) => id).sort())
  expect(splitCases(all, { seed: 1 })).toEqual(split)
  expect(splitCases(all, { seed: 2 }).test).not.toEqual(split.test)
})

test("a seed's split never changes: published numbers rest on it", () => {
  expect(splitCases(cases(10), { seed: 0 })).toEqual({
    seed: 0,
    by: "case",
    train: ["c2", "c4", "c5", "c6", "c7", "c8"],
    validation: ["c1", "c9"],
    test: ["c0", "c3"],
  })
})

test("by subject: no subject in two parts, near the ratios", () => {
  const all = cases(1500, (i) => ({ subject: `p${i % 50}` }))
  const split = splitCases(all, { seed: 3 })
  expect(split.by).toBe("subject")
  expect(checkSplit(split, all, "split.json")).toEqual([])
  // 50 subjects of 30 cases: 7.5 of them would be 225.
  expect(sizes(split)).toEqual([1020, 240, 240])
})

test("uneven subjects: every part gets some", () => {
  for (let seed = 0; seed < 30; seed++) {
    const all = cases(100, (i) => ({ subject: i < 90 ? "big" : `small ${i % 2}` }))
    expect(Math.min(...sizes(splitCases(all, { seed })))).toBeGreaterThan(0)
  }
})

test("classes are divided alike", () => {
  const all = cases(647, (i) => ({ class: i < 437 ? "benign" : "malignant" }))
  const split = splitCases(all, { seed: 5 })
  for (const part of parts) {
    const benign = split[part].filter((id) => Number(id.slice(1)) < 437).length
    expect(Math.abs(benign / split[part].length - 437 / 647)).toBeLessThan(0.02)
  }
})

test("what the authors gave stays", () => {
  const all = cases(244, (i) => (i < 40 ? { part: "test" as const } : {}))
  const split = splitCases(all)
  expect([...split.test].sort()).toEqual(
    all
      .slice(0, 40)
      .map(({ id }) => id)
      .sort(),
  )
  expect(sizes(split)).toEqual([168, 36, 40])
})

test("folds test every case once", () => {
  const all = cases(103, (i) => ({ subject: `p${i % 13}` }))
  const folds = kFolds(all, 5)
  expect(folds.flatMap(({ test }) => test).sort()).toEqual(all.map(({ id }) => id).sort())
  for (const fold of folds) {
    expect(everything(fold).length).toBe(103)
    expect(checkSplit(fold, all, "")).toEqual([])
    expect(fold.test.length).toBeGreaterThan(10)
  }
})

test("fractions of the training set nest", () => {
  const all = cases(400, (i) => ({ subject: `p${i % 40}` }))
  const split = splitCases(all)
  const [tenth, half] = [0.1, 0.5].map((share) => fractionOfTraining(split, all, share))
  expect(half!.train.length / split.train.length).toBeCloseTo(0.5, 1)
  expect(tenth!.train.every((id) => half!.train.includes(id))).toBe(true)
  expect(half!.test).toEqual(split.test)
  expect(fractionOfTraining(split, all, 0.1, { by: "case" }).train.length).toBe(Math.round(split.train.length / 10))
  expect(fractionOfTraining(split, all, 1)).toEqual(split)
})

test("a split is saved and comes back", async () => {
  const root = await temporary()
  const path = join(root, "run", "split.json")
  const all = cases(20)
  await saveSplit(path, splitCases(all, { seed: 9 }), { root, cases: all })
  expect(await loadSplit(path, all)).toEqual(splitCases(all, { seed: 9 }))
})

describe("equal images", () => {
  const copied = (n: number, pairs: readonly (readonly [number, number])[], subjects = false): readonly Case[] =>
    cases(n).map((one, i) => {
      const pair = pairs.find((both) => both.includes(i))
      return {
        ...one,
        ...(subjects ? { subject: `s${i % 12}` } : {}),
        ...(pair === undefined ? {} : { copyOf: cases(n)[pair[0]]!.id }),
      }
    })
  const partOf = (split: Split, id: string) => parts.find((part) => split[part].includes(id))
  const ids = cases(40).map(({ id }) => id)
  const pairs = [
    [0, 1],
    [5, 30],
    [12, 38],
    [7, 9],
  ] as const

  test("are in one part, with every seed, in a split and in folds", () => {
    const all = copied(40, pairs)
    let parted = 0
    for (const seed of Array.from({ length: 20 }, (_, i) => i)) {
      const splits = [splitCases(all, { seed }), ...kFolds(all, 4, { seed })]
      for (const split of splits) {
        expect(everything(split)).toEqual([...ids].sort())
        for (const [a, b] of pairs) expect(partOf(split, ids[a]!), `${a} ${b} ${seed}`).toBe(partOf(split, ids[b]!))
      }
      const apart = splitCases(cases(40), { seed })
      parted += pairs.filter(([a, b]) => partOf(apart, ids[a]!) !== partOf(apart, ids[b]!)).length
    }
    expect(parted).toBeGreaterThan(10)
  })
  test("move no others: a split that parts none of them is the seed's own", () => {
    const all = copied(40, pairs)
    let [unmoved, moved] = [0, 0]
    for (const seed of Array.from({ length: 20 }, (_, i) => i)) {
      const [plain, split] = [splitCases(cases(40), { seed }), splitCases(all, { seed })]
      const copies = new Set(pairs.flat().map((i) => ids[i]))
      for (const id of ids.filter((one) => !copies.has(one))) expect(partOf(split, id)).toBe(partOf(plain, id))
      if (pairs.every(([a, b]) => partOf(plain, ids[a]!) === partOf(plain, ids[b]!))) {
        unmoved += 1
        expect(split).toEqual(plain)
      } else moved += 1
    }
    expect(Math.min(unmoved, moved)).toBeGreaterThan(0)
  })
  test("that a part has nothing but are told", () => {
    const three = cases(3).map((one) => ({ ...one, copyOf: "c0" }))
    expect(() => splitCases(three)).toThrow("its images are copies of others")
    expect(() => kFolds(three, 3)).toThrow("its images are copies of others")
  })
  test("keep all images of their subjects together", () => {
    // Subjects 0 and 1, and 5 and 6.
    const all = copied(
      48,
      [
        [0, 13],
        [5, 30],
      ],
      true,
    )
    const split = splitCases(all, { seed: 2 })
    for (const [one, other] of [
      [0, 1],
      [5, 6],
    ]) {
      const found = all.filter(({ subject }) => subject === `s${one}` || subject === `s${other}`)
      expect(new Set(found.map(({ id }) => partOf(split, id))).size).toBe(1)
    }
    expect(split.by).toBe("subject")
  })
  test("of what the authors put into a part are in no other", () => {
    const all = copied(40, pairs).map((one, i) => (i === 30 || i === 31 ? { ...one, part: "test" as const } : one))
    const split = splitCases(all, { seed: 0 })
    expect([...split.test].sort()).toEqual([ids[30], ids[31]].sort())
    expect(partOf(split, ids[5]!)).toBeUndefined()
    expect(everything(split).length).toBe(39)
  })
})
