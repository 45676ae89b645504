import { join } from "node:path"
import picocolors from "picocolors"
import { failed } from "../compiler/diagnostic.ts"
import { reportHtml } from "../compiler/report/html.ts"
import { reportLatex } from "../compiler/report/latex.ts"
import { reportMarkdown } from "../compiler/report/markdown.ts"
import type { Report } from "../compiler/report/report.ts"
import { reportSvg } from "../compiler/report/svg.ts"
import { modelText } from "../compiler/report/text.ts"
import { writeAtomically } from "../runtime/files.ts"
import { talk } from "./output.ts"

const plain = picocolors.createColors(false)
const formats: Readonly<Record<string, (report: Report) => string>> = {
  text: ({ models }) => `${models.map((model) => modelText(model, { colors: plain })).join("\n\n")}\n`,
  json: (report) => `${JSON.stringify(report, null, 2)}\n`,
  md: reportMarkdown,
  html: reportHtml,
  tex: reportLatex,
  svg: reportSvg,
}
const endings: Readonly<Record<string, string>> = { text: "txt" }

/** --report text,json,…: report.txt, report.json, … in --out. */
export const writeReports = async (report: Report, wanted: string, out: string): Promise<void> => {
  for (const name of wanted.split(",").map((part) => part.trim())) {
    const format = formats[name]
    if (format === undefined)
      throw failed(
        "--report",
        "HS5002",
        `'${name}' is not a form of report`,
        `Forms are ${Object.keys(formats).join(", ")}.`,
      )
    const path = join(out, `report.${endings[name] ?? name}`)
    await writeAtomically(path, format(report))
    talk(`wrote ${path}`)
  }
}
