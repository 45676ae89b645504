import { basename, join } from "node:path"
import { version } from "../../compiler/frontend/package.ts"
import { xml } from "../../compiler/report/escape.ts"
import { page } from "../../compiler/report/html.ts"
import { loadBlocks } from "../../runtime/evaluation/blocks.ts"
import { blockHistograms } from "../../runtime/figures/histograms.ts"
import { writeAtomically } from "../../runtime/files.ts"
import { compareResults, type SignificanceTest } from "../../runtime/metrics/comparison.ts"
import { loadResults, type Results, withClasses } from "../../runtime/metrics/results.ts"
import { tableHtml, tableLatex, tableMarkdown, tableText } from "../../runtime/metrics/tables.ts"
import { say, talk } from "../output.ts"

interface CompareFlags {
  readonly test: SignificanceTest
  readonly holm?: boolean
  readonly format: keyof typeof texts
  readonly histograms?: string
}
export const texts = { text: tableText, markdown: tableMarkdown, latex: tableLatex, html: tableHtml } as const

/** Runs of one model, such as of several seeds, are told apart by their folders. */
const named = (all: readonly (readonly [run: string, results: Results])[]): readonly Results[] => {
  const clash = ({ model, dataset }: Results) =>
    all.filter(([, other]) => other.model === model && other.dataset === dataset).length > 1
  return all.map(([run, results]) => (clash(results) ? { ...results, model: basename(run) } : results))
}

/** The tables, then how the cases spread, data set by data set: one file that fetches nothing. */
const pageOf = async (results: readonly Results[], tables: string): Promise<string> => {
  const { boxPlots } = await import("../../runtime/figures/boxes.ts")
  const datasets = [...new Set(results.map(({ dataset }) => dataset))]
  const figures = await Promise.all(
    datasets.map(async (dataset) => {
      const of = results.filter((one) => one.dataset === dataset)
      const label = xml(`${dataset}: the cases of each model as boxes with their medians, whiskers and outliers`)
      return `<div class="wide" tabindex="0" role="region" aria-label="${xml(dataset)}"><figure role="img" aria-label="${label}">${(await boxPlots(dataset, of)).replaceAll("zr-", `zr${datasets.indexOf(dataset)}-`)}</figure></div>`
    }),
  )
  const models = [...new Set(results.map(({ model }) => model))]
  const heading = models.length <= 3 ? models.join(" · ") : `${models.length} models compared`
  const cases = "<h2>How the cases spread</h2>"
  return page(`${heading}: hasam compare`, heading, [tables, cases, ...figures].join("\n"), version)
}

/** hasam compare A B …: the last is the reference. */
export const compare = async (runs: readonly string[], flags: CompareFlags): Promise<void> => {
  const { test, format } = flags
  const loaded = await Promise.all(
    runs.map(async (run) => [run, await loadResults(join(run, "results.json"))] as const),
  )
  const results = named(loaded)
  const compared = compareResults(results.flatMap(withClasses), { test, correction: flags.holm ? "holm" : "none" })
  const text = texts[format](compared)
  say((format === "html" ? await pageOf(results, text) : text).trimEnd())
  if (flags.histograms === undefined) return
  const values = await Promise.all(runs.map(loadBlocks))
  const figure = await blockHistograms(results.map(({ model }, i) => [model, values[i]!]))
  await writeAtomically(flags.histograms, figure)
  talk(`wrote ${flags.histograms}`)
}
