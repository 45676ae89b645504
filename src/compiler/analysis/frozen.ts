/** Which of a model's weights can be kept in fewer bits: those of linear layers and convolutions that are frozen. */
import type { ModelData } from "../../dsl/model.ts"
import type { Storage } from "../../dsl/training.ts"
import { failed } from "../diagnostic.ts"
import { standardSizes } from "../passes/elaborate/index.ts"
import { inferenceProgram } from "../passes/program.ts"
import { type Frozen, productWeights } from "../passes/store.ts"
import { learningNames } from "./parameters.ts"

/** Undefined where nothing is asked for. Throws HS2512 where there is nothing to keep in fewer bits. */
export const frozenOf = (model: ModelData, as: Storage | undefined): Frozen | undefined => {
  if (as === undefined || as === "float32") return undefined
  const learns = new Set(learningNames(model))
  const { graph } = inferenceProgram(model, standardSizes(model))
  const names = new Set([...productWeights(graph)].filter((name) => !learns.has(name)))
  if (names.size > 0) return { as, names }
  throw failed(
    "--frozen",
    "HS2512",
    `'${model.name}' has no frozen weight of a linear layer or a convolution: ${as} would keep nothing in fewer bits`,
    "Leave --frozen out, or freeze what need not learn.",
  )
}
