/** Floating-point operations of nodes, as the records of ops count them. Sources and parts have none. */
import { recordOf } from "../ops/index.ts"
import { type Node, sizeOf } from "./graph.ts"

/** FLOPs of one node. */
export const flopsOf = (nodes: readonly Node[], node: Node): number => {
  const { flops = 0 } = recordOf(node.op) ?? {}
  if (typeof flops === "number") return flops * sizeOf(node.shape)
  const operands = node.inputs.map((input) => nodes[input]!.shape)
  return flops(operands as never, node.attrs, node.shape)
}
