/** Rewriting a spec in place: the one thing that needs its syntax tree. */
import { readFileSync } from "node:fs"
import type { CallExpression, Node } from "acorn"
import { failed } from "../diagnostic.ts"
import { childrenOf, type Edit, edited, parsed } from "./syntax.ts"

export type { Edit }

/** A number to write: where an expectation is called, and what it should say. */
export interface Correction {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly count: number
}

const grouped = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, "_")

/** All calls of a source, outer ones first. */
const callsOf = (node: Node): readonly CallExpression[] => [
  ...(node.type === "CallExpression" ? [node as CallExpression] : []),
  ...childrenOf(node).flatMap(callsOf),
]

/** The call that a recorded place means: the innermost whose function ends, or begins, there. */
const callAt = (calls: readonly CallExpression[], at: number): CallExpression | undefined =>
  calls.findLast(({ start, callee }) => start <= at && at <= callee.end)

const treeOf = (file: string, text: string): Node => {
  try {
    return parsed(text)
  } catch (problem) {
    throw failed(
      file,
      "HS1002",
      `the source cannot be rewritten: ${(problem as Error).message}`,
      "Write the numbers yourself, or put the expectation into a file of plainer syntax.",
    )
  }
}

/** What the corrections of one source change in it. */
export const editsOf = (file: string, source: string, corrections: readonly Correction[]): readonly Edit[] => {
  const lines = source.split("\n")
  const offsetOf = ({ line, column }: Correction) =>
    lines.slice(0, line - 1).reduce((n, one) => n + one.length + 1, 0) + column - 1
  const calls = callsOf(treeOf(file, source))
  return corrections.flatMap((correction) => {
    const argument = callAt(calls, offsetOf(correction))?.arguments[0]
    return argument === undefined ? [] : [{ start: argument.start, end: argument.end, text: grouped(correction.count) }]
  })
}

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
