/** Tables with a header, as rows that know their line. */
import { CsvError, parse } from "csv-parse/sync"
import { failed } from "../../compiler/diagnostic.ts"
import { readBytes } from "../files.ts"

export interface Row {
  readonly line: number
  readonly values: Readonly<Record<string, string>>
}

export interface Table {
  /** In lower case. */
  readonly columns: readonly string[]
  readonly rows: readonly Row[]
}

const delimiters = { ";": "semicolons", "\t": "tabs", "|": "bars" } as const

/** What separates a table that is not separated by commas, with the columns that it then has. */
export const otherDelimiter = (
  text: string,
): { readonly name: string; readonly columns: readonly string[] } | undefined => {
  const header = text.replace(/^\ufeff/, "").split(/\r?\n/, 1)[0] ?? ""
  if (header.includes(",")) return undefined
  const found = (Object.keys(delimiters) as (keyof typeof delimiters)[]).find((mark) => header.includes(mark))
  if (found === undefined) return undefined
  const columns = header.split(found).map((name) => name.trim().replace(/^"|"$/g, "").toLowerCase())
  return { name: delimiters[found], columns }
}

const textOf = (path: string, bytes: Buffer): string => {
  const wide = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
  if (wide) throw failed(path, "HS4105", "the table is UTF-16 text", "Save it as comma-separated values in UTF-8.")
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    // As spreadsheets in western Europe save it: two names that differ in an umlaut stay two.
    return new TextDecoder("windows-1252").decode(bytes)
  }
}

/** Column names are trimmed and in lower case; empty lines are skipped. Throws HS4002, HS4105. */
export const readCsv = async (path: string): Promise<Table> => {
  const text = textOf(path, await readBytes(path))
  const other = otherDelimiter(text)
  if (other !== undefined)
    throw failed(
      path,
      "HS4105",
      `the table is separated by ${other.name}, not by commas`,
      `Save it as comma-separated values; its first line is then ${other.columns.join(",")}.`,
    )
  try {
    let columns: readonly string[] = []
    const records = parse(text, {
      bom: true,
      trim: true,
      skip_empty_lines: true,
      info: true,
      columns: (header: string[]) => {
        columns = header.map((name) => name.toLowerCase())
        return [...columns]
      },
    }) as unknown as readonly { readonly info: { readonly lines: number }; readonly record: Record<string, string> }[]
    return {
      columns,
      rows: records.map(({ info, record }) => ({
        line: info.lines,
        values: Object.fromEntries(Object.entries(record).map(([name, value]) => [name, unescaped(value)])),
      })),
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    throw failed(
      path,
      "HS4105",
      `the table cannot be read: ${error.message}`,
      "Write it as comma-separated values with a header line.",
    )
  }
}

const formula = /^[=+\-@\t\r]/
const plain = /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i
/** What was written as text for spreadsheets is the same text here. */
const unescaped = (value: string): string => (/^'[=+\-@\t\r]/.test(value) ? value.slice(1) : value)

/** A field of a table as RFC 4180 wants it. */
export const csvField = (value: string | number): string => {
  // A spreadsheet would compute what begins so; numbers are no formulas.
  const text = typeof value === "string" && formula.test(value) && !plain.test(value) ? `'${value}` : `${value}`
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** A whole table. */
export const csvText = (header: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [header, ...rows].map((row) => `${row.map(csvField).join(",")}\n`).join("")
