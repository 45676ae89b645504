/**
 * Programs as text, one node a line, and back:
 *
 *     %0 [2, 3] = input name="x"
 *     %1 [3] = parameter name="norm.weight"
 *     %2 ([2, 3], [3], [3]) = layerNormGrad %0 %1 %0 eps=0.000001 @ norm
 *     %3 [2, 3] = part %2 index=0 @ norm
 *     output "dx" %3
 *     state "norm.weight" "next/norm.weight"
 *
 * After an op, #1 says that it is a copy: not one with equal nodes of other copies. Attributes are JSON; 1e999 stands for infinity and null for not a number. After @ comes the module that a node is from.
 */
import type { Graph, Node, Output, Program, Shape } from "./graph.ts"

export interface PrintOptions {
  /** Longer lists are cut short, for reading; such a text does not parse. */
  readonly longest?: number
}

type Attribute = number | boolean | string | readonly Attribute[]

const number = (x: number): string =>
  Number.isNaN(x) ? "null" : Number.isFinite(x) ? (Object.is(x, -0) ? "-0" : `${x}`) : x > 0 ? "1e999" : "-1e999"
const attribute = (x: Attribute, longest: number): string => {
  if (typeof x === "number") return number(x)
  if (typeof x !== "object") return JSON.stringify(x)
  const cut = x.length > longest ? `,…${x.length}` : ""
  return `[${x
    .slice(0, longest)
    .map((y) => attribute(y, longest))
    .join(",")}${cut}]`
}
const shapeText = (shape: Shape): string => `[${shape.join(", ")}]`
const shapesText = ({ shape, parts }: Node): string =>
  parts === undefined ? shapeText(shape) : `(${parts.map(shapeText).join(", ")})`
const pathText = (path: string): string => (/^[\w.-]+$/.test(path) ? path : JSON.stringify(path))

/** One node's line. */
export const printNode = (node: Node, id: number, { longest = Number.POSITIVE_INFINITY }: PrintOptions = {}): string =>
  [
    `%${id} ${shapesText(node)} = ${node.op}${node.copy === undefined ? "" : `#${node.copy}`}`,
    ...node.inputs.map((input) => `%${input}`),
    ...Object.entries(node.attrs as Readonly<Record<string, Attribute>>).map(
      ([key, value]) => `${key}=${attribute(value, longest)}`,
    ),
    ...(node.from === undefined ? [] : [`@ ${pathText(node.from)}`]),
  ].join(" ")

export const print = ({ graph, state }: Program, options: PrintOptions = {}): string =>
  [
    ...graph.nodes.map((node, id) => printNode(node, id, options)),
    ...graph.outputs.map(({ name, value }) => `output ${JSON.stringify(name)} %${value}`),
    ...Object.entries(state).map(([held, next]) => `state ${JSON.stringify(held)} ${JSON.stringify(next)}`),
    "",
  ].join("\n")

/** null is not a number: JSON has no other word for it. */
const value = (text: string): unknown => JSON.parse(text, (_, x) => (x === null ? Number.NaN : x))

const quoted = String.raw`"(?:[^"\\]|\\.)*"`
const shapePattern = String.raw`\[[\d, ]*\]`
const nodeLine = new RegExp(
  String.raw`^%(\d+) (${shapePattern}|\(${shapePattern}(?:, ${shapePattern})*\)) = (\w+)(?:#(\d+))?((?: %\d+)*)((?: \w+=(?:${quoted}|\S+))*)(?: @ (${quoted}|[\w.-]+))?$`,
)
const attributePattern = new RegExp(String.raw` (\w+)=(${quoted}|\S+)`, "g")
const outputLine = new RegExp(String.raw`^output (${quoted}) %(\d+)$`)
const stateLine = new RegExp(`^state (${quoted}) (${quoted})$`)

const parseNode = ([, , shape, op, copy, inputs, attrs, from]: RegExpExecArray): Node => {
  const shapes = JSON.parse(`[${shape!.replace(/^\(|\)$/g, "")}]`) as readonly Shape[]
  return {
    op,
    inputs: inputs!.split(" %").slice(1).map(Number),
    attrs: Object.fromEntries([...attrs!.matchAll(attributePattern)].map(([, key, text]) => [key, value(text!)])),
    shape: shapes[0],
    ...(shape!.startsWith("(") ? { parts: shapes } : {}),
    ...(from === undefined ? {} : { from: from.startsWith('"') ? JSON.parse(from) : from }),
    ...(copy === undefined ? {} : { copy: Number(copy) }),
  } as unknown as Node
}

/** Reads what `print` writes; an Error names the line that is not understood. Whether it is a program, `problemsOf` says. */
export const parse = (text: string): Program => {
  const nodes: Node[] = []
  const outputs: Output[] = []
  const state: [string, string][] = []
  text.split("\n").forEach((line, i) => {
    if (line.trim() === "") return
    const misread = () => new Error(`line ${i + 1} is not a line of a program: ${line.slice(0, 100)}`)
    try {
      const node = nodeLine.exec(line)
      const output = outputLine.exec(line)
      const held = stateLine.exec(line)
      if (node !== null && Number(node[1]) === nodes.length) nodes.push(parseNode(node))
      else if (output !== null) outputs.push({ name: JSON.parse(output[1]!), value: Number(output[2]) })
      else if (held !== null) state.push([JSON.parse(held[1]!), JSON.parse(held[2]!)])
      else throw misread()
    } catch (problem) {
      throw problem instanceof SyntaxError ? misread() : problem
    }
  })
  const graph: Graph = { nodes, outputs }
  return { graph, state: Object.fromEntries(state) }
}
