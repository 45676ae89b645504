/** What the editor is told of a spec: the compiler's diagnostics, and what its models count. Plain data; the protocol is elsewhere. */
import { dirname, relative } from "node:path"
import { type Compiled, compileSpecs } from "../../compiler/compile.ts"
import type { Diagnostic } from "../../compiler/diagnostic.ts"
import { Failed } from "../../compiler/diagnostic.ts"
import { type Edit, editsOf } from "../../compiler/frontend/rewrite.ts"
import type { Sources } from "../../compiler/frontend/typecheck.ts"
import type { ModelReport } from "../../compiler/report/report.ts"
import { exact, percent } from "../../compiler/report/units.ts"

/** Lines and columns count from 1, as in diagnostics. */
export interface Hint {
  readonly line: number
  readonly column: number
  readonly text: string
}
/** A change that mends a diagnostic. */
export interface Fix {
  readonly title: string
  readonly diagnostic: Diagnostic
  readonly edit: Edit
}
export interface Analysis {
  readonly text: string
  readonly diagnostics: readonly Diagnostic[]
  readonly models: readonly ModelReport[]
  readonly hints: readonly Hint[]
  readonly fixes: readonly Fix[]
  /** The files that the spec is made of. */
  readonly files: readonly string[]
}

/** Where a line and column are in a text. */
export const offsetAt = (text: string, line: number, column: number): number => {
  let at = 0
  for (let i = 1; i < line; i += 1) at = text.indexOf("\n", at) + 1
  return at + column - 1
}

/** How long the word, string or number at a place is: what an editor underlines. */
export const lengthAt = (text: string, at: number): number =>
  /^(?:"[^"\n]*"|'[^'\n]*'|[\w$.]+)/.exec(text.slice(at, at + 200))?.[0].length ?? 1

const countHint = ({ trainable, total }: ModelReport): string =>
  `${exact(trainable)} of ${exact(total)} learn (${percent(trainable, total)})`

/** 8, 16, 24 …: what a schedule gave to each block, for the first placement of each block. */
const rankHint = ({ blocks }: ModelReport): string =>
  `ranks ${blocks.map(({ ranks }) => Object.values(ranks)[0] ?? "–").join(", ")}`

const hintsOf = ({ specs, models }: Pick<Compiled, "specs" | "models">, entry: string): readonly Hint[] =>
  models.flatMap(({ name, data, report }) => {
    const spec = specs.find(({ models }) => models.some((model) => model.name === name))
    if (spec === undefined) return []
    const { line, column } = spec.exportOf(name)
    const adapted = data.rules
      .filter(({ select }) => select.kind === "adaptation")
      .map(({ at }) => spec.placeOf(at))
      .filter(({ file, line }) => file === entry && line > 0)
    return [
      { line, column: column + name.length, text: countHint(report) },
      ...adapted.map((place) => ({ line: place.line, column: place.column, text: rankHint(report) })),
    ]
  })

/** One hint at a place: where a function is called for several models, their hints stand beside one another. */
const together = (hints: readonly Hint[]): readonly Hint[] => {
  const found = new Map<string, Hint>()
  for (const hint of hints) {
    const key = `${hint.line}:${hint.column}`
    const before = found.get(key)
    found.set(
      key,
      before === undefined || before.text.split(" | ").includes(hint.text)
        ? (before ?? hint)
        : { ...hint, text: `${before.text} | ${hint.text}` },
    )
  }
  return [...found.values()]
}

/** The name in quotes after which a message asks, and the nearest ones that there are. */
const nearestOf = ({ message, help }: Diagnostic): { readonly wrong: string; readonly nearest: readonly string[] } => {
  const wrong = /there is no [\w ]+ '([^']+)'/.exec(message)?.[1]
  const list = /[Tt]he nearest (?:is|are) (.+?)\.?$/.exec(help ?? "")?.[1] ?? ""
  return {
    wrong: wrong ?? "",
    nearest: wrong === undefined ? [] : [...list.matchAll(/'([^']+)'/g)].map(([, name]) => name!),
  }
}

const nameFixes = (text: string, diagnostic: Diagnostic): readonly Fix[] => {
  const { wrong, nearest } = nearestOf(diagnostic)
  if (nearest.length === 0) return []
  const from = offsetAt(text, diagnostic.line, 1)
  const at = [`"${wrong}"`, `'${wrong}'`].map((quoted) => text.indexOf(quoted, from)).find((found) => found >= 0)
  return at === undefined
    ? []
    : nearest.map((name) => ({
        title: `Write '${name}'`,
        diagnostic,
        edit: { start: at + 1, end: at + 1 + wrong.length, text: name },
      }))
}

const countFixes = (text: string, entry: string, { corrections, report }: Compiled): readonly Fix[] =>
  corrections
    .filter(({ file }) => file === entry)
    .flatMap((correction) => {
      const diagnostic = report.diagnostics.find(
        ({ file, line, column, code }) =>
          file === entry && line === correction.line && column === correction.column && /HS100[34]/.test(code),
      )
      if (diagnostic === undefined) return []
      return editsOf(entry, text, [correction]).map((edit) => ({
        title: `Write ${edit.text}`,
        diagnostic: diagnostic as Diagnostic,
        edit,
      }))
    })

const broken = (text: string, entry: string, diagnostics: readonly Diagnostic[]): Analysis => ({
  text,
  files: [entry],
  diagnostics,
  models: [],
  hints: [],
  fixes: [],
})

/** A mistake in a file that the spec imports is told in the spec, too: at its first line, with its place. */
const told = (entry: string, diagnostic: Diagnostic): Diagnostic => {
  const { file, line, column, message } = diagnostic
  if (file === entry) return diagnostic
  const place = line === 0 ? file : `${relative(dirname(entry), file)}(${line},${column})`
  return { ...diagnostic, file: entry, line: 1, column: 1, message: `${place}: ${message}` }
}

/**
 * Compiles a spec as it and what it imports stand in an editor. Throws nothing that comes from the spec. `early` is given the hints of what
 * could be counted, before types have been checked.
 */
export const analyse = async (
  entry: string,
  sources: Sources,
  early?: (found: Pick<Analysis, "text" | "hints">) => void,
): Promise<Analysis> => {
  const text = sources.get(entry)!
  try {
    const compiled = await compileSpecs([entry], {
      sources,
      counted: (found) => early?.({ text, hints: together(hintsOf(found, entry)) }),
    })
    const diagnostics = compiled.report.diagnostics as readonly Diagnostic[]
    return {
      text,
      diagnostics: diagnostics.map((diagnostic) => told(entry, diagnostic)),
      models: compiled.report.models,
      hints: together(hintsOf(compiled, entry)),
      fixes: [
        ...countFixes(text, entry, compiled),
        ...diagnostics.filter(({ file }) => file === entry).flatMap((diagnostic) => nameFixes(text, diagnostic)),
      ],
      files: compiled.specs.flatMap(({ files }) => files),
    }
  } catch (problem) {
    if (problem instanceof Failed)
      return broken(
        text,
        entry,
        problem.diagnostics.map((diagnostic) => told(entry, diagnostic)),
      )
    throw problem
  }
}
