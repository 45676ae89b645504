import type { PoolAttrs, Shape } from "../graph.ts"
import { windowed } from "../shapes.ts"
import { type Array64, array } from "./array.ts"

/** Calls `window` with each output pixel and the input pixels that it sees. */
const eachWindow = (
  { kernel, stride, padding }: PoolAttrs,
  x: Shape,
  window: (out: number, seen: readonly number[]) => void,
): void => {
  const [n, c, h, w] = x as [number, number, number, number]
  const [top, left, bottom, right] = padding
  const oh = windowed(h, top, bottom, kernel[0], stride[0])
  const ow = windowed(w, left, right, kernel[1], stride[1])
  for (let plane = 0; plane < n * c; plane += 1)
    for (let y = 0; y < oh; y += 1)
      for (let column = 0; column < ow; column += 1) {
        const seen: number[] = []
        for (let ky = 0; ky < kernel[0]; ky += 1)
          for (let kx = 0; kx < kernel[1]; kx += 1) {
            const row = y * stride[0] - top + ky
            const at = column * stride[1] - left + kx
            if (row >= 0 && row < h && at >= 0 && at < w) seen.push((plane * h + row) * w + at)
          }
        window((plane * oh + y) * ow + column, seen)
      }
}

export const maxPool2d = (x: Array64, attrs: PoolAttrs, shape: Shape): Array64 => {
  const out = array(shape)
  eachWindow(attrs, x.shape, (o, seen) => (out.data[o] = Math.max(...seen.map((i) => x.data[i]!))))
  return out
}
export const maxPool2dGrad = (x: Array64, g: Array64, attrs: PoolAttrs): Array64 => {
  const out = array(x.shape)
  eachWindow(attrs, x.shape, (o, seen) => {
    const first = seen.reduce((best, i) => (x.data[i]! > x.data[best]! ? i : best), seen[0]!)
    out.data[first]! += g.data[o]!
  })
  return out
}
export const avgPool2d = (x: Array64, attrs: PoolAttrs, shape: Shape): Array64 => {
  const out = array(shape)
  const count = attrs.kernel[0] * attrs.kernel[1]
  eachWindow(attrs, x.shape, (o, seen) => (out.data[o] = seen.reduce((sum, i) => sum + x.data[i]!, 0) / count))
  return out
}
export const avgPool2dGrad = (g: Array64, attrs: PoolAttrs, shape: Shape): Array64 => {
  const out = array(shape)
  const count = attrs.kernel[0] * attrs.kernel[1]
  eachWindow(attrs, shape, (o, seen) => {
    for (const i of seen) out.data[i]! += g.data[o]! / count
  })
  return out
}
