import { join } from "node:path"
import { expect, test } from "vitest"
import { stream } from "../../src/runtime/data/random.ts"
import { compareResults } from "../../src/runtime/metrics/comparison.ts"
import { loadResults, type Results, resultsCsv, saveResults, summaries } from "../../src/runtime/metrics/results.ts"
import { conventions } from "../../src/runtime/metrics/segmentation.ts"
import { paired, welch } from "../../src/runtime/metrics/statistics.ts"
import { tableLatex, tableMarkdown, tableText } from "../../src/runtime/metrics/tables.ts"
import { temporary } from "../data/helpers.ts"

/** Cases share their difficulty, so models that differ a little differ in every case. */
const results = (model: string, dataset: string, shift: number, trainable?: number): Results => {
  const [difficulty, own] = [stream(dataset), stream(dataset, model)]
  return {
    model,
    dataset,
    ...(trainable === undefined ? {} : { trainable }),
    unit: "px",
    conventions: { ...conventions() },
    cases: Array.from({ length: 40 }, (_, i) => {
      const dice = 0.8 + shift + 0.05 * difficulty.normal() + 0.002 * own.normal()
      return { id: `c${i}`, dice, iou: dice / (2 - dice), hd95: 40 * (1 - dice) }
    }),
  }
}
const all = [
  results("Weak", "A", -0.2, 31_037_633),
  results("Near", "A", -0.004, 0),
  results("HA-SAM", "A", 0, 6_815_046),
  results("Weak", "B_2", -0.2),
  results("HA-SAM", "B_2", 0),
]

test("best and significance are computed", () => {
  const table = compareResults(all)
  expect(table.reference).toBe("HA-SAM")
  const [weak, near, ours] = table.rows.map(({ cells }) => cells[0]!)
  expect([weak!.dice.significant, near!.dice.significant, ours!.dice.significant]).toEqual([true, false, false])
  expect([weak!.hd95.best, near!.hd95.best, ours!.hd95.best]).toEqual([false, false, true])
  expect(ours!.dice.p).toBeUndefined()
  expect(weak!.dice.p).toBe(
    welch(
      all[0]!.cases.map(({ dice }) => dice),
      all[2]!.cases.map(({ dice }) => dice),
    ).p,
  )
  expect(table.rows[1]!.cells[1]).toBeUndefined()
  expect(table.notes[0]).toBe("* differs from HA-SAM with p < 0.05 (Welch's two-sample t-test, not corrected)")
})

test("the paired test sees what the two-sample test does not; Holm raises p", () => {
  const plain = compareResults(all, { test: "paired" })
  const near = plain.rows[1]!.cells[0]!.dice
  expect(near.significant).toBe(true)
  expect(near.p).toBe(
    paired(
      all[1]!.cases.map(({ dice }) => dice),
      all[2]!.cases.map(({ dice }) => dice),
    ).p,
  )
  const corrected = compareResults(all, { test: "paired", correction: "holm" })
  expect(corrected.rows[1]!.cells[0]!.dice.p).toBeCloseTo(near.p!, 12) // the larger of two stays
  expect(corrected.rows[0]!.cells[0]!.dice.p).toBeCloseTo(2 * plain.rows[0]!.cells[0]!.dice.p!, 12)
  expect(compareResults(all, { reference: "Weak" }).rows[2]!.cells[0]!.dice.significant).toBe(true)
})

test("a model against itself under another name is not significant", () => {
  const twin = { ...all[2]!, model: "Twin" }
  const table = compareResults([twin, all[2]!], { test: "paired", correction: "holm" })
  expect(table.rows[0]!.cells[0]!.dice).toMatchObject({ p: Number.NaN, significant: false, best: true })
})

test("as text, Markdown and LaTeX", () => {
  const table = compareResults(all)
  const text = tableText(table, { deviations: false })
  expect(text).toMatch(/^Model +Trainable parameters +A Dice % +A IoU % +A HD95 px +B_2 Dice %/)
  expect(text).toMatch(/HA-SAM +6,815,046 \(6\.82 M\) +\d\d\.\d\d ◂/)
  expect(text).toMatch(/Weak +31,037,633 \(31\.04 M\) +\d\d\.\d\d\* /)
  const markdown = tableMarkdown(table)
  expect(markdown).toMatch(/\| HA-SAM \| 6,815,046 \(6\.82 M\) \| \*\*\d\d\.\d\d ± \d\.\d\d\*\* \|/)
  expect(markdown).toMatch(/\| Near \| 0 \(0\.00 M\) \| [^|]+ \| [^|]+ \| [^|]+ \| – \| – \| – \|/)
  const latex = tableLatex(table)
  expect(latex).toContain("\\multicolumn{3}{c}{B\\_2}")
  expect(latex).toMatch(/HA-SAM & .* & \$\\mathbf\{\d\d\.\d\d \\pm \d\.\d\d\}\$/)
  expect(latex).toMatch(/Weak & .*\$\d\d\.\d\d \\pm \d\.\d\d\^\{\*\}\$/)
  expect(latex).toContain("Dice \\% & IoU \\% & HD95 px")
  expect(latex).not.toContain("–")
})

test("results are saved, come back, and go to a spreadsheet", async () => {
  const path = join(await temporary(), "results.json")
  const excluded: Results = {
    ...all[0]!,
    cases: [
      { id: 'a, "b"', dice: 0, iou: 0 },
      { id: "c", subject: "p1", dice: 1, iou: 1, hd95: 0 },
    ],
  }
  await saveResults(path, excluded)
  expect(await loadResults(path)).toEqual(excluded)
  expect(summaries(excluded)).toMatchObject({ dice: { n: 2, mean: 0.5 }, hd95: { n: 1, mean: 0 } })
  expect(resultsCsv(excluded)).toBe('id,subject,class,dice,iou,hd95_px\n"a, ""b""",,,0,0,\nc,p1,,1,1,0\n')
})
