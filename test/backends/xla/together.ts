import type { Graph, Node } from "../../../src/compiler/ir/graph.ts"

/** Graphs side by side; names of inputs and outputs begin with the graph's number. */
export const together = (graphs: readonly Graph[]): Graph => {
  const nodes: Node[] = []
  const outputs: { name: string; value: number }[] = []
  graphs.forEach((graph, i) => {
    const off = nodes.length
    for (const node of graph.nodes) {
      const inputs = node.inputs.map((input) => input + off)
      const named = node.op === "input" || node.op === "parameter"
      nodes.push({ ...node, inputs, ...(named ? { attrs: { name: `${i}/${node.attrs.name}` } } : {}) } as Node)
    }
    outputs.push(...graph.outputs.map(({ name, value }) => ({ name: `${i}/${name}`, value: value + off })))
  })
  return { nodes, outputs }
}
