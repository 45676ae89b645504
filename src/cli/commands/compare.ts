import { basename, join } from "node:path"
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

/** hasam compare A B …: the last is the reference. */
export const compare = async (runs: readonly string[], flags: CompareFlags): Promise<void> => {
  const { test, format } = flags
  const loaded = await Promise.all(
    runs.map(async (run) => [run, await loadResults(join(run, "results.json"))] as const),
  )
  const results = named(loaded)
  say(
    texts[format](
      compareResults(results.flatMap(withClasses), { test, correction: flags.holm ? "holm" : "none" }),
    ).trimEnd(),
  )
  if (flags.histograms === undefined) return
  const values = await Promise.all(runs.map(loadBlocks))
  const figure = await blockHistograms(results.map(({ model }, i) => [model, values[i]!]))
  await writeAtomically(flags.histograms, figure)
  talk(`wrote ${flags.histograms}`)
}
