/** What values of a model depend on. */
import type { ModelData } from "../../dsl/model.ts"
import { reachOf } from "../ir/reach.ts"
import { elaborate, type InputSizes, outline, standardSizes } from "../passes/elaborate/index.ts"

/** Tensors among `learning` on which the outputs that the model teaches depend, with the prompt of `sizes`; on all outputs, where it teaches none. */
export const receivingOf = (
  model: ModelData,
  learning: readonly string[],
  sizes: InputSizes = standardSizes(model),
): ReadonlySet<string> => {
  const parameters = outline(model, sizes).parametersOf(Object.keys(model.teaches))
  return new Set(learning.filter((name) => parameters.has(name)))
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
