import { changingTensors, type ModelTensor, tensorTable } from "../../compiler/analysis/parameters.ts"
import type { Tensors } from "../../compiler/ir/graph.ts"
import type { ModelData } from "../../dsl/model.ts"
import { hashOf, loadLearned } from "../weights/learned.ts"

/** What training does not change: the base to which an adapter file belongs. */
export const frozenOf = (table: readonly ModelTensor[], tensors: Tensors): Tensors => {
  const changing = new Set(changingTensors(table).map(({ name }) => name))
  return Object.fromEntries(table.filter(({ name }) => !changing.has(name)).map(({ name }) => [name, tensors[name]!]))
}

/** A model's tensors with those that a training run wrote in their place. Throws if they were trained on another base. */
export const withAdapters = async (model: ModelData, tensors: Tensors, file: string): Promise<Tensors> => {
  const table = tensorTable(model)
  const changing = changingTensors(table)
  const { tensors: learned } = await loadLearned(changing, file, { base: hashOf(frozenOf(table, tensors)) })
  return { ...tensors, ...learned }
}
