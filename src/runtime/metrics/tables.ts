/** A comparison as text, Markdown, LaTeX or HTML. Bold and asterisks come from the numbers. */

import { latex, markdown, visible, xml } from "../../compiler/report/escape.ts"
import { cell, table as tableOf } from "../../compiler/report/html.ts"
import { exactAndScaled } from "../../compiler/report/units.ts"
import type { Cell, Comparison } from "./comparison.ts"
import { type MetricName, metricNames } from "./results.ts"

export interface TableOptions {
  /** Mean ± deviation; the paper prints means only. */
  readonly deviations?: boolean
  /** The 95 % confidence interval of each mean. */
  readonly intervals?: boolean
}

const titles: { readonly [K in MetricName]: string } = { dice: "Dice", iou: "IoU", hd95: "HD95", nsd: "NSD" }

/** Shares in percent. */
const scale: { readonly [K in MetricName]: number } = { dice: 100, iou: 100, hd95: 1, nsd: 100 }

const head = (metric: MetricName, unit: string): string => `${titles[metric]} ${metric === "hd95" ? unit : "%"}`

const dash = "–"
const number = (cell: Cell, metric: MetricName, plusMinus: string, { deviations = true }: TableOptions): string => {
  if (Number.isNaN(cell.mean)) return dash
  const mean = (scale[metric] * cell.mean).toFixed(2)
  return deviations && !Number.isNaN(cell.sd) ? `${mean}${plusMinus}${(scale[metric] * cell.sd).toFixed(2)}` : mean
}
const interval = ({ interval: [low, high] }: Cell, metric: MetricName, { intervals = true }: TableOptions): string =>
  !intervals || Number.isNaN(low) ? "" : `[${(scale[metric] * low).toFixed(2)}, ${(scale[metric] * high).toFixed(2)}]`

const parameters = (n: number | undefined): string => (n === undefined ? dash : exactAndScaled(n))

const isCounted = (table: Comparison): boolean => table.rows.some(({ trainable }) => trainable !== undefined)

/** The metrics that somebody measured: results of before NSD have none. */
const measured = (table: Comparison): readonly MetricName[] =>
  metricNames.filter((metric) => table.rows.some(({ cells }) => cells.some((cell) => (cell?.[metric].n ?? 0) > 0)))

/** Rows as strings; the cells are finished by the caller. */
const matrix = (
  table: Comparison,
  finish: (cell: Cell, metric: MetricName) => string,
): readonly (readonly string[])[] => {
  const counted = isCounted(table)
  const metrics = measured(table)
  return table.rows.map(({ model, trainable, cells }) => [
    model,
    ...(counted ? [parameters(trainable)] : []),
    ...cells.flatMap((cell) => metrics.map((metric) => (cell === undefined ? dash : finish(cell[metric], metric)))),
  ])
}

const headers = (table: Comparison): readonly string[] => {
  const many = table.datasets.length > 1
  return [
    "Model",
    ...(isCounted(table) ? ["Trainable parameters"] : []),
    ...table.datasets.flatMap(({ name, unit }) =>
      measured(table).map((metric) => `${many ? `${name} ` : ""}${head(metric, unit)}`),
    ),
  ]
}

const joined = (...parts: readonly string[]): string => parts.filter((part) => part !== "").join(" ")

/** One data set of a table. */
const only = (table: Comparison, i: number): Comparison => ({
  ...table,
  datasets: [table.datasets[i]!],
  rows: table.rows.map(({ cells, ...row }) => ({ ...row, cells: [cells[i]] })),
})

const blockText = (table: Comparison, options: TableOptions): readonly string[] => {
  const finish = (cell: Cell, metric: MetricName) =>
    `${joined(number(cell, metric, " ± ", options), interval(cell, metric, options))}${cell.significant ? "*" : ""}${cell.best ? " ◂" : ""}`
  const rows = [headers(table).map(visible), ...matrix(table, finish)]
  const shown = rows.map(([model, ...rest]) => [visible(model!), ...rest])
  const widths = shown[0]!.map((_, i) => Math.max(...shown.map((row) => row[i]!.length)))
  return shown.map((row) =>
    row
      .map((text, i) => text.padEnd(widths[i]!))
      .join("  ")
      .trimEnd(),
  )
}

/** For a terminal: a block for each data set, columns aligned, ◂ beside the best. */
export const tableText = (table: Comparison, options: TableOptions = {}): string => {
  const blocks = table.datasets.map(({ name }, i) => [
    ...(table.datasets.length > 1 ? [visible(name)] : []),
    ...blockText(only(table, i), options),
    "",
  ])
  return `${[...blocks.flat(), "◂ best", ...table.notes.map(visible)].join("\n")}\n`
}

const markdownCell =
  (options: TableOptions) =>
  (cell: Cell, metric: MetricName): string => {
    const text = number(cell, metric, " ± ", options)
    const marked = `${cell.best ? `**${text}**` : text}${cell.significant ? "\\*" : ""}`
    return joined(marked, interval(cell, metric, options).replace("[", "\\[").replace("]", "\\]"))
  }

