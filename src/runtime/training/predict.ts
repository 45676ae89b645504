/** Masks at the original size from a trained model, one program for all images. */

import type { Backend } from "../../backends/backend.ts"
import type { Tensor, Tensors } from "../../compiler/ir/graph.ts"
import { bilinearTaps } from "../../compiler/ops/resize.ts"
import { inferenceProgram } from "../../compiler/passes/program.ts"
import type { ModelData } from "../../dsl/model.ts"
import type { Sample } from "../data/reader.ts"
import { imageSizeOf, promptFeeds, squareSizes } from "./feeds.ts"

/** Bilinear, half-pixel centres, of the upper left `crop` of a plane. */
const resized = (
  data: Float32Array,
  stride: number,
  crop: readonly [height: number, width: number],
  to: readonly [height: number, width: number],
): Float32Array => {
  const rows = bilinearTaps(crop[0], to[0])
  const columns = bilinearTaps(crop[1], to[1])
  const out = new Float32Array(to[0] * to[1])
  rows.forEach(([y0, y1, fy], y) =>
    columns.forEach(([x0, x1, fx], x) => {
      const top = data[y0 * stride + x0]! * (1 - fx) + data[y0 * stride + x1]! * fx
      const bottom = data[y1 * stride + x0]! * (1 - fx) + data[y1 * stride + x1]! * fx
      out[y * to[1] + x] = top * (1 - fy) + bottom * fy
    }),
  )
  return out
}

/** As Sam.postprocess_masks: up to the model's square, the padding cut off, then to the original size. Logits in, logits out. */
export const postprocessed = (logits: Tensor, imageSize: number, { image, originalSize }: Sample): Float32Array => {
  const [, , low] = logits.shape.slice(-3) as [number, number, number]
  const [, height, width] = image.shape as [number, number, number]
  const full = low === imageSize ? logits.data : resized(logits.data, low, [low, low], [imageSize, imageSize])
  return resized(full, imageSize, [height, width], originalSize)
}

export interface Predictor {
  /** Replaces some weights: those that learned. */
  load(tensors: Tensors): Promise<void>
  /** Mask logits at the original size, row-major; or, of a model that gives points, x and y in pixels of the original image. */
  predict(sample: Sample): Promise<Float32Array>
  dispose(): Promise<void>
}

/** `weights` are all the tensors of the model. */
export const predictor = async (
  backend: Backend,
  model: ModelData,
  weights: Tensors,
  prompted: "point" | "box",
): Promise<Predictor> => {
  const wanted = model.family.kind === "sam" ? { outputs: ["low_res_masks"] } : {}
  const program = inferenceProgram(model, squareSizes(model, 1, prompted), wanted)
  const executable = await backend.compile(program)
  await executable.load(weights)
  const imageSize = imageSizeOf(model)
  return {
    load: (tensors) => executable.load(tensors),
    predict: async (sample) => {
      const outputs = await executable.run(promptFeeds([sample], model))
      const output = outputs["low_res_masks"] ?? Object.values(outputs)[0]!
      if (output.shape.length === 4) return postprocessed(output, imageSize, sample)
      const [, height, width] = sample.image.shape as [number, number, number]
      const [x, y] = output.data as unknown as [number, number]
      const [originalHeight, originalWidth] = sample.originalSize
      // As it was predicted, beyond the border too: there it hits nothing.
      return Float32Array.of(
        (x * imageSize * originalWidth) / width - 0.5,
        (y * imageSize * originalHeight) / height - 0.5,
      )
    },
    dispose: () => executable.dispose(),
  }
}
