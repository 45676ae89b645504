/**
 * differentiate: reverse mode, as nodes after the forward ones. Only what lies between the loss and something that learns is
 * differentiated: frozen layers get no weight gradient, and nothing below the first learning tensor gets any.
 */
import type { Builder, Value } from "../ir/builder.ts"
import type { Node } from "../ir/graph.ts"
import { recordOf } from "../ops/index.ts"
import type { Gradients, Reached } from "../ops/op.ts"

export interface Differentiated {
  /** Gradient of the loss, by the name of the parameter or input. */
  readonly gradients: ReadonlyMap<string, Value>
  /** Asked for, but the loss does not depend on them. */
  readonly unreached: readonly string[]
}

const gradientsOf = (node: Node, reached: Reached<any, any>): Gradients => {
  if (node.op === "input" || node.op === "parameter" || node.op === "constant") return []
  const rule = recordOf(node.op)?.gradient ?? "first order only"
  if (rule === "constant") return []
  if (rule === "first order only") throw new Error(`internal: ${node.op} has no gradient of its own`)
  return rule(reached)
}

/** Gradients of a scalar with respect to the named parameters and inputs, appended to the graph. */
export const differentiate = (b: Builder, loss: Value, names: readonly string[]): Differentiated => {
  const wanted = new Set(names)
  const isWanted = (value: Value): boolean => {
    const node = b.node(value)
    return (node.op === "parameter" || node.op === "input") && wanted.has(node.attrs.name)
  }
  const leads: boolean[] = []
  for (let value = 0; value <= loss; value += 1)
    leads[value] = isWanted(value) || b.node(value).inputs.some((input) => leads[input])

  const arrived = new Map<Value, Value>()
  /** `body` where the value comes from: its gradient belongs there too. */
  const beside = <A>(value: Value, body: () => A): A => {
    const { from } = b.node(value)
    return from === undefined ? body() : b.from(from, body)
  }
  const arrive = (value: Value, g: Value): void => {
    const before = arrived.get(value)
    arrived.set(value, before === undefined ? g : beside(value, () => b.add(before, g)))
  }
  const found = new Map<string, Value>()
  if (leads[loss]) arrive(loss, b.constant([1], b.shapeOf(loss)))
  for (let y = loss; y >= 0; y -= 1) {
    const g = arrived.get(y)
    if (g === undefined || !leads[y]) continue
    arrived.delete(y)
    const node = b.node(y)
    if (isWanted(y)) found.set((node.attrs as { name: string }).name, g)
    const needs = (operand: number) => node.inputs[operand] !== undefined && leads[node.inputs[operand]!]!
    const reached = { b, x: node.inputs, attrs: node.attrs, y, g, needs }
    const results = beside(y, () => gradientsOf(node, reached as never))
    results.forEach((gradient, i) => {
      if (gradient !== undefined && needs(i)) arrive(node.inputs[i]!, gradient)
    })
  }
  return { gradients: found, unreached: names.filter((name) => !found.has(name)) }
}
