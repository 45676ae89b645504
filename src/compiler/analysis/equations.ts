/**
 * What a block computes, node by node, as the graph has it and a reader can follow: values bear the names of the modules that they are from,
 * tensors theirs within the block, and x is what comes in.
 */
import { blocksOf } from "../../dsl/blocks.ts"
import type { ModelData } from "../../dsl/model.ts"
import { networkOf } from "../../dsl/network.ts"
import { flopsOf } from "../ir/flops.ts"
import { type Graph, type Node, type NodeOf, sizeOf } from "../ir/graph.ts"
import type { Equations } from "../report/report.ts"
import { locating } from "./parameters.ts"

type Line = Equations["lines"][number]

const infix: Readonly<Record<string, string>> = { add: "+", sub: "−", mul: "·", div: "/" }
/** Longer lists are cut: those of indices have thousands. */
const longest = 8

const attribute = (value: unknown): string =>
  Array.isArray(value)
    ? `[${value.slice(0, longest).map(attribute).join(", ")}${value.length > longest ? `, … ${value.length}` : ""}]`
    : `${value}`

/** Those that the shapes do not say already. */
const attributesOf = ({ op, attrs }: Node): readonly string[] =>
  op === "reshape" ? [] : Object.entries(attrs).map(([key, value]) => `${key} = ${attribute(value)}`)

/** A slice as Python writes it: all of an axis is a colon. */
const rangesOf = ({ attrs: { starts, ends } }: NodeOf<"slice">, { shape }: Node): readonly string[] =>
  shape.map((extent, axis) => (starts[axis] === 0 && ends[axis] === extent ? ":" : `${starts[axis]}:${ends[axis]}`))

/** Numbered where there are several: attn.1, attn.2; a block's own are y. */
const namesOf = (nodes: readonly Node[], ids: readonly number[], path: string): ReadonlyMap<number, string> => {
  const moduleOf = (id: number): string => nodes[id]!.from!.slice(path.length + 1) || "y"
  const many = new Map<string, number>()
  for (const id of ids) many.set(moduleOf(id), (many.get(moduleOf(id)) ?? 0) + 1)
  const seen = new Map<string, number>()
  return new Map(
    ids.map((id) => {
      const module = moduleOf(id)
      const n = (seen.get(module) ?? 0) + 1
      seen.set(module, n)
      return [id, many.get(module) === 1 ? module : `${module}.${n}`]
    }),
  )
}

const isSource = ({ op }: Node): boolean => op === "input" || op === "parameter" || op === "constant"

const linesOf = ({ nodes }: Graph, path: string, ids: readonly number[]): readonly Line[] => {
  const within = new Set(ids)
  const coming = [
    ...new Set(ids.flatMap((id) => nodes[id]!.inputs).filter((id) => !within.has(id) && !isSource(nodes[id]!))),
  ]
  const names = namesOf(nodes, ids, path)
  const comes = new Map(coming.map((id, i) => [id, coming.length === 1 ? "x" : `x.${i + 1}`]))
  const nameOf = (id: number): string => {
    const node = nodes[id]!
    if (node.op === "parameter" || node.op === "input")
      return node.attrs.name.startsWith(`${path}.`) ? node.attrs.name.slice(path.length + 1) : node.attrs.name
    if (node.op === "constant") {
      const { values } = node.attrs as { readonly values: readonly number[] }
      return values.length === 1
        ? `${values[0]}`
        : sizeOf(node.shape) <= longest
          ? attribute([...values])
          : `constant [${node.shape.join(", ")}]`
    }
    return names.get(id) ?? comes.get(id)!
  }
  const made = (node: Node): string => {
    const operands = node.inputs.map(nameOf)
    if (node.op === "slice") return `${operands[0]}[${rangesOf(node, nodes[node.inputs[0]!]!).join(", ")}]`
    const sign = Object.hasOwn(infix, node.op) && operands.length === 2 ? infix[node.op] : undefined
    return sign === undefined
      ? `${node.op}(${[...operands, ...attributesOf(node)].join(", ")})`
      : operands.join(` ${sign} `)
  }
  return [
    ...coming.map((id) => ({ name: comes.get(id)!, value: "", shape: [...nodes[id]!.shape], flops: 0 })),
    ...ids.map((id) => {
      const node = nodes[id]!
      return { name: names.get(id)!, value: made(node), shape: [...node.shape], flops: flopsOf(nodes, node) }
    }),
  ]
}

/** Of every block; those whose lines are the same stand together, in the order of the first. */
export const blockEquations = (model: ModelData, graph: Graph): readonly Equations[] => {
  const locate = locating(model)
  const idsOf = new Map<number, number[]>()
  graph.nodes.forEach((node, id) => {
    if (node.from === undefined || isSource(node)) return
    const { block } = locate(node.from)
    if (block === undefined) return
    const ids = idsOf.get(block)
    if (ids === undefined) idsOf.set(block, [id])
    else ids.push(id)
  })
  const found = new Map<string, { blocks: number[]; lines: Line[] }>()
  for (const { index, path } of blocksOf(networkOf(model), model.blocks)) {
    const ids = idsOf.get(index)
    if (ids === undefined) continue
    const lines = [...linesOf(graph, path, ids)]
    const key = JSON.stringify(lines)
    const known = found.get(key)
    if (known === undefined) found.set(key, { blocks: [index], lines })
    else known.blocks.push(index)
  }
  return [...found.values()]
}
