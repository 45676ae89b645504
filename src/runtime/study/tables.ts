/** A study's tables: models over cases, with tests; and over runs, without. */

import { version } from "../../compiler/frontend/package.ts"
import { unequalBudgets } from "../../compiler/frontend/study.ts"
import { markdown, visible, xml } from "../../compiler/report/escape.ts"
import { page } from "../../compiler/report/html.ts"
import { type Comparison, compareResults } from "../metrics/comparison.ts"
import { withClasses } from "../metrics/results.ts"
import { tableHtml, tableLatex, tableMarkdown, tableText } from "../metrics/tables.ts"
import { asRuns, type Collected, type Column } from "./collect.ts"
import type { OpenStudy } from "./open.ts"
import { fractionTitle } from "./plan.ts"

export const formats = {
  text: { table: tableText, heading: (text: string) => `${visible(text)}\n`, ending: "txt" },
  markdown: { table: tableMarkdown, heading: (text: string) => `### ${markdown(text)}\n`, ending: "md" },
  latex: { table: tableLatex, heading: (text: string) => `% ${visible(text)}\n`, ending: "tex" },
  html: { table: tableHtml, heading: (text: string) => `<h2>${xml(text)}</h2>\n`, ending: "html" },
} as const
export type Format = keyof typeof formats

const plural = (n: number, one: string): string => `${n} ${one}${n === 1 ? "" : "s"}`

/** How it was done, for the end of the first table. */
const designNotes = (opened: OpenStudy, { columns, chosen }: Collected): readonly string[] => {
  const { study, options, splitBy } = opened
  const trained = study.arms.filter((arm) => arm.trained)
  const unequal = unequalBudgets(trained.map(({ name }) => ({ name, options: options.get(name)! })))
  const [first] = trained
  const budget = first === undefined ? undefined : options.get(first.name)
  const runs = Math.max(...columns.flatMap(({ models }) => models.map((one) => one.runs.length)))
  return [
    `design: ${plural(study.seeds.length, "seed")}, ${plural(study.folds, "fold")} (split by ${splitBy})${runs === 1 ? "" : "; a case's value is its mean over the runs that tested it"}`,
    ...(budget === undefined || unequal.length > 0
      ? unequal.map((one) => `budgets differ in ${one}`)
      : [
          `budget: ${plural(budget.epochs, "epoch")}, batch ${budget.batch}${budget.accumulate > 1 ? `, ${budget.accumulate} batches a step` : ""}, the same for all`,
        ]),
    ...(study.rates.length > 1
      ? [
          `learning rates ${study.rates.join(", ")} tried by each; chosen by validation: ${chosen
            .map(
              ({ arm, fraction, rate }) =>
                `${arm} ${rate}${study.fractions.length > 1 ? ` (${fractionTitle(fraction)})` : ""}`,
            )
            .join(", ")}`,
        ]
      : study.rates.length === 1
        ? [`learning rate ${study.rates[0]} for all`]
        : []),
  ]
}

/** Models in their order, whichever column has them first. */
const inOrder = (table: Comparison, { study }: OpenStudy): Comparison => ({
  ...table,
  rows: study.arms.flatMap(({ name }) => table.rows.filter(({ model }) => model === name)),
})

/** Where the reference has no results, nothing is tested. */
const comparedIn = (columns: readonly Column[], reference: string): readonly Column[] =>
  columns.filter(({ models }) => models.some(({ arm }) => arm.name === reference))

export const caseTable = (opened: OpenStudy, collected: Collected): Comparison => {
  const { reference, test, correction } = opened.study
  const columns = comparedIn(collected.columns, reference)
  const all = columns.flatMap(({ models }) => models.flatMap(({ results }) => withClasses(results)))
  const table = inOrder(compareResults(all, { reference, test, correction }), opened)
  return { ...table, notes: [...table.notes, ...designNotes(opened, collected)] }
}

/** A single run has no spread. */
export const runTable = (opened: OpenStudy, { columns }: Collected): Comparison | undefined => {
  const most = Math.max(...columns.flatMap(({ models }) => models.map(({ runs }) => runs.length)))
  if (most < 2) return undefined
  const { seeds, folds, reference } = opened.study
  const all = columns.flatMap(({ models }) => models.map(asRuns))
  const spread = compareResults(all, { reference, test: "untested" })
  return {
    ...inOrder(spread, opened),
    notes: [
      `mean ± standard deviation of the runs' own means: ${plural(seeds.length, "seed")}${folds > 1 ? ` × ${folds} folds` : ""}; nothing is tested here`,
    ],
  }
}

/** Both tables in one format. */
export const tablesIn = (format: Format, opened: OpenStudy, collected: Collected): string => {
  const { table, heading } = formats[format]
  const runs = runTable(opened, collected)
  const text = [
    heading(`${opened.name}: models over cases`),
    table(caseTable(opened, collected)),
    ...(runs === undefined ? [] : ["", heading(`${opened.name}: models over runs`), table(runs, { intervals: false })]),
  ].join("\n")
  return format === "html" ? page(`${opened.name}: hasam study`, opened.name, text, version) : text
}
