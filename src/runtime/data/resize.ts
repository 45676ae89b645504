/**
 * Resizing as segment-anything's ResizeLongestSide does it through Pillow: bilinear with a support that grows when an image shrinks
 * (so it is antialiased), across first and then down, each rounded to 8 bits; weights in 22-bit fixed point. The same bytes as Pillow's.
 */
import type { Mask, Raster } from "./raster.ts"

/** Height and width with the longer side `size`: ⌊x·scale + ½⌋. */
export const longestSide = (
  { width, height }: { readonly width: number; readonly height: number },
  size: number,
): { readonly width: number; readonly height: number } => {
  const scale = size / Math.max(height, width)
  return { width: Math.trunc(width * scale + 0.5), height: Math.trunc(height * scale + 0.5) }
}

const bits = 22

interface Taps {
  readonly first: Int32Array
  readonly count: Int32Array
  /** `most` weights for each place. */
  readonly weights: Int32Array
  readonly most: number
}

/** Which pixels of `from` make each of `to`, and their weights. */
const taps = (from: number, to: number): Taps => {
  const scale = from / to
  const support = Math.max(scale, 1)
  const most = Math.ceil(support) * 2 + 1
  const [first, count, weights] = [new Int32Array(to), new Int32Array(to), new Int32Array(to * most)]
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale
    const low = Math.max(0, Math.trunc(centre - support + 0.5))
    const high = Math.min(from, Math.trunc(centre + support + 0.5))
    const triangle = Array.from({ length: high - low }, (_, k) =>
      Math.max(0, 1 - Math.abs((k + low - centre + 0.5) / support)),
    )
    const sum = triangle.reduce((a, b) => a + b, 0)
    first[i] = low
    count[i] = high - low
    triangle.forEach((w, k) => {
      weights[i * most + k] = Math.trunc((w / sum) * 2 ** bits + 0.5)
    })
  }
  return { first, count, weights, most }
}

const half = 2 ** (bits - 1)
/** Weights sum to 2²² and values are below 2⁸, so the sum fits 32 bits. */
const toByte = (sum: number): number => Math.min(255, Math.max(0, sum >> bits))

/** `stride` apart are the values along the axis, `inner` values lie beside one another in each place of it. */
const along = (data: Uint8Array, outer: number, from: number, to: number, inner: number): Uint8Array => {
  if (from === to) return data
  const { first, count, weights, most } = taps(from, to)
  const out = new Uint8Array(outer * to * inner)
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < to; i++) {
      const source = (o * from + first[i]!) * inner
      const target = (o * to + i) * inner
      for (let c = 0; c < inner; c++) {
        let sum = half
        for (let k = 0; k < count[i]!; k++) sum += weights[i * most + k]! * data[source + k * inner + c]!
        out[target + c] = toByte(sum)
      }
    }
  return out
}

/** Bilinear, as Pillow's `resize(…, BILINEAR)`. */
export const resizeBilinear = (
  image: Raster,
  { width, height }: { readonly width: number; readonly height: number },
): Raster => {
  const { channels } = image
  const across = along(image.data, image.height, image.width, width, channels)
  return { width, height, channels, data: along(across, 1, image.height, height, width * channels) }
}

/** The old pixel under each new pixel's centre: a mask stays a mask. */
export const resizeNearest = (
  mask: Mask,
  { width, height }: { readonly width: number; readonly height: number },
): Mask => {
  const data = new Uint8Array(width * height)
  for (let y = 0; y < height; y++) {
    const row = Math.min(mask.height - 1, Math.floor(((y + 0.5) * mask.height) / height)) * mask.width
    for (let x = 0; x < width; x++)
      data[y * width + x] = mask.data[row + Math.min(mask.width - 1, Math.floor(((x + 0.5) * mask.width) / width))]!
  }
  return { width, height, data }
}
