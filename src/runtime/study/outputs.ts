/** What a finished study leaves: tables in four formats, box plots, a sheet of the worst, median and best cases, a csv of all runs, and results by model. */
import { join } from "node:path"
import { fileName } from "../../compiler/report/escape.ts"
import { csvText } from "../data/csv.ts"
import { readLabels } from "../data/image.ts"
import type { Mask } from "../data/raster.ts"
import { reader } from "../data/reader.ts"
import { dataOptionsOf } from "../dataFlags.ts"
import { boxPlots } from "../figures/boxes.ts"
import { type SheetRow, sheet } from "../figures/sheet.ts"
import { writeAtomically } from "../files.ts"
import { metricNames, saveResults, summaries } from "../metrics/results.ts"
import { classesTaught, pixelsOf } from "../task/index.ts"
import { exists } from "../training/checkpoint.ts"
import { type Collected, type Column, collect, type Merged } from "./collect.ts"
import { maskFile } from "./job.ts"
import type { OpenStudy } from "./open.ts"
import { runFolder } from "./plan.ts"
import { type Format, formats, tablesIn } from "./tables.ts"

const runsCsv = ({ columns }: Collected): string =>
  csvText(
    ["run", "model", "seed", "fold", "fraction", "rate", "column", "cases", ...metricNames],
    columns.flatMap(({ title, models }) =>
      models.flatMap(({ arm, runs }) =>
        runs.map(({ job, results }) => {
          const of = summaries(results)
          const means = metricNames.map((metric) => (of[metric].n === 0 ? "" : of[metric].mean))
          return [
            job.id,
            arm.name,
            job.seed,
            job.fold,
            job.fraction,
            job.rate ?? "",
            title,
            results.cases.length,
            ...means,
          ]
        }),
      ),
    ),
  )

/** The reference's worst, median and best case by Dice, each once. */
export const tellingCases = ({
  results: { cases },
}: {
  readonly results: Pick<Merged["results"], "cases">
}): readonly { readonly id: string; readonly what: string }[] => {
  const order = [...cases].sort((a, b) => a.dice - b.dice || (a.id < b.id ? -1 : 1)).map(({ id }) => id)
  const places = { worst: 0, median: Math.floor((order.length - 1) / 2), best: order.length - 1 }
  return Object.entries(places)
    .map(([what, place]) => ({ id: order[place] ?? "", what }))
    .filter(({ id }, i, all) => id !== "" && all.findIndex((one) => one.id === id) === i)
}

/** The mask that a model's run of the first seed drew of a case. */
const drawn = async (opened: OpenStudy, { runs }: Merged, id: string): Promise<Mask | undefined> => {
  const of = runs.filter(
    ({ job, results }) => job.seed === opened.study.seeds[0] && results.cases.some((one) => one.id === id),
  )
  for (const { job } of of) {
    const path = maskFile(runFolder(opened.settings.out, job), id)
    if (!(await exists(path))) continue
    const { width, height, values } = await readLabels(path)
    return { width, height, data: Uint8Array.from(values) }
  }
  return undefined
}

const writeSheet = async (opened: OpenStudy, column: Column, path: string): Promise<void> => {
  const { study, settings, models, cases } = opened
  const reference = column.models.find(({ arm }) => arm.name === study.reference)!
  const { data } = models.get(reference.arm.model)!
  const wanted = tellingCases(reference)
  const samples = reader({ ...dataOptionsOf(settings), pixels: pixelsOf(data), labels: classesTaught(data) })
  const rows: SheetRow[] = []
  const asked = wanted.flatMap(({ id }) => cases.filter((one) => one.id === id))
  for await (const { point: _, ...sample } of samples.evaluation(asked)) {
    const masks: [string, Mask][] = []
    for (const model of column.models) {
      const mask = await drawn(opened, model, sample.case.id)
      if (mask !== undefined) masks.push([model.arm.name, mask])
    }
    const what = wanted.find(({ id }) => id === sample.case.id)?.what
    rows.push({
      sample: { ...sample, case: { ...sample.case, id: `${what}: ${sample.case.id}` } },
      masks: Object.fromEntries(masks),
    })
  }
  await writeAtomically(path, await sheet(rows))
}

/** Several columns have files of their own, numbered as the tables have them. */
const numbered = (base: string, ending: string, i: number, n: number): string =>
  `${base}${n > 1 ? `-${i + 1}` : ""}.${ending}`

/** Writes them all; the text of one format comes back. The same results give the same bytes. */
export const writeOutputs = async (opened: OpenStudy, format: Format): Promise<string> => {
  const { out } = opened.settings
  const collected = await collect(opened)
  const { columns } = collected
  const at = (name: string) => join(out, name)
  for (const [name, { ending }] of Object.entries(formats))
    await writeAtomically(at(`table.${ending}`), tablesIn(name as Format, opened, collected))
  await writeAtomically(at("runs.csv"), runsCsv(collected))
  for (const [i, column] of columns.entries()) {
    const results = column.models.map((one) => one.results)
    await writeAtomically(at(numbered("boxes", "svg", i, columns.length)), await boxPlots(column.title, results))
    // So that several studies, of several data sets, come into one table: hasam compare A/models/* B/models/*.
    for (const { arm, results } of column.models)
      await saveResults(
        join(out, "models", ...(columns.length > 1 ? [String(i + 1)] : []), fileName(arm.name), "results.json"),
        results,
      )
  }
  const [first] = columns.filter(({ models }) => models.some(({ arm }) => arm.name === opened.study.reference))
  if (first !== undefined) await writeSheet(opened, first, at("sheet.png"))
  return tablesIn(format, opened, collected)
}
