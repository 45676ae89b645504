/** What to run, in which order, and when each value is used for the last time. */
import type { Graph, Node, OpKind } from "../../compiler/ir/graph.ts"

export interface Step {
  readonly id: number
  readonly node: Node
  /** Which parts anything uses, where the node gives several. */
  readonly wanted: ReadonlySet<number>
  /** Nodes whose values are not needed after this step. */
  readonly frees: readonly number[]
}

const held: ReadonlySet<OpKind> = new Set(["input", "parameter", "constant"])
/** Values that a run does not make: fed, loaded, or known at compile time. */
export const isHeld = (node: Node): boolean => held.has(node.op)

/** Steps for what the outputs need, in the graph's order. Held values and outputs are never freed by a step. */
export const planSteps = (graph: Graph): readonly Step[] => {
  const needed = new Set<number>()
  const outputs = new Set(graph.outputs.map(({ value }) => value))
  for (let id = graph.nodes.length - 1; id >= 0; id--) {
    if (!needed.has(id) && !outputs.has(id)) continue
    needed.add(id)
    for (const input of graph.nodes[id]!.inputs) needed.add(input)
  }
  const frees = new Map<number, number[]>()
  const seen = new Set<number>(outputs)
  const order = [...needed].filter((id) => !isHeld(graph.nodes[id]!)).sort((a, b) => a - b)
  for (const id of order.toReversed()) {
    const last = [...new Set(graph.nodes[id]!.inputs)].filter(
      (input) => !seen.has(input) && !isHeld(graph.nodes[input]!),
    )
    for (const input of last) seen.add(input)
    frees.set(id, last)
  }
  const wanted = new Map<number, Set<number>>(order.map((id) => [id, new Set()]))
  for (const id of order) {
    const node = graph.nodes[id]!
    if (node.op === "part") wanted.get(node.inputs[0]!)?.add(node.attrs.index)
  }
  return order.map((id) => ({ id, node: graph.nodes[id]!, wanted: wanted.get(id)!, frees: frees.get(id) ?? [] }))
}
