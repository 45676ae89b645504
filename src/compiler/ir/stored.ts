/**
 * Weights in fewer bits than 32: what they are kept as, and the values that come back.
 *
 *     int8   q = round(w / s), −127…127, with s = max |w| / 127 over an output channel, the first axis; back: q · s
 *     bf16   the upper 16 bits of the float32, rounded to the nearest, ties to even; back: as they are
 */
import { type Shape, sizeOf, type Tensor } from "./graph.ts"

export type Stored = "int8" | "bf16"

const most = 127

/** Bytes that stay. */
export const storedBytes = (stored: Stored, shape: Shape): number =>
  stored === "int8" ? sizeOf(shape) + 4 * shape[0]! : 2 * sizeOf(shape)

/** Bytes that are there as well while an op reads the weight: its float32 values, and of bf16 its bits once more. */
export const restoredBytes = (stored: Stored, shape: Shape): number => (stored === "int8" ? 4 : 6) * sizeOf(shape)

export interface Int8 {
  /** Row-major, as the tensor. */
  readonly data: Int8Array<ArrayBuffer>
  /** Of each output channel. */
  readonly scales: Float32Array<ArrayBuffer>
}
/** A channel of zeros has the scale 1; one with a value that is not finite comes back as not a number. */
export const toInt8 = ({ shape, data }: Tensor): Int8 => {
  const channels = shape[0]!
  const size = data.length / channels
  const quantized = new Int8Array(data.length)
  const scales = new Float32Array(channels)
  for (let c = 0; c < channels; c += 1) {
    let largest = 0
    for (let i = c * size; i < (c + 1) * size; i += 1) largest = Math.max(largest, Math.abs(data[i]!))
    const scale = largest === 0 ? 1 : Math.fround(largest / most)
    scales[c] = scale
    // The least numbers that there are have no 127th part.
    if (scale > 0)
      for (let i = c * size; i < (c + 1) * size; i += 1)
        quantized[i] = Math.max(-most, Math.min(most, Math.round(data[i]! / scale)))
  }
  return { data: quantized, scales }
}

/** The bits, as whole numbers. */
export const toBf16 = ({ data }: Tensor): Uint16Array<ArrayBuffer> => {
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length)
  const out = new Uint16Array(data.length)
  for (let i = 0; i < bits.length; i += 1) {
    const word = bits[i]!
    // Rounding would make an infinity of a number that is none.
    out[i] = Number.isNaN(data[i]!) ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16
  }
  return out
}

/** The values that come back. */
export const rounded = (stored: Stored, tensor: Tensor): Float32Array => {
  if (stored === "bf16") return new Float32Array(Uint32Array.from(toBf16(tensor), (bits) => bits << 16).buffer)
  const { data, scales } = toInt8(tensor)
  const size = data.length / scales.length
  return Float32Array.from(data, (q, i) => q * scales[Math.floor(i / size)]!)
}
