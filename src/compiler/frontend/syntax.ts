/** A source's syntax tree: for what rewrites a spec, or tries other numbers in it. */
import { tsPlugin } from "@sveltejs/acorn-typescript"
import { type Node, Parser } from "acorn"

const TypeScript = Parser.extend(tsPlugin())

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string"

export const childrenOf = (node: Node): readonly Node[] => Object.values(node).flat().filter(isNode)

/** Throws acorn's SyntaxError. */
export const parsed = (text: string): Node =>
  TypeScript.parse(text, { ecmaVersion: "latest", sourceType: "module", locations: true })

/** A text that takes the place of others, from `start` to `end` in the source. */
export interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** From the end, so that earlier places keep theirs. */
export const edited = (source: string, edits: readonly Edit[]): string =>
  edits
    .toSorted((a, b) => b.start - a.start)
    .reduce((all, { start, end, text }) => all.slice(0, start) + text + all.slice(end), source)
