/** Builds a graph again, node by node, with some nodes replaced: the frame of most passes. */
import { Builder, type Value } from "../ir/builder.ts"
import type { Graph, Node } from "../ir/graph.ts"
import type { Replacement } from "../ops/op.ts"

/** Gives a node's replacement from its new operands, or undefined to keep it. */
export type Rewrite = (b: Builder, node: Node, inputs: readonly Value[]) => Replacement | undefined

const reached = ({ nodes, outputs }: Graph): readonly boolean[] => {
  const live = nodes.map(() => false)
  for (const { value } of outputs) live[value] = true
  for (let i = nodes.length - 1; i >= 0; i -= 1) if (live[i]) for (const input of nodes[i]!.inputs) live[input] = true
  return live
}

/** The same node on other operands. */
export const copy = (b: Builder, node: Node, inputs: readonly Value[]): Value => {
  // Sources are the same in every copy.
  if (node.inputs.length === 0) return b.copy(undefined, () => b.again(node, inputs))
  if (node.op === "part") return b.part(inputs[0]!, node.attrs.index)
  return b.again(node, inputs)
}

/** What outputs do not depend on goes; equal nodes become one, unless they are copies on purpose. */
export const rebuild = (graph: Graph, rewrite: Rewrite = () => undefined): Graph => {
  const b = new Builder()
  const live = reached(graph)
  const values: Replacement[] = []
  graph.nodes.forEach((node, i) => {
    if (!live[i]) return
    if (node.op === "part") {
      const whole = values[node.inputs[0]!]!
      values[i] = typeof whole === "number" ? b.part(whole, node.attrs.index) : whole[node.attrs.index]!
      return
    }
    const inputs = node.inputs.map((input) => values[input] as Value)
    const replace = () => b.copy(node.copy, () => rewrite(b, node, inputs) ?? copy(b, node, inputs))
    values[i] = node.from === undefined ? replace() : b.from(node.from, replace)
  })
  return { nodes: b.nodes, outputs: graph.outputs.map(({ name, value }) => ({ name, value: values[value] as Value })) }
}

/**
 * What is padded with zeros only to be added to what stands next to it is put beside it: so come the gradients of slices, as those of q, k
 * and v, that together were one tensor.
 */
const besideOneAnother: Rewrite = (b, { op }, inputs) => {
  if (op !== "add") return undefined
  const [x, y] = inputs.map((input) => b.nodes[input]!) as [Node, Node]
  if (x.op !== "pad" || y.op !== "pad" || x.shape.some((extent, i) => extent !== y.shape[i])) return undefined
  const axis = x.attrs.before.findIndex((n, i) => n !== y.attrs.before[i])
  if (axis < 0) return undefined
  const [first, second] = x.attrs.before[axis]! < y.attrs.before[axis]! ? [x, y] : [y, x]
  const touch = first.attrs.before[axis]! + b.shapeOf(first.inputs[0]!)[axis]! === second.attrs.before[axis]
  const alike = x.shape.every(
    (_, i) => i === axis || (x.attrs.before[i] === y.attrs.before[i] && x.attrs.after[i] === y.attrs.after[i]),
  )
  if (!touch || !alike) return undefined
  const parts = [first, second].flatMap(({ inputs: [part] }) => {
    const node = b.nodes[part!]!
    return node.op === "concat" && node.attrs.axis === axis ? node.inputs : [part!]
  })
  return b.pad(b.concat(parts, axis), first.attrs.before, second.attrs.after)
}

/** simplify: what outputs do not depend on goes, equal nodes become one, and parts of a tensor stand beside one another. */
export const simplify = (graph: Graph): Graph => rebuild(rebuild(graph, besideOneAnother))
