/**
 * What only moves: reshaping, transposing, cutting, padding with zeros and putting beside one another, as long as runs of `unit` numbers on
 * the last axis stay whole. Passes follow such runs, the features of a token or of one of its heads, through a graph.
 */
import type { Builder, Value } from "../ir/builder.ts"
import type { Node, Shape } from "../ir/graph.ts"

/** Does the node only move whole runs of its first operand, or add runs of zeros? */
export const movesRuns = (node: Node, operand: Shape, unit: number): boolean => {
  const last = operand.length - 1
  const whole = (...xs: readonly number[]) => xs.every((x) => x % unit === 0)
  if (last < 0 || node.shape.length === 0 || !whole(operand[last]!, node.shape.at(-1)!)) return false
  switch (node.op) {
    case "reshape":
    case "concat":
      return true
    case "transpose":
      return node.attrs.perm[last] === last
    case "slice":
      return whole(node.attrs.starts[last]!, node.attrs.ends[last]!)
    case "pad":
      return whole(node.attrs.before[last]!, node.attrs.after[last]!)
    default:
      return false
  }
}

/** The same movement of operands whose last axis counts something else: `last` turns its extents into theirs. */
export const moved = (b: Builder, node: Node, inputs: readonly Value[], last: (extent: number) => number): Value => {
  const [x] = inputs as [Value]
  const other = (extents: readonly number[]) => [...extents.slice(0, -1), last(extents.at(-1)!)]
  switch (node.op) {
    case "reshape":
      return b.reshape(x, other(node.shape))
    case "transpose":
      return b.transpose(x, node.attrs.perm)
    case "slice":
      return b.slice(x, other(node.attrs.starts), other(node.attrs.ends))
    case "pad":
      return b.pad(x, other(node.attrs.before), other(node.attrs.after))
    case "concat":
      return b.concat(inputs, node.attrs.axis)
    default:
      throw new Error(`internal: ${node.op} does more than move`)
  }
}

/** Who takes each value; an output is taken from outside, by −1. */
export const takersOf = ({
  nodes,
  outputs,
}: {
  readonly nodes: readonly Node[]
  readonly outputs: readonly { readonly value: Value }[]
}): readonly ReadonlySet<number>[] => {
  const takers = nodes.map(() => new Set<number>())
  nodes.forEach(({ inputs }, id) => {
    for (const input of inputs) takers[input]!.add(id)
  })
  for (const { value } of outputs) takers[value]!.add(-1)
  return takers
}