/** For a README: the best in bold. */
export const tableMarkdown = (table: Comparison, options: TableOptions = {}): string => {
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`
  const names = headers(table)
  const body = matrix(table, markdownCell(options))
  return `${[
    row(names.map(markdown)),
    row(names.map((_, i) => (i === 0 ? "---" : "---:"))),
    ...body.map(([model, ...rest]) => row([markdown(model!), ...rest])),
    "",
    ...table.notes.map((note) => `${markdown(note)}  `),
  ].join("\n")}\n`
}

/** For a paper, with booktabs: the best in bold, asterisks raised. */
export const tableLatex = (table: Comparison, options: TableOptions = {}): string => {
  const finish = (cell: Cell, metric: MetricName) => {
    const text = number(cell, metric, " \\pm ", options)
    if (text === dash) return "--"
    const value = `$${cell.best ? `\\mathbf{${text}}` : text}${cell.significant ? "^{*}" : ""}$`
    return joined(value, interval(cell, metric, options))
  }
  const lead = isCounted(table) ? 2 : 1
  const metrics = measured(table)
  const k = metrics.length
  const columns = `l${"r".repeat(lead - 1 + k * table.datasets.length)}`
  const groups = table.datasets.map(({ name }) => `\\multicolumn{${k}}{c}{${latex(name)}}`)
  const rules = table.datasets.map((_, i) => `\\cmidrule(lr){${lead + 1 + k * i}-${lead + k + k * i}}`)
  const names = [
    "Model",
    ...(lead === 2 ? ["Trainable parameters"] : []),
    ...table.datasets.flatMap(({ unit }) => metrics.map((metric) => latex(head(metric, unit)))),
  ]
  const body = matrix(table, finish).map(
    ([model, ...rest]) => `${[latex(model!), ...rest].map((text) => (text === dash ? "--" : text)).join(" & ")} \\\\`,
  )
  return `${[
    ...table.notes.map((note) => `% ${visible(note)}`),
    `\\begin{tabular}{${columns}}`,
    "\\toprule",
    `${[...Array.from({ length: lead }, () => ""), ...groups].join(" & ")} \\\\`,
    rules.join(" "),
    `${names.join(" & ")} \\\\`,
    "\\midrule",
    ...body,
    "\\bottomrule",
    "\\end{tabular}",
  ].join("\n")}\n`
}

const signed = (x: number): string => `${x > 0 ? "+" : x < 0 ? "−" : ""}${Math.abs(x).toFixed(2)}`
const pText = (p: number): string => (p < 0.001 ? "p < 0.001" : `p = ${p.toPrecision(2)}`)

const dataset = ({ datasets: [of] }: Comparison): string => of?.name ?? ""

/** Means with their intervals; the best of each column is bold, and a heading sorts. */
const meansHtml = (table: Comparison, options: TableOptions): string => {
  const metrics = measured(table)
  const counts = isCounted(table)
  const finish = (of: Cell, metric: MetricName): string => {
    const text = number(of, metric, " ± ", options)
    const marked = `${of.best ? `<strong>${text}</strong>` : text}${of.significant ? "<sup>*</sup>" : ""}`
    const between = interval(of, metric, options)
    // What has no mean sorts behind everything that has one.
    return cell(joined(marked, between === "" ? "" : `<small>${between}</small>`), Number.isNaN(of.mean) ? -1 : of.mean)
  }
  const rows = table.rows.map(({ model, trainable, cells: [of] }) => {
    const numbers = metrics.map((metric) => (of === undefined ? cell(dash, -1) : finish(of[metric], metric)))
    return `<tr><th scope="row">${xml(model)}</th>${counts ? cell(parameters(trainable), trainable ?? -1) : ""}${numbers.join("")}</tr>`
  })
  const names = headers(table).map((name) => `<button type="button">${xml(name)}</button>`)
  const what = options.deviations === false ? "means" : "mean ± standard deviation"
  return tableOf(joined(`${dataset(table)}:`, `${what}; a heading sorts by its column`), names, rows)
}

/** What each model has more or less than the reference, and how likely chance alone would show as much. */
const differencesHtml = (table: Comparison): readonly string[] => {
  const reference = table.rows.find(({ model }) => model === table.reference)?.cells[0]
  const others = table.rows.filter(({ model, cells }) => model !== table.reference && cells[0] !== undefined)
  if (table.test === "untested" || reference === undefined || others.length === 0) return []
  const metrics = measured(table)
  const rows = others.map(({ model, cells: [of] }) => {
    const numbers = metrics.map((metric) => {
      const { mean, p, significant } = of![metric]
      const more = scale[metric] * (mean - reference[metric].mean)
      const how = p === undefined || Number.isNaN(p) ? "" : `<small>${xml(pText(p))}</small>`
      return cell(Number.isNaN(more) ? dash : joined(`${signed(more)}${significant ? "<sup>*</sup>" : ""}`, how))
    })
    return `<tr><th scope="row">${xml(model)}</th>${numbers.join("")}</tr>`
  })
  const names = ["Model", ...metrics.map((metric) => xml(head(metric, table.datasets[0]!.unit)))]
  return [tableOf(joined(`${dataset(table)}:`, `differences from ${table.reference}`), names, rows)]
}

/** For a page: tables and their notes, with a table of differences where something was tested. */
export const tableHtml = (table: Comparison, options: TableOptions = {}): string =>
  `${[
    ...table.datasets.flatMap((_, i) => {
      const one = only(table, i)
      return [meansHtml(one, options), ...differencesHtml(one)]
    }),
    `<ul>${table.notes.map((note) => `<li>${xml(note)}</li>`).join("")}</ul>`,
  ].join("\n")}\n`
