import { join } from "node:path"
import { expect, test } from "vitest"
import { stream } from "../../src/runtime/data/random.ts"
import { compareResults } from "../../src/runtime/metrics/comparison.ts"
import {
  loadResults,
  type Results,
  resultsCsv,
  saveResults,
  summaries,
  withClasses,
} from "../../src/runtime/metrics/results.ts"
import { conventions } from "../../src/runtime/metrics/segmentation.ts"
import { paired, welch } from "../../src/runtime/metrics/statistics.ts"
import { tableHtml, tableLatex, tableMarkdown, tableText } from "../../src/runtime/metrics/tables.ts"
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
      return { id: `c${i}`, dice, iou: dice / (2 - dice), hd95: 40 * (1 - dice), nsd: dice }
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
  const text = tableText(table, { deviations: false, intervals: false })
  expect(text).toMatch(/^A\nModel +Trainable parameters +Dice % +IoU % +HD95 px +NSD %\n/)
  expect(text).toMatch(/\n\nB_2\nModel /)
  expect(text).toMatch(/HA-SAM +6,815,046 \(6\.82 M\) +\d\d\.\d\d ◂/)
  expect(text).toMatch(/Weak +31,037,633 \(31\.04 M\) +\d\d\.\d\d\* /)
  const markdown = tableMarkdown(table)
  expect(markdown).toMatch(
    /\| HA-SAM \| 6,815,046 \(6\.82 M\) \| \*\*\d\d\.\d\d ± \d\.\d\d\*\* \\\[\d\d\.\d\d, \d\d\.\d\d\\\] \|/,
  )
  expect(markdown).toMatch(/\| Near \| 0 (\| [^|]+ ){4}\| – \| – \| – \| – \|/)
  const latex = tableLatex(table)
  expect(latex).toContain("\\multicolumn{4}{c}{B\\_2}")
  expect(latex).toMatch(/HA-SAM & .* & \$\\mathbf\{\d\d\.\d\d \\pm \d\.\d\d\}\$/)
  expect(latex).toMatch(/Weak & .*\$\d\d\.\d\d \\pm \d\.\d\d\^\{\*\}\$/)
  expect(latex).toContain("Dice \\% & IoU \\% & HD95 px & NSD \\%")
  expect(latex).not.toContain("–")
  const html = tableHtml(
    compareResults(all.map((one) => ({ ...one, model: one.model === "Near" ? "<b>&" : one.model }))),
  )
  expect(html).toMatch(
    /<tr><th scope="row">HA-SAM<\/th><td data-n="6815046">6,815,046 \(6\.82 M\)<\/td><td data-n="[\d.]+"><strong>\d\d\.\d\d ± \d\.\d\d<\/strong> <small>\[/,
  )
  expect(html).toMatch(/\d\.\d\d<sup>\*<\/sup> <small>/)
  expect(html).toContain('<th scope="row">&lt;b&gt;&amp;</th>')
  // What differs from the reference, in percentage points, with its p; a table for each data set.
  expect(html.match(/<caption>[^<]+/g)).toEqual([
    "<caption>A: mean ± standard deviation; a heading sorts by its column",
    "<caption>A: differences from HA-SAM",
    "<caption>B_2: mean ± standard deviation; a heading sorts by its column",
    "<caption>B_2: differences from HA-SAM",
  ])
  const weak = table.rows[0]!.cells[0]!.dice
  const ours = table.rows[2]!.cells[0]!.dice
  expect(html).toContain(`−${(100 * (ours.mean - weak.mean)).toFixed(2)}<sup>*</sup> <small>p &lt; 0.001</small>`)
})

test("where no difference is shown, the table says so in words", () => {
  const note = /no difference from (\S+) is shown in (.+) by 40 cases/
  const of = (...results: readonly Results[]) => compareResults(results).notes.filter((one) => note.test(one))
  expect(of(all[1]!, all[2]!)).toEqual([
    "A: no difference from HA-SAM is shown in any measure by 40 cases; that there is none is not shown either",
  ])
  expect(of(all[0]!, all[2]!)).toEqual([])
  const nsdAlike = { ...all[0]!, cases: all[0]!.cases.map((one, i) => ({ ...one, nsd: all[2]!.cases[i]!.nsd! })) }
  expect(note.exec(of(nsdAlike, all[2]!)[0]!)?.[2]).toBe("NSD")
})

test("every mean has an interval; patients are drawn together", () => {
  const [low, high] = summaries(all[2]!).dice.interval
  const { mean, sd } = summaries(all[2]!).dice
  // As Student's, which is right for values as these.
  expect((high - low) / 2).toBeCloseTo((2.02 * sd) / Math.sqrt(40), 2)
  expect([low < mean, mean < high]).toEqual([true, true])
  const patients = { cases: all[2]!.cases.map((one, i) => ({ ...one, subject: `p${i % 4}`, dice: (i % 4) / 4 })) }
  const [wideLow, wideHigh] = summaries(patients).dice.interval
  expect(wideHigh - wideLow).toBeGreaterThan(0.4)
  expect(summaries({ cases: all[2]!.cases.slice(0, 1) }).dice.interval).toEqual([Number.NaN, Number.NaN])
})

test("classes are compared one by one beside their mean; results of before NSD are still read", async () => {
  const metrics = { dice: 0.5, iou: 0.4, hd95: 3, nsd: 0.6 }
  const classed = (model: string): Results => ({
    ...all[2]!,
    model,
    cases: all[2]!.cases.map((one) => ({ ...one, classes: { nerve: one as never, vessel: metrics } })),
  })
  const table = compareResults([classed("a"), classed("b")].flatMap(withClasses))
  expect(table.datasets.map(({ name }) => name)).toEqual(["A", "A: nerve", "A: vessel"])
  expect(table.rows[0]!.cells[2]!.dice.mean).toBe(0.5)
  const path = join(await temporary(), "old.json")
  const { nsd: _, ...olderConventions } = conventions()
  const older: Results = {
    ...all[2]!,
    conventions: olderConventions,
    cases: all[2]!.cases.map(({ nsd: _, ...one }) => one),
  }
  await saveResults(path, older)
  const read = await loadResults(path)
  expect(tableText(compareResults([read, { ...read, model: "other" }]))).not.toContain("NSD %")
  expect(tableText(compareResults([read, all[0]!])).split("\n")[0]).toContain("NSD %")
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
  expect(resultsCsv(excluded)).toBe('id,subject,class,dice,iou,hd95_px,nsd\n"a, ""b""",,,0,0,,\nc,p1,,1,1,0,\n')
})
