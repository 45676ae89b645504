/** What values of a graph depend on. */
import type { Builder, Value } from "./builder.ts"

export interface Reached {
  readonly parameters: ReadonlySet<string>
  readonly inputs: ReadonlySet<string>
}

/** An input that stands for a part of the graph that was left out: what it depends on. */
export interface StandIn {
  readonly operands: readonly Value[]
  readonly parameters: readonly string[]
}
export type StandIns = ReadonlyMap<Value, StandIn>

/** Tensors and inputs on which values depend. */
export const reachOf = (builder: Builder, values: readonly Value[], standIns?: StandIns): Reached => {
  const parameters = new Set<string>()
  const inputs = new Set<string>()
  const live = new Set(values)
  for (let value = Math.max(-1, ...values); value >= 0; value -= 1) {
    if (!live.has(value)) continue
    const node = builder.node(value)
    const standIn = standIns?.get(value)
    if (standIn !== undefined) {
      for (const name of standIn.parameters) parameters.add(name)
      for (const operand of standIn.operands) live.add(operand)
    } else if (node.op === "parameter") parameters.add(node.attrs.name)
    else if (node.op === "input") inputs.add(node.attrs.name)
    for (const input of node.inputs) live.add(input)
  }
  return { parameters, inputs }
}
