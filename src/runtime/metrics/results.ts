/** Results case by case: what an evaluation writes and a comparison reads. */
import { isLeft } from "fp-ts/lib/Either.js"
import * as t from "io-ts"
import { failed } from "../../compiler/diagnostic.ts"
import { csvText } from "../data/csv.ts"
import { readBytes, writeAtomically } from "../files.ts"
import type { Metrics } from "./segmentation.ts"
import { type Summary, summary } from "./statistics.ts"

export const metricNames = ["dice", "iou", "hd95"] as const satisfies readonly (keyof Metrics)[]
export type MetricName = (typeof metricNames)[number]

export interface CaseResult {
  readonly id: string
  readonly subject?: string
  readonly class?: string
  readonly dice: number
  readonly iou: number
  /** Undefined where the rule for empty masks excludes it. */
  readonly hd95?: number | undefined
  /** Of a model of classes: each class but the background; the values above are their means. */
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

/** Mean ± deviation of each metric over the cases. */
export const summaries = (results: Pick<Results, "cases">): Readonly<Record<MetricName, Summary>> => ({
  dice: summary(valuesOf(results, "dice")),
  iou: summary(valuesOf(results, "iou")),
  hd95: summary(valuesOf(results, "hd95")),
})

/** Case by case, for a spreadsheet. */
export const resultsCsv = ({ cases, unit }: Results): string => {
  const classes = Object.keys(cases[0]?.classes ?? {})
  const ofClass = (name: string) => [`dice_${name}`, `iou_${name}`, `hd95_${unit}_${name}`]
  return csvText(
    ["id", "subject", "class", "dice", "iou", `hd95_${unit}`, ...classes.flatMap(ofClass)],
    cases.map((one) => [
      ...[one.id, one.subject ?? "", one.class ?? "", one.dice, one.iou, one.hd95 ?? ""],
      ...classes.flatMap((name) => {
        const metrics = one.classes?.[name]
        return [metrics?.dice ?? "", metrics?.iou ?? "", metrics?.hd95 ?? ""]
      }),
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
          classes: t.record(
            t.string,
            t.intersection([t.type({ dice: t.number, iou: t.number }), t.partial({ hd95: optional(t.number) })]),
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
