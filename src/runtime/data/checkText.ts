/** A data report for reading. */

import { codes } from "../../compiler/codes/index.ts"
import type { Diagnostic } from "../../compiler/diagnostic.ts"
import { counted } from "../../compiler/report/units.ts"
import type { DataReport } from "./check.ts"

const percent = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 2 : 1)} %`
const named = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, n]) => `${n} ${name}`)
    .join(", ")

const sizesOf = ({ sizes }: DataReport): string => {
  const shown = sizes.slice(0, 4).map(({ width, height, images }) => `${width} × ${height} (${images})`)
  return sizes.length > 4 ? `${sizes.length} sizes: ${shown.join(", ")}, …` : shown.join(", ")
}

const rows = (report: DataReport): readonly (readonly [string, string])[] => {
  const { masks, images, classes, parts } = report
  const { foreground } = masks
  return [
    ["layout", report.layout ?? "none found"],
    ["cases", `${report.cases}`],
    ["subjects", report.subjects === null ? "unknown" : `${report.subjects}`],
    ["classes", named(classes)],
    ["given parts", named(parts as Record<string, number>)],
    ["pixels", sizesOf(report)],
    ["images", named(Object.fromEntries(Object.entries(images).filter(([, n]) => n > 0)))],
    [
      "values",
      [
        ...Object.entries(report.ranges).map(([range, n]) => `${range} (${n})`),
        ...(report.turned > 0 ? [`${report.turned} turned by their orientation tag`] : []),
      ].join("; "),
    ],
    ["spacing", report.spaced === 0 ? "" : `of ${counted(report.spaced, "image")}`],
    [
      "masks",
      [
        masks.files > 0 ? counted(masks.files, "file") : "",
        masks.runLengths > 0 ? `${masks.runLengths} as run lengths` : "",
        masks.severalPerImage > 0 ? `${counted(masks.severalPerImage, "image")} with several` : "",
        `${masks.empty} empty`,
      ]
        .filter(Boolean)
        .join(", "),
    ],
    [
      "mask values",
      Object.entries(masks.encodings)
        .map(([name, n]) => `${name} (${n})`)
        .join("; "),
    ],
    [
      "foreground",
      foreground === null
        ? ""
        : `${percent(foreground.smallest)} … ${percent(foreground.largest)} of the image, mean ${percent(foreground.mean)}`,
    ],
  ]
}

const told = ({ severity, code, message, help, file, line }: Diagnostic): readonly string[] => [
  `${severity} ${code}: ${message}`,
  `  ${line > 0 ? `${file}(${line})` : file}`,
  ...(help === undefined ? [] : [`  help: ${help}`]),
  "",
]

/** The counts, then the problems, errors first, then one line of judgement. */
export const dataReportText = (report: DataReport): string => {
  const shown = rows(report).filter(([, value]) => value !== "")
  const width = Math.max(...shown.map(([name]) => name.length))
  const of = (severity: Diagnostic["severity"]) => report.diagnostics.filter((one) => one.severity === severity)
  const [errors, warnings] = [of("error"), of("warning")]
  const count = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`
  const titles = [
    ...new Set(errors.map(({ code }) => (Object.hasOwn(codes, code) ? codes[code as keyof typeof codes].title : code))),
  ]
  return [
    report.root,
    ...shown.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`),
    ...report.notes.map((note) => `  note: ${note}`),
    "",
    ...errors.flatMap(told),
    ...warnings.flatMap(told),
    errors.length === 0
      ? `fine: nothing that would spoil a result${warnings.length > 0 ? `, ${count(warnings.length, "warning")}` : ""}`
      : `not usable: ${count(errors.length, "error")} (${titles.join("; ")}), ${count(warnings.length, "warning")}`,
    ...(report.table === null
      ? []
      : [
          "",
          "A table that would do, saved beside the data as data.csv, with a row for each image:",
          "",
          report.table.trimEnd(),
        ]),
    "",
  ].join("\n")
}
