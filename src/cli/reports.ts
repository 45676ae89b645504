import { join } from "node:path"
import { plain } from "../compiler/report/colors.ts"
import { reportHtml } from "../compiler/report/html.ts"
import { reportLatex } from "../compiler/report/latex.ts"
import { reportMarkdown } from "../compiler/report/markdown.ts"
import type { Report } from "../compiler/report/report.ts"
import { reportSarif } from "../compiler/report/sarif.ts"
import { reportSvg } from "../compiler/report/svg.ts"
import { modelText } from "../compiler/report/text.ts"
import { own } from "../dsl/own.ts"
import { writeAtomically } from "../runtime/files.ts"
import { talk } from "./output.ts"

const formats: Readonly<Record<string, (report: Report) => string>> = {
  text: ({ models }) => `${models.map((model) => modelText(model, { colors: plain })).join("\n\n")}\n`,
  json: (report) => `${JSON.stringify(report, null, 2)}\n`,
  md: reportMarkdown,
  html: reportHtml,
  tex: reportLatex,
  svg: reportSvg,
  sarif: reportSarif,
}
const endings: Readonly<Record<string, string>> = { text: "txt" }

export const formatNames = Object.keys(formats)
/** Forms that say what is wrong, and so are written when something is. */
export const withDiagnostics: readonly string[] = ["json", "sarif"]

/** --report text,json,…: report.txt, report.json, … in --out. */
export const writeReports = async (report: Report, wanted: readonly string[], out: string): Promise<void> => {
  for (const name of wanted) {
    const path = join(out, `report.${own(endings, name) ?? name}`)
    await writeAtomically(path, own(formats, name)!(report))
    talk(`wrote ${path}`)
  }
}
