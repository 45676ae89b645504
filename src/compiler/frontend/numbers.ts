/** Numbers that a spec writes, and the spec as it would be with others in their place. */
import type * as acorn from "acorn"
import type { ModelData } from "../../dsl/model.ts"
import { evaluateSpec, type Place } from "./evaluate.ts"
import { childrenOf, type Edit, edited, parsed } from "./syntax.ts"

/** A number of a spec, at its place. */
export interface WrittenNumber {
  readonly value: number
  /** As it is written: 1 / 16. */
  readonly text: string
  /** What it is given to: hierarchical(1 / 16). */
  readonly within: string
  readonly start: number
  readonly end: number
  readonly place: Place
  /** Given to a function or a name, not a part of a formula. */
  readonly named: boolean
}
/** A number in place of one that is written, by its index. */
export interface Trial {
  readonly number: number
  readonly value: number
}

/** What numbers in these calls say is checked or trained, not built. */
const spoken: ReadonlySet<string> = new Set(["expectTrainable", "expectTotal", "budget", "training", "study"])

const calculated: Readonly<Record<string, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "**": (a, b) => a ** b,
}

/** The value of an expression of numbers alone. */
const constant = (node: acorn.Node): number | undefined => {
  const { type, value, operator, argument, left, right } = node as unknown as {
    readonly type: string
    readonly value?: unknown
    readonly operator?: string
    readonly argument?: acorn.Node
    readonly left?: acorn.Node
    readonly right?: acorn.Node
  }
  if (type === "Literal") return typeof value === "number" ? value : undefined
  if (type === "UnaryExpression" && operator === "-") {
    const inner = constant(argument!)
    return inner === undefined ? undefined : -inner
  }
  const of = type === "BinaryExpression" ? calculated[operator!] : undefined
  const [a, b] = of === undefined ? [] : [constant(left!), constant(right!)]
  return a === undefined || b === undefined ? undefined : of!(a, b)
}

const isCall = (node: acorn.Node): node is acorn.CallExpression => node.type === "CallExpression"

/** Numbers that may be changed one at a time: no types, keys, or expectations. */
export const numbersOf = (file: string, source: string): readonly WrittenNumber[] => {
  const walk = (node: acorn.Node, parents: readonly acorn.Node[]): readonly WrittenNumber[] => {
    const parent = parents.at(-1)
    const value = constant(node)
    if (value !== undefined) {
      // The nearest thing that has a name.
      const call = parents.findLast((one) => isCall(one) || one.type === "VariableDeclarator") ?? node
      const { line, column } = (node as acorn.Node & { loc: acorn.SourceLocation }).loc.start
      const text = source.slice(node.start, node.end)
      const named = parent !== undefined && (isCall(parent) || parent.type === "VariableDeclarator")
      const within = source.slice(call.start, call.end).replaceAll(/\s+/g, " ")
      return [
        {
          value,
          text,
          within: within.length > 48 ? text : within,
          start: node.start,
          end: node.end,
          place: { file, line, column: column + 1 },
          named,
        },
      ]
    }
    if (isCall(node) && node.callee.type === "Identifier" && spoken.has(node.callee.name)) return []
    // Types hold no numbers that anyone computes with; what wraps an expression is looked into.
    const types = node.type.startsWith("TS") && !/^TS(As|Satisfies|NonNull)/.test(node.type)
    if (types || node.type === "ImportDeclaration") return []
    return childrenOf(node).flatMap((child) => {
      const key = node.type === "Property" && child === (node as acorn.Property).key
      const annotation = child.type.startsWith("TS") && child.type.includes("Type")
      return key || annotation ? [] : walk(child, [...parents, node])
    })
  }
  return walk(parsed(source), [])
}

/** The source as a function of which number is another: its imports stay outside, what it exported is returned. */
const asFunction = (source: string, numbers: readonly WrittenNumber[], wanted: readonly string[]): string => {
  const tree = parsed(source) as acorn.Program
  const locals = new Map(wanted.map((name) => [name, name]))
  const imports = tree.body.filter(({ type }) => type === "ImportDeclaration")
  const edits: Edit[] = [
    ...imports.map(({ start, end }) => ({ start, end, text: "" })),
    ...numbers.map(({ start, end, text }, i) => ({ start, end, text: `(__number === ${i} ? __value : ${text})` })),
  ]
  for (const node of tree.body) {
    if (node.type === "ExportAllDeclaration") edits.push({ start: node.start, end: node.end, text: "" })
    if (node.type === "ExportDefaultDeclaration") {
      edits.push({ start: node.start, end: node.declaration.start, text: "const __default = " })
      locals.set("default", "__default")
    }
    if (node.type !== "ExportNamedDeclaration") continue
    if (node.declaration) edits.push({ start: node.start, end: node.declaration.start, text: "" })
    else {
      edits.push({ start: node.start, end: node.end, text: "" })
      for (const { local, exported } of node.source ? [] : node.specifiers)
        if (local.type === "Identifier" && exported.type === "Identifier") locals.set(exported.name, local.name)
    }
  }
  const body = edited(source, edits)
  const returned = wanted.map((name) => `${JSON.stringify(name)}: ${locals.get(name)}`)
  return [
    ...imports.map(({ start, end }) => source.slice(start, end)),
    "const __at = (__number, __value) => {",
    body,
    `return { ${returned.join(", ")} }`,
    "}",
    // A number that makes no sense is no answer, and no reason to stop.
    "const __try = (number, value) => { try { return __at(number, value) } catch { return {} } }",
  ].join("\n")
}

/** The spec's models with each of the trials, one evaluation for all of them; a model is left out where it makes no sense. */
export const tried = async (
  entry: string,
  source: string,
  numbers: readonly WrittenNumber[],
  names: readonly string[],
  trials: readonly Trial[],
): Promise<readonly ReadonlyMap<string, ModelData>[]> => {
  const lines = trials.flatMap(({ number, value }, i) => [
    `const __trial_${i} = __try(${number}, ${value})`,
    ...names.map((name, j) => `export const __model_${i}_${j} = __trial_${i}[${JSON.stringify(name)}]`),
  ])
  const { models } = await evaluateSpec(entry, {
    sources: new Map([[entry, [asFunction(source, numbers, names), ...lines].join("\n")]]),
  })
  const found = new Map(models.map(({ name, data }) => [name, data]))
  return trials.map(
    (_, i) =>
      new Map(
        names.flatMap((name, j) => {
          const data = found.get(`__model_${i}_${j}`)
          return data === undefined ? [] : [[name, data] as const]
        }),
      ),
  )
}
