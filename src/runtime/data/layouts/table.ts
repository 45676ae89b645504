/**
 * A csv with one row a case. Columns: image, mask (several paths with ; between them), and where known subject, class, part (train, validation,
 * test), spacing or spacing_x and spacing_y (millimetres per pixel), id; by these names or by those of layouts/columns.ts. Paths are relative to the csv.
 */
import { existsSync } from "node:fs"
import { basename, dirname, isAbsolute, join } from "node:path"
import { aboutFile, type Diagnostic, Failed, failed } from "../../../compiler/diagnostic.ts"
import { readBytes } from "../../files.ts"
import type { Case, Layout, Part } from "../case.ts"
import { type Row, readCsv } from "../csv.ts"
import { isFile, list, stem } from "../folder.ts"
import { type Columns, columnsOf, type Field } from "./columns.ts"

const parts: ReadonlyMap<string, Part> = new Map([
  ["train", "train"],
  ["training", "train"],
  ["val", "validation"],
  ["valid", "validation"],
  ["validation", "validation"],
  ["dev", "validation"],
  ["test", "test"],
  ["testing", "test"],
])
const required = ["image", "mask"] as const

const hasRequired = (columns: readonly string[]): boolean => {
  const { of } = columnsOf(columns)
  return required.every((field) => of[field] !== undefined)
}

export const table: Layout = async (root) => {
  const file = (await isFile(root)) ? root : await tableIn(root)
  if (file === undefined) return undefined
  const { columns, rows } = await readCsv(file)
  const known = columnsOf(columns)
  const missing = required.filter((name) => known.of[name] === undefined)
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
  const found = rows.map((row) => caseOf(file, row, known))
  const diagnostics = [...unclear(file, known), ...found.flatMap((result) => result.diagnostics)]
  const cases = new Map<string, Case>()
  found.forEach(({ cases: [one] }, i) => {
    if (one === undefined) return
    if (cases.has(one.id))
      diagnostics.push(
        at(file, rows[i]!, "HS4107", `${one.id} is listed twice`, "Keep one row for each image, or give each an id."),
      )
    else cases.set(one.id, one)
  })
  const read = Object.entries(known.of).filter(([field, column]) => field !== column)
  return {
    cases: [...cases.values()],
    diagnostics,
    notes: [
      ...read.map(([field, column]) => `the column ${column} is read as ${field}`),
      ...(known.unused.length > 0 ? [`columns that are not used: ${known.unused.join(", ")}`] : []),
    ],
  }
}

/** A column that is nearly one that is understood is not left out in silence. */
const unclear = (file: string, { meant }: Columns): readonly Diagnostic[] =>
  meant.map(({ column, field }) => ({
    ...aboutFile(
      file,
      "HS4105",
      `the column '${column}' is not used; it may be meant as '${field}'`,
      `Name it ${field} if it is, or something else if it is not.`,
    ),
    line: 1,
    column: 1,
    severity: "warning",
  }))

/** What the columns of a table that cannot be read would be, by whatever separates them. */
const headersOf = (bytes: Buffer): readonly (readonly string[])[] => {
  const wide = bytes[0] === 0xff ? "utf-16le" : bytes[0] === 0xfe ? "utf-16be" : "utf-8"
  const [header = ""] = new TextDecoder(wide).decode(bytes.subarray(0, 4096)).split(/\r?\n/, 1)
  return [",", ";", "\t", "|"].map((mark) =>
    header.split(mark).map((name) => name.trim().replace(/^"|"$/g, "").toLowerCase()),
  )
}

/** The one csv of a folder that has the columns. Throws HS4101 where there are several, HS4105 where it would have them if it could be read. */
const tableIn = async (root: string): Promise<string | undefined> => {
  const files = (await list(root)).files.filter((name) => /\.(csv|tsv)$/i.test(name))
  const tables: string[] = []
  for (const name of files) {
    const path = join(root, name)
    try {
      if (hasRequired((await readCsv(path)).columns)) tables.push(name)
    } catch (error) {
      if (!(error instanceof Failed)) throw error
      if (headersOf(await readBytes(path)).some(hasRequired)) throw error
    }
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
  { of }: Columns,
): { readonly cases: readonly Case[]; readonly diagnostics: readonly Diagnostic[] } => {
  const value = (field: Field): string => (of[field] === undefined ? "" : (row.values[of[field]] ?? ""))
  const [image, subject, label, part] = [value("image"), value("subject"), value("class"), value("part")]
  const [spacing, spacingX, spacingY] = [value("spacing"), value("spacing_x"), value("spacing_y")]
  const path = (name: string): string => {
    const asWritten = isAbsolute(name) ? name : join(dirname(file), name.replaceAll("\\", "/"))
    // The table may spell an umlaut otherwise than the folder.
    return [asWritten, asWritten.normalize("NFC"), asWritten.normalize("NFD")].find(existsSync) ?? asWritten
  }
  const masks = value("mask")
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
  const millimetres = [spacingX || spacing, spacingY || spacing].map((text) => (text ? Number(text) : undefined))
  const given = millimetres.filter((n) => n !== undefined)
  if (given.length === 1 || given.some((n) => !(n > 0 && Number.isFinite(n))))
    bad(
      `the spacing '${spacingX || spacing}, ${spacingY || spacing}' is not two positive numbers`,
      "Give millimetres per pixel, or leave it empty.",
    )
  const [x, y] = millimetres
  if (part && !parts.has(part.toLowerCase()))
    bad(`the part '${part}' is unknown`, "Parts are train, validation and test.")
  if (problems.length > 0) return { cases: [], diagnostics: problems }
  return {
    diagnostics: [],
    cases: [
      {
        id: value("id") || stem(basename(image.replaceAll("\\", "/"))),
        image: path(image),
        mask: { kind: "files", paths: masks.map(path) },
        ...(subject ? { subject } : {}),
        ...(label ? { class: label } : {}),
        ...(part ? { part: parts.get(part.toLowerCase())! } : {}),
        ...(x !== undefined && y !== undefined ? { spacing: { x, y } } : {}),
      },
    ],
  }
}
