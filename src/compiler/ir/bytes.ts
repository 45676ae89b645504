/**
 * Bytes of float32 that each op reads and writes at least, each operand once: what a fused kernel moves. With FLOPs it says whether
 * arithmetic or memory limits an op. What only renames a tensor moves nothing.
 */
import { recordOf } from "../ops/index.ts"
import { type Node, type NodeOf, sizeOf } from "./graph.ts"
import { restoredBytes, storedBytes } from "./stored.ts"

/** Of one float32. */
export const float = 4
/** Of a node's value, or of all its parts. */
export const valueBytes = ({ shape, parts }: Pick<Node, "shape" | "parts">): number =>
  float * (parts ?? [shape]).reduce((sum, part) => sum + sizeOf(part), 0)

/** Of a parameter, as it is kept. */
export const keptBytes = ({ attrs: { stored }, shape }: NodeOf<"parameter">): number =>
  stored === undefined ? float * sizeOf(shape) : storedBytes(stored, shape)
/** Of operands that are kept in fewer bits, while the node reads them. */
export const readingBytes = (nodes: readonly Node[], { inputs }: Node): number =>
  inputs.reduce((sum, input) => {
    const node = nodes[input]!
    if (node.op !== "parameter" || node.attrs.stored === undefined) return sum
    return sum + restoredBytes(node.attrs.stored, node.shape)
  }, 0)

/** Bytes that one node moves. */
export const bytesOf = (nodes: readonly Node[], node: Node): number => {
  const record = recordOf(node.op)
  if (record === undefined || record.bytes === "none") return 0
  if (record.bytes === "chosen") return 2 * valueBytes(node)
  return valueBytes(node) + float * node.inputs.reduce((sum, input) => sum + sizeOf(nodes[input]!.shape), 0)
}
