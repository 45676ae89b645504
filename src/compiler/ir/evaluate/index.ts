/** The meaning of every op, in float64: what every backend is compared with. */
import { recordOf } from "../../ops/index.ts"
import type { Graph, Node, Shape } from "../graph.ts"
import { sizeOf } from "../graph.ts"
import { rounded } from "../stored.ts"
import { type Array64, array } from "./array.ts"

export type { Array64 } from "./array.ts"

export type Values = Readonly<Record<string, ArrayLike<number>>>

/** Last node that uses each value; outputs are used for ever. */
const lastUses = ({ nodes, outputs }: Graph): readonly number[] => {
  const last = nodes.map((_, i) => i)
  nodes.forEach(({ inputs }, i) => {
    for (const input of inputs) last[input] = i
  })
  for (const { value } of outputs) last[value] = nodes.length
  return last
}

/** Nodes that outputs depend on. */
const needed = ({ nodes, outputs }: Graph): ReadonlySet<number> => {
  const found = new Set<number>()
  const stack = outputs.map(({ value }) => value)
  while (stack.length > 0) {
    const value = stack.pop()!
    if (found.has(value)) continue
    found.add(value)
    stack.push(...nodes[value]!.inputs)
  }
  return found
}

/** Runs a graph. `values` feeds inputs and parameters alike, by name. */
export const evaluate = (graph: Graph, values: Values): Readonly<Record<string, Array64>> => {
  const results: (Array64 | readonly Array64[] | undefined)[] = []
  const last = lastUses(graph)
  const live = needed(graph)
  const feed = (name: string, shape: Shape): Array64 => {
    const data = values[name]
    if (data === undefined) throw new Error(`internal: no value for '${name}'`)
    if (data.length !== sizeOf(shape))
      throw new Error(`internal: '${name}' has ${data.length} elements, not ${sizeOf(shape)}`)
    return array(shape, new Float64Array(data))
  }
  const step = (node: Node): Array64 | readonly Array64[] => {
    if (node.op === "input") return feed(node.attrs.name, node.shape)
    if (node.op === "parameter") {
      const { shape, data } = feed(node.attrs.name, node.shape)
      const { stored } = node.attrs
      if (stored === undefined) return { shape, data }
      return array(shape, Float64Array.from(rounded(stored, { shape, data: Float32Array.from(data) })))
    }
    if (node.op === "part") return (results[node.inputs[0]!] as readonly Array64[])[node.attrs.index]!
    if (node.op === "constant") {
      const { values: given } = node.attrs
      const all = given.length === 1 ? new Float64Array(sizeOf(node.shape)).fill(given[0]!) : new Float64Array(given)
      return array(node.shape, all)
    }
    const inputs = node.inputs.map((input) => results[input] as Array64)
    return recordOf(node.op)!.meaning(inputs as never, node.attrs, node.shape)
  }
  graph.nodes.forEach((node, i) => {
    if (!live.has(i)) return
    results[i] = step(node)
    for (const input of node.inputs) if (last[input] === i) results[input] = undefined
  })
  return Object.fromEntries(graph.outputs.map(({ name, value }) => [name, results[value] as Array64]))
}
