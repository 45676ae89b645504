/** store: frozen weights of products are kept in fewer bits, and are float32 only while an op reads them. */
import type { Graph } from "../ir/graph.ts"
import type { Stored } from "../ir/stored.ts"

/** Which weights, by name, and how. */
export interface Frozen {
  readonly as: Stored
  readonly names: ReadonlySet<string>
}

export const store = ({ nodes, outputs }: Graph, { as, names }: Frozen): Graph => ({
  nodes: nodes.map((node) =>
    node.op === "parameter" && names.has(node.attrs.name) ? { ...node, attrs: { ...node.attrs, stored: as } } : node,
  ),
  outputs,
})

/** Weights of linear layers and of convolutions: most of a network's numbers, with an output channel in each row. */
export const productWeights = ({ nodes }: Graph): ReadonlySet<string> =>
  new Set(
    nodes.flatMap(({ op, inputs }) => {
      const weight = op === "linear" || op === "conv2d" ? nodes[inputs[1]!]! : undefined
      return weight?.op === "parameter" ? [weight.attrs.name] : []
    }),
  )
