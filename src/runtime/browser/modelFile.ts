/** model.json: what a page knows of the model that lies beside it. */
import type { Program } from "../../compiler/ir/graph.ts"
import { standardSizes } from "../../compiler/passes/elaborate/index.ts"
import { inferenceProgram } from "../../compiler/passes/program.ts"
import type { ModelData } from "../../dsl/model.ts"
import type { TrainingOptions } from "../../dsl/training.ts"

export interface ModelFile {
  readonly format: 1
  /** The network, what it takes and teaches, its sizes and classes: plain data. */
  readonly model: ModelData
  /** given: from a checkpoint. initial: nothing was learned yet. */
  readonly weights: "given" | "initial"
  /** How it is trained, as the spec says; undefined where nothing of it learns or nothing is taught. */
  readonly training?: TrainingOptions
  /** Of hasam, that wrote it. */
  readonly version: string
}

/** Where the spec lies on the disk of whoever compiled it is nobody else's business. */
const place = /:\d+:\d+$/
const withoutPlaces = (key: string, value: unknown): unknown =>
  key === "at" && typeof value === "string" && place.test(value) ? undefined : value

/** As text. Fails where the model that is read back would compile to another program. */
export const modelText = (model: ModelData, about: Omit<ModelFile, "format" | "model">): string => {
  const text = JSON.stringify({ format: 1, model, ...about } satisfies ModelFile, withoutPlaces)
  const compiled = (of: ModelData): string => JSON.stringify(inferenceProgram(of, standardSizes(of)) satisfies Program)
  if (compiled((JSON.parse(text) as ModelFile).model) !== compiled(model))
    throw new Error(`internal: ${model.name} is another model once written and read`)
  return text
}
