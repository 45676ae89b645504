/** Diagnostics as SARIF 2.1.0 (OASIS), which code hosts show at their lines. */
import { isAbsolute, relative } from "node:path"
import { pathToFileURL } from "node:url"
import { type Code, codes } from "../codes/index.ts"
import type { Report } from "./report.ts"

/** Relative to where the command runs, as hosts want it; elsewhere a whole address. */
const uriOf = (file: string): string => {
  const near = relative(process.cwd(), file)
  return near.startsWith("..") || isAbsolute(near)
    ? pathToFileURL(file).href
    : near.split(/[/\\]/).map(encodeURIComponent).join("/")
}

const ruleOf = (id: string) => {
  const known = Object.hasOwn(codes, id) ? codes[id as Code] : undefined
  return known === undefined
    ? { id, shortDescription: { text: `TypeScript ${id}` } }
    : {
        id,
        shortDescription: { text: known.title },
        fullDescription: { text: known.cause },
        help: { text: known.cure },
      }
}

export const reportSarif = ({ diagnostics, hasam }: Report): string => {
  const ids = [...new Set(diagnostics.map(({ code }) => code))]
  const results = diagnostics.map(({ file, line, column, code, severity, message, help }) => ({
    ruleId: code,
    ruleIndex: ids.indexOf(code),
    level: severity,
    message: { text: help === undefined ? message : `${message}. ${help}` },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: uriOf(file) },
          region: { startLine: Math.max(1, line), startColumn: Math.max(1, column) },
        },
      },
    ],
  }))
  const driver = { name: "hasam", version: hasam, rules: ids.map(ruleOf) }
  const run = { tool: { driver }, columnKind: "utf16CodeUnits", results }
  return `${JSON.stringify({ $schema: "https://json.schemastore.org/sarif-2.1.0.json", version: "2.1.0", runs: [run] }, null, 2)}\n`
}
