/** --target onnx: a model that segments, with its weights, as a file for others. */
import { basename, dirname, join } from "node:path"
import { onnxFiles } from "../backends/onnx/file.ts"
import { version } from "../compiler/compile.ts"
import type { Tensors } from "../compiler/ir/graph.ts"
import { type InputSizes, standardSizes } from "../compiler/passes/elaborate/index.ts"
import { inferenceProgram } from "../compiler/passes/program.ts"
import type { ModelData } from "../dsl/model.ts"
import { modelWeights } from "./base.ts"
import { writeAtomically } from "./files.ts"
import { modelHash } from "./training/identity.ts"
import { hashOf } from "./weights/learned.ts"

export interface OnnxOptions {
  readonly path: string
  readonly batch?: number
  /** A checkpoint; without one, initial values. */
  readonly weights?: string
  readonly sizes?: InputSizes
}

/**
 * What a program has to know to feed the file and to read what it gives: docs/onnx.md names the keys, which are those of
 * adapters' files where they say the same. Values are text, JSON where they are more than a word.
 */
const metadataOf = (model: ModelData, tensors: Tensors): Readonly<Record<string, string>> => ({
  "hasam.version": version,
  "hasam.model": model.name,
  "hasam.spec": modelHash(model),
  "hasam.weights": hashOf(tensors),
  "hasam.takes": JSON.stringify(model.takes),
  "hasam.teaches": JSON.stringify(model.teaches),
})

/** Writes the file, and the weights beside it if they are large. Gives the paths. Only ONNX's own ops, opset 20. */
export const writeOnnx = async (
  model: ModelData,
  { path, batch = 1, weights, sizes }: OnnxOptions,
): Promise<readonly string[]> => {
  const program = inferenceProgram(model, sizes ?? standardSizes(model, batch))
  const { tensors } = await modelWeights(model, weights, 0)
  const doc = `${model.name}, written by hasam. Image raw 0…255; outputs are logits.`
  const files = onnxFiles(program, tensors, { name: basename(path), doc, metadata: metadataOf(model, tensors) })
  for (const { name, chunks } of files) await writeAtomically(join(dirname(path), name), chunks)
  return files.map(({ name }) => join(dirname(path), name)).reverse()
}
