/**
 * A sample as a program takes it. All images of a data set go through one program: a square of the model's image size, the image in its upper left.
 * What pads it has the mean's value, so that it is zero once normalised, exactly as SAM pads.
 */

import type { Shape, Tensor, Tensors } from "../../compiler/ir/graph.ts"
import { sizeOf } from "../../compiler/ir/graph.ts"
import { type InputSizes, standardSizes } from "../../compiler/passes/elaborate/index.ts"
import type { ModelData } from "../../dsl/model.ts"
import { pixelMean } from "../../dsl/sam/sam.ts"
import type { Loss } from "../../dsl/training.ts"
import type { Sample } from "../data/reader.ts"

/** What a model is taught to give: a mask, or the point at the mask's centre from 0 to 1 (x, y). */
export type Teaches = "mask" | "point"

export const imageSizeOf = ({ family }: ModelData): number =>
  family.kind === "sam" ? family.config.imageSize : (family.input.at(-1) ?? 1)

/** Sizes of the one program for all images. */
export const squareSizes = (model: ModelData, batch: number, prompted: "point" | "box"): InputSizes => ({
  ...standardSizes(model, batch),
  points: prompted === "point" ? 1 : 0,
  boxes: prompted === "box",
})

const square = ({ shape, data }: Tensor, size: number, fill: readonly number[]): Float32Array => {
  const [channels, height, width] = shape as [number, number, number]
  const out = new Float32Array(channels * size * size)
  for (let c = 0; c < channels; c += 1) {
    out.fill(fill[c]!, c * size * size, (c + 1) * size * size)
    for (let y = 0; y < height; y += 1)
      out.set(data.subarray((c * height + y) * width, (c * height + y + 1) * width), (c * size + y) * size)
  }
  return out
}

const stacked = (parts: readonly ArrayLike<number>[], shape: Shape): Tensor => {
  const data = new Float32Array(sizeOf([parts.length, ...shape]))
  parts.forEach((part, i) => data.set(part, i * sizeOf(shape)))
  return { shape: [parts.length, ...shape], data }
}

const imageFeed = (samples: readonly Sample[], model: ModelData): Tensor => {
  const size = imageSizeOf(model)
  const fill = model.family.kind === "sam" ? pixelMean : [0, 0, 0]
  return stacked(
    samples.map(({ image }) => square(image, size, fill)),
    [3, size, size],
  )
}

/** Image and prompts of a batch. */
export const promptFeeds = (samples: readonly Sample[], model: ModelData): Tensors => {
  const image = imageFeed(samples, model)
  if (model.family.kind !== "sam") return { image }
  if (samples[0]!.box !== undefined)
    return {
      image,
      boxes: stacked(
        samples.map(({ box }) => box!),
        [4],
      ),
    }
  const points = samples.map(({ point }) => (point === undefined ? [0, 0] : [point.x, point.y]))
  // A case without a point, such as an empty mask, is prompted with padding only.
  const labels = samples.map(({ point }) => [point === undefined ? -1 : 1])
  return { image, point_coords: stacked(points, [1, 2]), point_labels: stacked(labels, [1]) }
}

/** What the outputs are compared with. */
export const targetFeed = (samples: readonly Sample[], model: ModelData, teaches: Teaches): Tensor => {
  const size = imageSizeOf(model)
  if (teaches === "point")
    return stacked(
      samples.map(({ point }) => [((point?.x ?? 0) + 0.5) / size, ((point?.y ?? 0) + 0.5) / size]),
      [2],
    )
  return stacked(
    samples.map(({ resizedMask: { width, height, data } }) =>
      square({ shape: [1, height, width], data: Float32Array.from(data) }, size, [0]),
    ),
    [1, size, size],
  )
}

export const scalarFeed = (value: number): Tensor => ({ shape: [], data: Float32Array.of(value) })

const pointLoss = (loss: Loss): boolean =>
  loss.kind === "mse" || (loss.kind === "sum" && loss.terms.some((term) => pointLoss(term.loss)))

/** A spec with mean squared error teaches points; all others masks. */
export const teachesOf = (model: ModelData, loss: Loss): Teaches =>
  model.family.kind === "layer" && pointLoss(loss) ? "point" : "mask"
