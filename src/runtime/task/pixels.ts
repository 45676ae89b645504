/** Images: fitted to what a network sees, fed, and the way back. */

import type { Tensor } from "../../compiler/ir/graph.ts"
import { bilinearTaps } from "../../compiler/ops/resize.ts"
import type { Pixels } from "../../dsl/task.ts"
import type { Raster } from "../data/raster.ts"
import type { Sample } from "../data/reader.ts"
import { stacked } from "./stack.ts"

export interface Size {
  readonly width: number
  readonly height: number
}

/** An image as the network sees it, and the height and width that it had. */
export type Fitted = Pick<Sample, "image" | "originalSize">

/** Where an image comes to lie, in the upper left of what the network sees: ⌊x·scale + ½⌋ as segment-anything's ResizeLongestSide, or all of it. */
export const fittedSize = ({ size: [height, width], fit }: Pixels, image: Size): Size => {
  if (fit === "stretch") return { width, height }
  const scale = Math.min(height / image.height, width / image.width)
  const side = (extent: number, most: number) => Math.min(most, Math.max(1, Math.trunc(extent * scale + 0.5)))
  return { width: side(image.width, width), height: side(image.height, height) }
}

/** Brightness of red, green and blue, as ITU-R 601 and Pillow's "L" weigh them. */
const grey = (r: number, g: number, b: number): number => (299 * r + 587 * g + 114 * b) / 1000

/** Interleaved bytes as [channels, height, width]: one channel is grey, three are red, green, blue; any more are grey. */
export const planes = ({ width, height, channels: given, data }: Raster, channels = 3): Tensor => {
  const n = width * height
  const out = new Float32Array(channels * n)
  for (let i = 0; i < n; i += 1) {
    const [r, g, b] =
      given === 1
        ? [data[i] as number, data[i] as number, data[i] as number]
        : [data[3 * i] as number, data[3 * i + 1] as number, data[3 * i + 2] as number]
    const bright = given === 1 ? r : grey(r, g, b)
    for (let c = 0; c < channels; c += 1) out[c * n + i] = channels === 1 || c > 2 ? bright : ([r, g, b][c] as number)
  }
  return { shape: [channels, height, width], data: out }
}

/** A plane stack in the upper left of a larger one, `fill` around it, channel by channel. */
export const placed = (
  { shape, data }: Tensor,
  [h, w]: readonly [number, number],
  fill: readonly number[],
): Float32Array => {
  const [channels, height, width] = shape as [number, number, number]
  const out = new Float32Array(channels * h * w)
  for (let c = 0; c < channels; c += 1) {
    out.fill(fill[c] ?? 0, c * h * w, (c + 1) * h * w)
    for (let y = 0; y < height; y += 1)
      out.set(data.subarray((c * height + y) * width, (c * height + y + 1) * width), (c * h + y) * w)
  }
  return out
}

/** All images of a batch, padded to what the network sees: one program serves them all. */
export const pixelFeed = (samples: readonly Pick<Sample, "image">[], pixels: Pixels): Tensor =>
  stacked(
    samples.map(({ image }) => placed(image, pixels.size, pixels.padding)),
    [pixels.channels, ...pixels.size],
  )

/** Bilinear, half-pixel centres, of the upper left `crop` of a plane. */
export const resizedPlane = (
  data: Float32Array,
  stride: number,
  crop: readonly [height: number, width: number],
  to: readonly [height: number, width: number],
): Float32Array => {
  const rows = bilinearTaps(crop[0], to[0])
  const columns = bilinearTaps(crop[1], to[1])
  const out = new Float32Array(to[0] * to[1])
  rows.forEach(([y0, y1, fy], y) => {
    columns.forEach(([x0, x1, fx], x) => {
      const at = (row: number, column: number) => data[row * stride + column] as number
      const top = at(y0, x0) * (1 - fx) + at(y0, x1) * fx
      const bottom = at(y1, x0) * (1 - fx) + at(y1, x1) * fx
      out[y * to[1] + x] = top * (1 - fy) + bottom * fy
    })
  })
  return out
}

/** A plane of logits [h, w] that stands for all that the network sees: up to its size, the padding cut off, then to the original size. */
export const undone = (
  logits: Float32Array,
  [h, w]: readonly [number, number],
  { size: [height, width] }: Pixels,
  { image, originalSize }: Fitted,
): Float32Array => {
  const [, fittedHeight, fittedWidth] = image.shape as [number, number, number]
  const full = h === height && w === width ? logits : resizedPlane(logits, w, [h, w], [height, width])
  return resizedPlane(full, width, [fittedHeight, fittedWidth], originalSize)
}
