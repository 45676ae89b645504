/** Rewriting a spec in place: the one thing that needs its syntax tree. */
import { readFileSync } from "node:fs"
import { tsPlugin } from "@sveltejs/acorn-typescript"
import { type CallExpression, type Node, Parser } from "acorn"
import { failed } from "../diagnostic.ts"

/** A number to write: where an expectation is called, and what it should say. */
export interface Correction {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly count: number
}

const grouped = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, "_")

const TypeScript = Parser.extend(tsPlugin())

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string"

const childrenOf = (node: Node): readonly Node[] => Object.values(node).flat().filter(isNode)

/** All calls of a source, outer ones first. */
const callsOf = (node: Node): readonly CallExpression[] => [
  ...(node.type === "CallExpression" ? [node as CallExpression] : []),
  ...childrenOf(node).flatMap(callsOf),
]

/** The call that a recorded place means: the innermost whose function ends, or begins, there. */
const callAt = (calls: readonly CallExpression[], at: number): CallExpression | undefined =>
  calls.findLast(({ start, callee }) => start <= at && at <= callee.end)

const parsed = (file: string, text: string): Node => {
  try {
    return TypeScript.parse(text, { ecmaVersion: "latest", sourceType: "module", locations: true })
  } catch (problem) {
    throw failed(
      file,
      "HS1002",
      `the source cannot be rewritten: ${(problem as Error).message}`,
      "Write the numbers yourself, or put the expectation into a file of plainer syntax.",
    )
  }
}

/** A text that takes the place of others, from `start` to `end` in the source. */
export interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** What the corrections of one source change in it. */
export const editsOf = (file: string, source: string, corrections: readonly Correction[]): readonly Edit[] => {
  const lines = source.split("\n")
  const offsetOf = ({ line, column }: Correction) =>
    lines.slice(0, line - 1).reduce((n, one) => n + one.length + 1, 0) + column - 1
  const calls = callsOf(parsed(file, source))
  return corrections.flatMap((correction) => {
    const argument = callAt(calls, offsetOf(correction))?.arguments[0]
    return argument === undefined ? [] : [{ start: argument.start, end: argument.end, text: grouped(correction.count) }]
  })
}

/** From the end, so that earlier places keep theirs. */
const edited = (source: string, edits: readonly Edit[]): string =>
  edits
    .toSorted((a, b) => b.start - a.start)
    .reduce((all, { start, end, text }) => all.slice(0, start) + text + all.slice(end), source)

/** Sources with the right numbers in their expectations; each file's whole new text. */
export const corrected = (corrections: readonly Correction[]): ReadonlyMap<string, string> => {
  const files = new Set(corrections.map(({ file }) => file))
  return new Map(
    [...files].map((file) => {
      const source = readFileSync(file, "utf8")
      const own = corrections.filter((one) => one.file === file)
      return [file, edited(source, editsOf(file, source, own))]
    }),
  )
}
