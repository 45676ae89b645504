/** Answers at the original size from a trained model, one program for all images. */

import type { Backend, Executable } from "../../backends/backend.ts"
import type { Tensors } from "../../compiler/ir/graph.ts"
import { standardSizes } from "../../compiler/passes/elaborate/index.ts"
import { inferenceProgram } from "../../compiler/passes/program.ts"
import type { ModelData } from "../../dsl/model.ts"
import { asks, type Prompt } from "../../dsl/training.ts"
import type { Sample } from "../data/reader.ts"
import { answerOf, feedsOf, pixelsOf, taughtOf } from "../task/index.ts"

export interface Predictor {
  /** Replaces some weights: those that learned. */
  load(tensors: Tensors): Promise<void>
  /** Logits at the original size, row-major, of classes plane after plane; or, of a model that gives points, x and y in pixels of the original image. */
  predict(sample: Sample): Promise<Float32Array>
  dispose(): Promise<void>
}

/**
 * `weights` are all the tensors of the model. `beside`: a program whose tensors, learning ones too, are this one's, if the engine shares.
 * Throws HS5311 for a model that teaches nothing.
 */
export const predictor = async (
  backend: Backend,
  model: ModelData,
  weights: Tensors,
  prompt: Prompt,
  beside?: Executable,
): Promise<Predictor> => {
  const [output, taught] = taughtOf(model)
  const pixels = pixelsOf(model)
  const program = inferenceProgram(model, standardSizes(model, 1, asks(prompt)), { outputs: [output] })
  const executable = await backend.compile(program, beside)
  const own = new Set(executable.missing?.() ?? Object.keys(weights))
  const ownOf = (tensors: Tensors): Tensors =>
    Object.fromEntries(Object.entries(tensors).filter(([name]) => own.has(name)))
  await executable.load(ownOf(weights))
  return {
    load: (tensors) => executable.load(ownOf(tensors)),
    predict: async (sample) => {
      const outputs = await executable.run(feedsOf([sample], model, prompt))
      return answerOf(outputs[output]!, taught, pixels, sample)
    },
    dispose: () => executable.dispose(),
  }
}
