/** Classes, the background first: targets are their numbers, answers a plane of logits for each. */
import type { Tensor } from "../../compiler/ir/graph.ts"
import { sizeOf } from "../../compiler/ir/graph.ts"
import type { Pixels, TaughtClasses } from "../../dsl/task.ts"
import type { Mask } from "../data/raster.ts"
import { diceOf } from "./masks.ts"
import { type Fitted, undone } from "./pixels.ts"

/** Logits of all classes at the original size, plane after plane, from the output of one image [1, classes, h, w]. */
export const classesAnswer = ({ shape, data }: Tensor, pixels: Pixels, sample: Fitted): Float32Array => {
  const [, count, h, w] = shape as [number, number, number, number]
  const size = sizeOf(sample.originalSize)
  const out = new Float32Array(count * size)
  for (let k = 0; k < count; k += 1)
    out.set(undone(data.subarray(k * h * w, (k + 1) * h * w), [h, w], pixels, sample), k * size)
  return out
}

/** The class of the largest logit at each pixel; the first of equal ones. */
export const labelsOf = (logits: Float32Array, [height, width]: readonly [number, number]): Mask => {
  const size = height * width
  const count = logits.length / size
  const data = new Uint8Array(size)
  for (let i = 0; i < size; i += 1) {
    let best = 0
    for (let k = 1; k < count; k += 1)
      if ((logits[k * size + i] as number) > (logits[best * size + i] as number)) best = k
    data[i] = best
  }
  return { width, height, data }
}

/** Mean Dice over all classes but the background. */
export const classesScore = (predicted: Mask, truth: Mask, { names }: TaughtClasses): number => {
  const foreground = names.slice(1)
  return foreground.reduce((sum, _, k) => sum + diceOf(predicted, truth, k + 1), 0) / Math.max(1, foreground.length)
}
