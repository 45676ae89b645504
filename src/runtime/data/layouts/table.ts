/**
 * A csv with one row a case. Columns: image, mask (several paths with ; between them), and where known subject, class, part (train, validation,
 * test), spacing or spacing_x and spacing_y (millimetres per pixel), id. Paths are relative to the csv.
 */
import { existsSync } from "node:fs"
import { basename, dirname, isAbsolute, join } from "node:path"
import { aboutFile, type Diagnostic, failed } from "../../../compiler/diagnostic.ts"
import { own } from "../../../dsl/own.ts"
import type { Case, Layout, Part } from "../case.ts"
import { type Row, readCsv } from "../csv.ts"
import { isFile, list, stem } from "../folder.ts"

const parts: Readonly<Record<string, Part>> = {
  train: "train",
  val: "validation",
  validation: "validation",
  test: "test",
}
const required = ["image", "mask"]

export const table: Layout = async (root) => {
  const file = (await isFile(root)) ? root : await tableIn(root)
  if (file === undefined) return undefined
  const { columns, rows } = await readCsv(file)
  const missing = required.filter((name) => !columns.includes(name))
  if (missing.length > 0)
    return {
      cases: [],
      diagnostics: [
        aboutFile(
          file,
          "HS4105",
          `the table has no column ${missing.join(" and ")}`,
          `It has ${columns.join(", ") || "none"}; image and mask are needed.`,
        ),
      ],
    }
  const found = rows.map((row) => caseOf(file, row))
  const diagnostics = found.flatMap((result) => result.diagnostics)
  const cases = new Map<string, Case>()
  found.forEach(({ cases: [one] }, i) => {
    if (one === undefined) return
    if (cases.has(one.id))
      diagnostics.push(
        at(file, rows[i]!, "HS4107", `${one.id} is listed twice`, "Keep one row for each image, or give each an id."),
      )
    else cases.set(one.id, one)
  })
  return { cases: [...cases.values()], diagnostics }
}

/** The one csv of a folder that has the columns. Throws HS4101 where there are several. */
const tableIn = async (root: string): Promise<string | undefined> => {
  const files = (await list(root)).files.filter((name) => /\.csv$/i.test(name))
  const tables: string[] = []
  for (const name of files) {
    const columns = await readCsv(join(root, name)).then(
      (csv) => csv.columns,
      (): readonly string[] => [],
    )
    if (required.every((column) => columns.includes(column))) tables.push(name)
  }
  if (tables.length > 1)
    throw failed(
      root,
      "HS4101",
      `several tables could describe the data: ${tables.join(", ")}`,
      "Give the path of one of them.",
    )
  return tables[0] === undefined ? undefined : join(root, tables[0])
}

const at = (
  file: string,
  { line }: Row,
  code: "HS4002" | "HS4105" | "HS4107",
  message: string,
  help: string,
): Diagnostic => ({
  ...aboutFile(file, code, message, help),
  line,
  column: 1,
})

const caseOf = (
  file: string,
  row: Row,
): { readonly cases: readonly Case[]; readonly diagnostics: readonly Diagnostic[] } => {
  const {
    image = "",
    mask = "",
    subject = row.values.patient,
    class: label,
    part,
    spacing,
    spacing_x,
    spacing_y,
  } = row.values
  const path = (name: string) => (isAbsolute(name) ? name : join(dirname(file), name.replaceAll("\\", "/")))
  const masks = mask
    .split(";")
    .map((name) => name.trim())
    .filter((name) => name !== "")
  const problems: Diagnostic[] = []
  const bad = (message: string, help: string) => problems.push(at(file, row, "HS4105", message, help))
  if (image === "") bad("the row has no image", "Give the image's path, relative to the table.")
  if (masks.length === 0) bad("the row has no mask", "Give the mask's path; where there is nothing, an all-black mask.")
  for (const name of [image, ...masks])
    if (name !== "" && !existsSync(path(name)))
      problems.push(at(file, row, "HS4002", `there is no file '${name}'`, "Paths are relative to the table."))
  const millimetres = [spacing_x || spacing, spacing_y || spacing].map((text) => (text ? Number(text) : undefined))
  if (millimetres.some((n) => n !== undefined && !(n > 0 && Number.isFinite(n))))
    bad(
      `the spacing '${spacing_x || spacing}, ${spacing_y || spacing}' is not a positive number`,
      "Give millimetres per pixel, or leave it empty.",
    )
  const [x, y] = millimetres
  if (part && own(parts, part.toLowerCase()) === undefined)
    bad(`the part '${part}' is unknown`, "Parts are train, validation and test.")
  if (problems.length > 0) return { cases: [], diagnostics: problems }
  return {
    diagnostics: [],
    cases: [
      {
        id: row.values.id || stem(basename(image.replaceAll("\\", "/"))),
        image: path(image),
        mask: { kind: "files", paths: masks.map(path) },
        ...(subject ? { subject } : {}),
        ...(label ? { class: label } : {}),
        ...(part ? { part: own(parts, part.toLowerCase())! } : {}),
        ...(x !== undefined && y !== undefined ? { spacing: { x, y } } : {}),
      },
    ],
  }
}
