/**
 * Position tables for another image size, as PyTorch's interpolate makes them with align_corners=False and no
 * antialiasing. Relative tables: linear along the distances, as segment-anything's get_rel_pos. Absolute positions:
 * bilinear over the grid, which segment-anything itself never does, as those who fine-tune it at other sizes load theirs.
 */
import type { Tensor } from "../../compiler/ir/graph.ts"

interface Tap {
  readonly low: number
  readonly high: number
  /** Weight of `high`. */
  readonly part: number
}

/** Half-pixel centres, edges clamped: target i lies at (i + ½)·from/to − ½ of the source. */
const taps = (from: number, to: number): readonly Tap[] =>
  Array.from({ length: to }, (_, i) => {
    const at = Math.max(((i + 0.5) * from) / to - 0.5, 0)
    const low = Math.min(Math.floor(at), from - 1)
    return { low, high: Math.min(low + 1, from - 1), part: at - low }
  })

/** [outer, from, inner] → [outer, to, inner] */
const alongMiddle = (data: ArrayLike<number>, outer: number, from: number, to: number, inner: number): Float64Array => {
  const out = new Float64Array(outer * to * inner)
  taps(from, to).forEach(({ low, high, part }, i) => {
    for (let o = 0; o < outer; o++)
      for (let k = 0; k < inner; k++) {
        const a = data[(o * from + low) * inner + k]!
        const b = data[(o * from + high) * inner + k]!
        out[(o * to + i) * inner + k] = a * (1 - part) + b * part
      }
  })
  return out
}

const into = (values: Float64Array, like: Float32Array): Float32Array => {
  const bytes = 4 * values.length
  const shared = typeof SharedArrayBuffer !== "undefined" && like.buffer instanceof SharedArrayBuffer
  const data = new Float32Array(shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes))
  data.set(values)
  return data
}

/** A table of relative positions [length, head] → [to, head]. */
export const resizeRelative = ({ shape, data }: Tensor, to: number): Tensor => {
  const [from, head] = shape as readonly [number, number]
  return { shape: [to, head], data: into(alongMiddle(data, 1, from, to, head), data) }
}

/** A table of absolute positions [1, h, w, features] → [1, height, width, features]. */
export const resizeAbsolute = ({ shape, data }: Tensor, height: number, width: number): Tensor => {
  const [, h, w, features] = shape as readonly [number, number, number, number]
  const rows = alongMiddle(data, 1, h, height, w * features)
  return { shape: [1, height, width, features], data: into(alongMiddle(rows, height, w, width, features), data) }
}
