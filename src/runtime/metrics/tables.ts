/** A comparison as text, Markdown or LaTeX. Bold and asterisks come from the numbers. */
import { latex, markdown, visible } from "../../compiler/report/escape.ts"
import type { Cell, Comparison } from "./comparison.ts"
import { type MetricName, metricNames } from "./results.ts"

export interface TableOptions {
  /** Mean ± deviation; the paper prints means only. */
  readonly deviations?: boolean
}

const titles: { readonly [K in MetricName]: string } = { dice: "Dice", iou: "IoU", hd95: "HD95" }

/** Dice and IoU in percent. */
const scale: { readonly [K in MetricName]: number } = { dice: 100, iou: 100, hd95: 1 }

const head = (metric: MetricName, unit: string): string => `${titles[metric]} ${metric === "hd95" ? unit : "%"}`

const number = (cell: Cell, metric: MetricName, plusMinus: string, { deviations = true }: TableOptions): string => {
  if (Number.isNaN(cell.mean)) return "–"
  const mean = (scale[metric] * cell.mean).toFixed(2)
  return deviations && !Number.isNaN(cell.sd) ? `${mean}${plusMinus}${(scale[metric] * cell.sd).toFixed(2)}` : mean
}

const exact = (n: number): string => n.toLocaleString("en-US")
const parameters = (n: number | undefined): string =>
  n === undefined ? "–" : `${exact(n)} (${(n / 1e6).toFixed(2)} M)`

/** Header and rows as strings; the cells are finished by the caller. */
const matrix = (
  table: Comparison,
  finish: (cell: Cell, metric: MetricName) => string,
): readonly (readonly string[])[] => {
  const counted = table.rows.some(({ trainable }) => trainable !== undefined)
  return table.rows.map(({ model, trainable, cells }) => [
    model,
    ...(counted ? [parameters(trainable)] : []),
    ...cells.flatMap((cell) => metricNames.map((metric) => (cell === undefined ? "–" : finish(cell[metric], metric)))),
  ])
}

const headers = (table: Comparison): readonly string[] => {
  const counted = table.rows.some(({ trainable }) => trainable !== undefined)
  const many = table.datasets.length > 1
  return [
    "Model",
    ...(counted ? ["Trainable parameters"] : []),
    ...table.datasets.flatMap(({ name, unit }) =>
      metricNames.map((metric) => `${many ? `${name} ` : ""}${head(metric, unit)}`),
    ),
  ]
}

const markText = ({ significant, best }: Cell): string => `${significant ? "*" : ""}${best ? " ◂" : ""}`

/** For a terminal: columns aligned, ◂ beside the best. */
export const tableText = (table: Comparison, options: TableOptions = {}): string => {
  const rows = [
    headers(table).map(visible),
    ...matrix(table, (cell, metric) => `${number(cell, metric, " ± ", options)}${markText(cell)}`),
  ]
  const shown = rows.map(([model, ...rest]) => [visible(model!), ...rest])
  const widths = shown[0]!.map((_, i) => Math.max(...shown.map((row) => row[i]!.length)))
  const lines = shown.map((row) =>
    row
      .map((text, i) => text.padEnd(widths[i]!))
      .join("  ")
      .trimEnd(),
  )
  return `${[...lines, "", "◂ best", ...table.notes.map(visible)].join("\n")}\n`
}

const boldMarkdown = (text: string, cell: Cell) => `${cell.best ? `**${text}**` : text}${cell.significant ? "\\*" : ""}`

/** For a README: the best in bold. */
export const tableMarkdown = (table: Comparison, options: TableOptions = {}): string => {
  const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`
  const names = headers(table)
  const body = matrix(table, (cell, metric) => boldMarkdown(number(cell, metric, " ± ", options), cell))
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
    if (text === "–") return "--"
    return `$${cell.best ? `\\mathbf{${text}}` : text}${cell.significant ? "^{*}" : ""}$`
  }
  const counted = table.rows.some(({ trainable }) => trainable !== undefined)
  const lead = counted ? 2 : 1
  const columns = "l".repeat(1) + "r".repeat(lead - 1 + 3 * table.datasets.length)
  const groups = table.datasets.map(({ name }) => `\\multicolumn{3}{c}{${latex(name)}}`)
  const rules = table.datasets.map((_, i) => `\\cmidrule(lr){${lead + 1 + 3 * i}-${lead + 3 + 3 * i}}`)
  const names = [
    "Model",
    ...(counted ? ["Trainable parameters"] : []),
    ...table.datasets.flatMap(({ unit }) => metricNames.map((metric) => latex(head(metric, unit)))),
  ]
  const body = matrix(table, finish).map(
    ([model, ...rest]) => `${[latex(model!), ...rest].map((text) => (text === "–" ? "--" : text)).join(" & ")} \\\\`,
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
