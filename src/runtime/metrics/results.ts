/** Results case by case: what an evaluation writes and a comparison reads. */
import { isLeft } from "fp-ts/lib/Either.js"
import * as t from "io-ts"
import { failed } from "../../compiler/diagnostic.ts"
import { csvText } from "../data/csv.ts"
import { readBytes, writeAtomically } from "../files.ts"
import type { Metrics } from "./segmentation.ts"
import { type Summary, summary } from "./statistics.ts"

export const metricNames = ["dice", "iou", "hd95", "nsd"] as const satisfies readonly (keyof Metrics)[]
export type MetricName = (typeof metricNames)[number]

export interface CaseResult {
  readonly id: string
  readonly subject?: string
  readonly class?: string
  readonly dice: number
  readonly iou: number
  /** Undefined where the rule for empty masks excludes it. */
  readonly hd95?: number | undefined
  /** Undefined where a version measured that did not know it. */
  readonly nsd?: number | undefined
  /** Of a model of classes: each class, the background only where it was asked for; the values above are their means. */
  readonly classes?: Readonly<Record<string, Metrics>>
}

/** One model on one data set. */
export interface Results {
  readonly model: string
  readonly dataset: string
  /** Parameters that learnt. */
  readonly trainable?: number
  /** How it was measured, in words: conventions, prompt, split. Printed with every table. */
  readonly conventions: Readonly<Record<string, string>>
  /** Of HD95. */
  readonly unit: "px" | "mm"
  readonly cases: readonly CaseResult[]
}

/** The values of one metric, without those that are excluded. */
export const valuesOf = ({ cases }: Pick<Results, "cases">, metric: MetricName): readonly number[] =>
  cases.map((one) => one[metric]).filter((value) => value !== undefined)

const summaryOf = ({ cases }: Pick<Results, "cases">, metric: MetricName): Summary => {
  const known = cases.filter((one) => one[metric] !== undefined)
  return summary(
    known.map((one) => one[metric]!),
    known.map(({ subject }) => subject),
  )
}

/** Mean ± deviation of each metric over the cases, and the interval of the mean; patients are resampled where they are known. */
export const summaries = (results: Pick<Results, "cases">): Readonly<Record<MetricName, Summary>> => ({
  dice: summaryOf(results, "dice"),
  iou: summaryOf(results, "iou"),
  hd95: summaryOf(results, "hd95"),
  nsd: summaryOf(results, "nsd"),
})

/** The names of the classes that were measured, in their order. */
export const classesOf = ({ cases }: Pick<Results, "cases">): readonly string[] => Object.keys(cases[0]?.classes ?? {})

/** One class's results, as if it were a data set of its own. */
export const ofClass = (results: Results, name: string): Results => ({
  ...results,
  dataset: `${results.dataset}: ${name}`,
  cases: results.cases.flatMap(({ classes, dice: _, iou: __, hd95: ___, nsd: ____, ...rest }) => {
    const metrics = classes?.[name]
    return metrics === undefined ? [] : [{ ...rest, ...metrics }]
  }),
})

/** The mean over the classes, and each class by itself where there are several. */
export const withClasses = (results: Results): readonly Results[] => {
  const names = classesOf(results)
  return names.length < 2 ? [results] : [results, ...names.map((name) => ofClass(results, name))]
}

/** Case by case, for a spreadsheet. */
export const resultsCsv = ({ cases, unit }: Results): string => {
  const classes = classesOf({ cases })
  const columns = (suffix: string) => [`dice${suffix}`, `iou${suffix}`, `hd95_${unit}${suffix}`, `nsd${suffix}`]
  const measured = (metrics: Partial<Metrics> | undefined) => metricNames.map((name) => metrics?.[name] ?? "")
  return csvText(
    ["id", "subject", "class", ...columns(""), ...classes.flatMap((name) => columns(`_${name}`))],
    cases.map((one) => [
      ...[one.id, one.subject ?? "", one.class ?? "", ...measured(one)],
      ...classes.flatMap((name) => measured(one.classes?.[name])),
    ]),
  )
}

const optional = <C extends t.Mixed>(codec: C) => t.union([codec, t.undefined])
const ResultsFile = t.intersection([
  t.type({
    $schema: t.literal("hasam/results/1"),
    model: t.string,
    dataset: t.string,
    conventions: t.record(t.string, t.string),
    unit: t.union([t.literal("px"), t.literal("mm")]),
    cases: t.readonlyArray(
      t.intersection([
        t.type({ id: t.string, dice: t.number, iou: t.number }),
        t.partial({
          subject: t.string,
          class: t.string,
          hd95: optional(t.number),
          nsd: optional(t.number),
          classes: t.record(
            t.string,
            t.intersection([
              t.type({ dice: t.number, iou: t.number }),
              t.partial({ hd95: optional(t.number), nsd: optional(t.number) }),
            ]),
          ),
        }),
      ]),
    ),
  }),
  t.partial({ trainable: t.number }),
])

/** Throws HS4001. */
export const saveResults = (path: string, results: Results): Promise<void> =>
  writeAtomically(path, `${JSON.stringify({ $schema: "hasam/results/1", ...results }, undefined, 1)}\n`)

/** Throws HS4002, HS4501. */
export const loadResults = async (path: string): Promise<Results> => {
  const bytes = await readBytes(path)
  const decoded = ResultsFile.decode(parse(bytes.toString("utf8")))
  if (isLeft(decoded)) {
    const fields = [
      ...new Set(
        decoded.left.map(({ context }) => context.map(({ key }) => key).filter((key) => /^[a-z]/i.test(key))[0]),
      ),
    ]
    throw failed(
      path,
      "HS4501",
      `these are no results${fields[0] === undefined ? "" : `: look at ${fields.join(", ")}`}`,
      "Write them with `hasam eval`.",
    )
  }
  const { $schema: _, ...results } = decoded.right
  return results
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
