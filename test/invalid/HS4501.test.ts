import { join } from "node:path"
import { expect, test } from "vitest"
import { compareResults } from "../../src/runtime/metrics/comparison.ts"
import { loadResults, type Results } from "../../src/runtime/metrics/results.ts"
import { conventions } from "../../src/runtime/metrics/segmentation.ts"
import { diagnosticsOf, temporary, write } from "../data/helpers.ts"

const results = (model: string, ids: readonly string[], more: Partial<Results> = {}): Results => ({
  model,
  dataset: "A",
  unit: "px",
  conventions: { ...conventions() },
  cases: ids.map((id, i) => ({ id, dice: 0.5 + 0.1 * i, iou: 0.4, hd95: 3 })),
  ...more,
})
const ours = results("ours", ["a", "b", "c"])

test.each([
  [results("x", ["a", "b", "d"]), "paired", "x and ours on A are not of the same cases, which the paired t-test needs"],
  [results("x", ["a"]), "welch", "x and ours on A: a test needs at least two cases"],
  [results("x", ["a", "b", "c"], { unit: "mm" }), "welch", "x and ours on A: HD95 in mm and in px"],
  [results("x", ["a", "b", "c"], { conventions: { ...conventions({ hausdorff: "larger" }) } }), "welch", "x and ours on A were measured differently: hd95"],
] as const)("%#", async (other, test, message) => {
  expect(await diagnosticsOf(() => compareResults([other, ours], { test }))).toMatchObject([{ code: "HS4501", message }])
})

test("an unknown reference, and a file of something else", async () => {
  expect(await diagnosticsOf(() => compareResults([ours], { reference: "HA" }))).toMatchObject([{ code: "HS4501", message: "there are no results of 'HA'" }])
  const file = join(await temporary(), "results.json")
  for (const text of ["{", '{"model": 1}', "[]"]) {
    await write(file, text)
    expect(await diagnosticsOf(() => loadResults(file))).toMatchObject([{ file, code: "HS4501", message: expect.stringMatching(/^these are no results/) }])
  }
})
