import type { OpAttrs, Shape } from "../graph.ts"
import { sizeOf } from "../graph.ts"
import { broadcast, windowed } from "../shapes.ts"
import { type Array64, array, broadcastStrides, eachOffset, gathered, stridesOf } from "./array.ts"

const swapped = (x: Array64): Array64 => {
  const perm = x.shape.map((_, i) => i)
  perm.splice(-2, 2, x.shape.length - 1, x.shape.length - 2)
  return transpose(x, perm)
}
export const transpose = (x: Array64, perm: readonly number[]): Array64 => {
  const strides = stridesOf(x.shape)
  return gathered(
    x,
    perm.map((axis) => x.shape[axis]!),
    perm.map((axis) => strides[axis]!),
  )
}

/** out += a [m, k] · b [k, n], with the offsets at which each begins. */
const product = (
  out: Float64Array,
  o: number,
  a: Float64Array,
  ao: number,
  b: Float64Array,
  bo: number,
  m: number,
  k: number,
  n: number,
) => {
  for (let i = 0; i < m; i += 1)
    for (let p = 0; p < k; p += 1) {
      const x = a[ao + i * k + p]!
      if (x === 0) continue
      const row = bo + p * n
      const to = o + i * n
      for (let j = 0; j < n; j += 1) out[to + j]! += x * b[row + j]!
    }
}

export const matmul = (a: Array64, b: Array64, { transposeA, transposeB }: OpAttrs["matmul"]): Array64 => {
  const left = transposeA ? swapped(a) : a
  const right = transposeB ? swapped(b) : b
  const [m, k] = left.shape.slice(-2) as [number, number]
  const n = right.shape.at(-1)!
  const batch = broadcast(left.shape.slice(0, -2), right.shape.slice(0, -2))
  const out = array([...batch, m, n])
  const rightOffsets: number[] = []
  eachOffset(batch, broadcastStrides(right.shape.slice(0, -2), batch), (_, offset) => rightOffsets.push(offset))
  eachOffset(batch, broadcastStrides(left.shape.slice(0, -2), batch), (i, offset) =>
    product(out.data, i * m * n, left.data, offset * m * k, right.data, rightOffsets[i]! * k * n, m, k, n),
  )
  return out
}

type Conv = OpAttrs["conv2d"]

/** Calls `tap` for each pair of an input pixel and a weight that meet in an output pixel. */
const eachTap = (
  { stride, padding, dilation, groups }: Conv,
  x: Shape,
  w: Shape,
  tap: (x: number, w: number, out: number) => void,
): void => {
  const [n, c, h, width] = x as [number, number, number, number]
  const [o, perGroup, kh, kw] = w as [number, number, number, number]
  const [top, left, bottom, right] = padding
  const oh = windowed(h, top, bottom, kh, stride[0], dilation[0])
  const ow = windowed(width, left, right, kw, stride[1], dilation[1])
  for (let image = 0; image < n; image += 1)
    for (let out = 0; out < o; out += 1) {
      const group = Math.floor(out / (o / groups))
      for (let channel = 0; channel < perGroup; channel += 1) {
        const xPlane = (image * c + group * perGroup + channel) * h * width
        for (let ky = 0; ky < kh; ky += 1)
          for (let kx = 0; kx < kw; kx += 1) {
            const weight = ((out * perGroup + channel) * kh + ky) * kw + kx
            for (let y = 0; y < oh; y += 1) {
              const row = y * stride[0] - top + ky * dilation[0]
              if (row < 0 || row >= h) continue
              for (let column = 0; column < ow; column += 1) {
                const at = column * stride[1] - left + kx * dilation[1]
                if (at >= 0 && at < width)
                  tap(xPlane + row * width + at, weight, ((image * o + out) * oh + y) * ow + column)
              }
            }
          }
      }
    }
}

export const conv2d = (x: Array64, w: Array64, attrs: Conv, shape: Shape): Array64 => {
  const out = array(shape)
  eachTap(attrs, x.shape, w.shape, (i, k, o) => (out.data[o]! += x.data[i]! * w.data[k]!))
  return out
}
export const conv2dInputGrad = (g: Array64, w: Array64, attrs: Conv, shape: Shape): Array64 => {
  const out = array(shape)
  eachTap(attrs, shape, w.shape, (i, k, o) => (out.data[i]! += g.data[o]! * w.data[k]!))
  return out
}
export const conv2dWeightGrad = (x: Array64, g: Array64, attrs: Conv, shape: Shape): Array64 => {
  const out = array(shape)
  eachTap(attrs, x.shape, shape, (i, k, o) => (out.data[k]! += x.data[i]! * g.data[o]!))
  return out
}

/** x [..., in] · weightᵀ [in, out] + bias */
export const linear = (x: Array64, w: Array64, bias?: Array64): Array64 => {
  const [gives, takes] = w.shape as [number, number]
  const rows = sizeOf(x.shape) / takes
  const flat = matmul(array([rows, takes], x.data), w, { transposeA: false, transposeB: true })
  if (bias !== undefined) for (let i = 0; i < flat.data.length; i += 1) flat.data[i]! += bias.data[i % gives]!
  return array([...x.shape.slice(0, -1), gives], flat.data)
}
