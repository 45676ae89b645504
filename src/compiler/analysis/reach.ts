/** What values of a model depend on. */

import type { LayerData } from "../../dsl/layer.ts"
import type { ModelData } from "../../dsl/model.ts"
import type { Builder, Value } from "../ir/builder.ts"
import { elaborate, type InputSizes, standardSizes } from "../passes/elaborate/index.ts"

interface Reached {
  readonly parameters: ReadonlySet<string>
  readonly inputs: ReadonlySet<string>
}
/** Tensors and inputs on which values depend. */
export const reachOf = (builder: Builder, values: readonly Value[]): Reached => {
  const parameters = new Set<string>()
  const inputs = new Set<string>()
  const live = new Set(values)
  for (let value = Math.max(-1, ...values); value >= 0; value -= 1) {
    if (!live.has(value)) continue
    const node = builder.node(value)
    if (node.op === "parameter") parameters.add(node.attrs.name)
    if (node.op === "input") inputs.add(node.attrs.name)
    for (const input of node.inputs) live.add(input)
  }
  return { parameters, inputs }
}

/** The network's shape, whatever its ranks: what reaches the loss depends on this alone. */
const reached = new WeakMap<LayerData, Map<string, ReadonlySet<string>>>()

/** Tensors among `learning` on which the outputs that the model teaches depend, with the prompt of `sizes`; on all outputs, where it teaches none. */
export const receivingOf = (
  model: ModelData,
  learning: readonly string[],
  sizes: InputSizes = standardSizes(model),
): ReadonlySet<string> => {
  const key = JSON.stringify([learning, Object.keys(sizes.inputs), model.teaches])
  const known = reached.get(model.network) ?? new Map<string, ReadonlySet<string>>()
  reached.set(model.network, known)
  const before = known.get(key)
  if (before !== undefined) return before
  const { builder, outputs } = elaborate(model, sizes, { learning })
  const taught = Object.keys(model.teaches).flatMap((name) => outputs[name] ?? [])
  const { parameters } = reachOf(builder, taught.length > 0 ? taught : Object.values(outputs))
  const receiving = new Set(learning.filter((name) => parameters.has(name)))
  known.set(key, receiving)
  return receiving
}

/**
 * Outputs that may be kept for each image while the model trains: those that it says it keeps, as long as nothing before them learns or is
 * drawn by chance, and they depend on the image alone.
 */
export const keptOf = (model: ModelData, sizes: InputSizes, learning: readonly string[]): readonly string[] => {
  if (model.keeps.length === 0) return []
  const { builder, outputs } = elaborate(model, sizes, { learning, training: true })
  const images = new Set(Object.entries(model.takes).flatMap(([name, { kind }]) => (kind === "pixels" ? [name] : [])))
  const learns = new Set(learning)
  return model.keeps.filter((name) => {
    const value = outputs[name]
    if (value === undefined) return false
    const { parameters, inputs } = reachOf(builder, [value])
    return (
      ![...parameters].some((parameter) => learns.has(parameter)) && [...inputs].every((input) => images.has(input))
    )
  })
}
