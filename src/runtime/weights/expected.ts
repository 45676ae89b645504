/** What a model expects of a checkpoint. */
import type { ModelData } from "../../dsl/model.ts"
import { networkOf } from "../../dsl/network.ts"
import { tensorsOf } from "../../dsl/tensors.ts"
import type { Expected } from "./compare.ts"

/** The tensors of the state dict, and those among them that an adaptation added and the spec initialises. */
export const expectedOf = (
  model: ModelData,
): { readonly expected: readonly Expected[]; readonly initialised: ReadonlySet<string> } => {
  const tensors = tensorsOf(networkOf(model)).filter(({ persistent }) => persistent)
  return {
    expected: tensors.map(({ name, shape, kind }) => ({ name, shape, kind })),
    initialised: new Set(tensors.flatMap(({ name, adaptation }) => (adaptation === undefined ? [] : [name]))),
  }
}
