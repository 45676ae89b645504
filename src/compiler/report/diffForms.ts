/** A diff of two models for a pull request, and as a page with both pictures on one scale. */
import { type DiffRow, diffOf } from "./diff.ts"
import { xml as escaped, markdown } from "./escape.ts"
import { cell, page, table } from "./html.ts"
import type { ModelReport } from "./report.ts"
import { blocksSvg, commonScale } from "./svg.ts"
import * as unit from "./units.ts"

/** Signed changes of all and of what learns, each in numbers and in percent of what was. */
export const cellsOf = ({ name, before, after }: DiffRow): readonly [string, string, string, string, string] => [
  name,
  unit.signed(after.total - before.total),
  unit.change(before.total, after.total),
  unit.signed(after.trainable - before.trainable),
  unit.change(before.trainable, after.trainable),
]

const head = ["", "parameters", "in percent", "learn", "in percent"]

/** A table with a TOTAL row. */
export const diffMarkdown = (before: ModelReport, after: ModelReport): string => {
  const { parts, placements, blocks, total } = diffOf(before, after)
  const row = (cells: readonly string[]): string => `| ${cells.map(markdown).join(" | ")} |`
  return [
    row([`${before.name} → ${after.name}`, ...head.slice(1)]),
    "|---|---:|---:|---:|---:|",
    ...[...parts, ...placements, ...blocks].map((one) => row(cellsOf(one))),
    `| ${cellsOf(total)
      .map((text) => (text === "" ? "" : `**${text}**`))
      .join(" | ")} |`,
  ].join("\n")
}

/** One file that fetches nothing. */
export const diffHtml = (before: ModelReport, after: ModelReport, hasam: string): string => {
  const { parts, placements, blocks, total } = diffOf(before, after)
  const models = [before, after]
  const row = (one: DiffRow): string => {
    const [name, all, allShare, learn, learnShare] = cellsOf(one)
    const numbers = [
      cell(all, one.after.total - one.before.total),
      cell(allShare),
      cell(learn, one.after.trainable - one.before.trainable),
      cell(learnShare),
    ]
    return `<tr><th scope="row">${escaped(name)}</th>${numbers.join("")}</tr>`
  }
  const groups = [
    ["Parts that differ", parts],
    ["Placements that differ", placements],
    ["Blocks that differ", blocks],
  ] as const
  const heading = `${before.name} → ${after.name}`
  const names = ["name", ...head.slice(1)]
  const tables = groups
    .filter(([, rows]) => rows.length > 0)
    .map(([caption, rows]) => table(caption, names, rows.map(row), row(total)))
  const same = tables.length === 0 ? ["<p>Nothing differs: not a part, not a placement, not a block.</p>"] : []
  const pictures = models
    .filter((model) => model.blocks.some(({ trainable }) => trainable > 0))
    .map((model) => blocksSvg(model, { ...commonScale({ models }), id: `hatch-${models.indexOf(model)}` }))
  return page(`${heading}: hasam diff`, heading, [...same, ...tables, ...pictures].join("\n"), hasam)
}
