/** A table for a paper, with booktabs. */
import { latex } from "./escape.ts"
import type { Report } from "./report.ts"
import * as unit from "./units.ts"

export const reportLatex = ({ models }: Report): string => {
  const rows = models.map(
    ({ name, trainable, total }) =>
      `${latex(name)} & ${unit.exact(trainable)} & ${unit.exact(total)} & ${((100 * trainable) / Math.max(1, total)).toFixed(2)} & ${(trainable / 2 ** 18).toFixed(2)} \\\\`,
  )
  return [
    "% Parameters are exact counts; mebibytes are of what learns, in float32.",
    "\\begin{tabular}{lrrrr}",
    "\\toprule",
    "Model & Trainable parameters & Parameters & Trainable \\% & Trainable MiB \\\\",
    "\\midrule",
    ...rows,
    "\\bottomrule",
    "\\end{tabular}",
    "",
  ].join("\n")
}
