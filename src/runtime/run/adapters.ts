import { tensorTable } from "../../compiler/analysis/parameters.ts"
import type { Tensors } from "../../compiler/ir/graph.ts"
import type { ModelData } from "../../dsl/model.ts"
import { hashOf, loadLearned } from "../weights/learned.ts"

/** A model's tensors with those that a training run wrote in their place. Throws if they were trained on another base. */
export const withAdapters = async (model: ModelData, tensors: Tensors, file: string): Promise<Tensors> => {
  const table = tensorTable(model)
  const frozen = Object.fromEntries(table.filter(({ learns }) => !learns).map(({ name }) => [name, tensors[name]!]))
  const { tensors: learned } = await loadLearned(
    table.filter(({ learns }) => learns),
    file,
    { base: hashOf(frozen) },
  )
  return { ...tensors, ...learned }
}
