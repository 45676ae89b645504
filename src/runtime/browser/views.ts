/** A validation image as a person sees how training goes: the image as the model sees it, the truth's outline, the model's answer. */
import type { ModelData } from "../../dsl/model.ts"
import type { Sample } from "../data/reader.ts"
import { resizeNearest } from "../data/resize.ts"
import { labelsOf } from "../task/classes.ts"
import { taughtOf } from "../task/index.ts"
import { maskOf } from "../task/masks.ts"

export interface SampleView {
  readonly width: number
  readonly height: number
  /** Width by height of the image itself, where the model sees it squeezed: so it is to be shown. */
  readonly aspect: number
  /** Red, green, blue, alpha. */
  readonly pixels: Uint8ClampedArray<ArrayBuffer>
}

type Colour = readonly [number, number, number]
/** Okabe and Ito's blue and orange, which colour-blind readers tell apart. */
const [truthColour, answerColour]: readonly [Colour, Colour] = [
  [86, 180, 233],
  [230, 159, 0],
]

/** The truth as an outline in blue, the answer as a surface in orange; of a point, a square of five pixels. */
export const sampleView = (sample: Sample, answer: Float32Array, model: ModelData): SampleView => {
  const { image, resizedMask: truth, originalSize } = sample
  const [channels = 1, height = 1, width = 1] = image.shape
  const n = width * height
  const pixels = new Uint8ClampedArray(4 * n)
  for (let i = 0; i < n; i += 1) {
    for (let c = 0; c < 3; c += 1) pixels[4 * i + c] = image.data[(channels === 1 ? 0 : c) * n + i] ?? 0
    pixels[4 * i + 3] = 255
  }
  const mix = (i: number, colour: Colour, share: number) => {
    for (let c = 0; c < 3; c += 1)
      pixels[4 * i + c] = (1 - share) * (pixels[4 * i + c] as number) + share * (colour[c] as number)
  }
  const [, taught] = taughtOf(model)
  if (taught.kind === "point") {
    const [h, w] = originalSize
    const [x, y] = [Math.round(((answer[0] ?? 0) * width) / w), Math.round(((answer[1] ?? 0) * height) / h)]
    for (let dy = -2; dy <= 2; dy += 1)
      for (let dx = -2; dx <= 2; dx += 1)
        if (x + dx >= 0 && y + dy >= 0 && x + dx < width && y + dy < height)
          mix((y + dy) * width + x + dx, answerColour, 1)
  } else {
    const found = taught.kind === "classes" ? labelsOf(answer, originalSize) : maskOf(answer, originalSize)
    const small = resizeNearest(found, { width, height })
    for (let i = 0; i < n; i += 1) if (small.data[i] !== 0) mix(i, answerColour, 0.45)
  }
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      const i = y * width + x
      const value = truth.data[i]
      if (value === 0) continue
      const inner =
        x > 0 &&
        y > 0 &&
        x < width - 1 &&
        y < height - 1 &&
        [i - 1, i + 1, i - width, i + width].every((j) => truth.data[j] === value)
      if (!inner) mix(i, truthColour, 1)
    }
  return { width, height, aspect: originalSize[1] / originalSize[0], pixels }
}
