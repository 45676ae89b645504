/** Pooling of images [n, c, h, w]. */
import { array } from "../ir/evaluate/array.ts"
import { type Shape, sizeOf } from "../ir/graph.ts"
import { check, type Image, isCount, isExtent, planeOf, sameShape, show, windowed } from "../ir/shapes.ts"
import type { Example, Op } from "./op.ts"

/** [height, width] each; padding as [top, left, bottom, right]. */
export interface PoolAttrs {
  readonly kernel: readonly [number, number]
  readonly stride: readonly [number, number]
  readonly padding: readonly [number, number, number, number]
}

const pooled = ({ kernel, stride, padding }: PoolAttrs, x: Shape): Shape => {
  const [n, c, h, w] = x as Image
  const [top, left, bottom, right] = padding
  check(
    [...kernel, ...stride].every(isExtent) && padding.every((p, i) => isCount(p) && p < kernel[i % 2]!),
    () => `no pooling has kernel ${show(kernel)}, stride ${show(stride)}, padding ${show(padding)}`,
  )
  const shape = [n, c, windowed(h, top, bottom, kernel[0], stride[0]), windowed(w, left, right, kernel[1], stride[1])]
  check(
    x.length === 4 && shape.every((extent) => extent > 0),
    () => `pooling by ${kernel.join(" × ")} does not fit ${show(x)}`,
  )
  return shape
}

/** Calls `window` with each output pixel and the input pixels that it sees. */
const eachWindow = (
  { kernel, stride, padding }: PoolAttrs,
  x: Shape,
  window: (out: number, seen: readonly number[]) => void,
): void => {
  const [n, c, h, w] = x as Image
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

const halves: PoolAttrs = { kernel: [2, 2], stride: [2, 2], padding: [0, 0, 0, 0] }
const overlapping: PoolAttrs = { kernel: [3, 3], stride: [2, 2], padding: [1, 1, 1, 1] }
interface Geometry {
  readonly x: Shape
  readonly y: Shape
  readonly attrs: PoolAttrs
}
const usual: readonly Geometry[] = [{ x: [1, 2, 4, 4], y: [1, 2, 2, 2], attrs: halves }]
const small: readonly Geometry[] = [
  { x: [1, 1, 2, 2], y: [1, 1, 1, 1], attrs: halves },
  { x: [2, 3, 2, 4], y: [2, 3, 1, 2], attrs: halves },
  { x: [2, 3, 1, 1], y: [2, 3, 1, 1], attrs: overlapping },
  { x: [2, 1, 3, 1], y: [2, 1, 3, 1], attrs: { ...halves, kernel: [1, 1], stride: [1, 1] } },
]
const ofX = (of: readonly Geometry[]): readonly Example<1, PoolAttrs>[] =>
  of.map(({ x, attrs }) => ({ attrs, inputs: [x] }))

export const maxPool2d: Op<1, PoolAttrs> = {
  operands: 1,
  shape: ([x], attrs) => pooled(attrs, x),
  meaning: ([x], attrs, shape) => {
    const out = array(shape)
    eachWindow(attrs, x.shape, (o, seen) => (out.data[o] = Math.max(...seen.map((i) => x.data[i]!))))
    return out
  },
  flops: (_, { kernel }, shape) => sizeOf(shape) * sizeOf(kernel),
  gradient: ({ b, x: [x], attrs, g }) => [b.maxPool2dGrad(x, g, attrs)],
  domain: "distinct",
  examples: ofX(usual),
  edges: ofX(small),
}
/** x and gradient; the first maximum in row-major order takes it. */
export const maxPool2dGrad: Op<2, PoolAttrs> = {
  operands: 2,
  shape: ([x, g], attrs) => {
    check(sameShape(pooled(attrs, x), g), () => `a gradient ${show(g)} does not belong to ${show(x)}`)
    return x
  },
  meaning: ([x, g], attrs) => {
    const out = array(x.shape)
    eachWindow(attrs, x.shape, (o, seen) => {
      const first = seen.reduce((best, i) => (x.data[i]! > x.data[best]! ? i : best), seen[0]!)
      out.data[first]! += g.data[o]!
    })
    return out
  },
  flops: ([, g], { kernel }) => sizeOf(g) * (sizeOf(kernel) + 1),
  gradient: "first order only",
  domain: "distinct",
  examples: usual.map(({ x, y, attrs }) => ({ attrs, inputs: [x, y] })),
  edges: small.map(({ x, y, attrs }) => ({ attrs, inputs: [x, y] })),
}
/** Zeros of the padding count, as PyTorch's count_include_pad. */
export const avgPool2d: Op<1, PoolAttrs> = {
  operands: 1,
  shape: ([x], attrs) => pooled(attrs, x),
  meaning: ([x], attrs, shape) => {
    const out = array(shape)
    const count = sizeOf(attrs.kernel)
    eachWindow(attrs, x.shape, (o, seen) => (out.data[o] = seen.reduce((sum, i) => sum + x.data[i]!, 0) / count))
    return out
  },
  flops: (_, { kernel }, shape) => sizeOf(shape) * (sizeOf(kernel) + 1),
  gradient: ({ b, x: [x], attrs, g }) => [b.avgPool2dGrad(g, { ...attrs, inputSize: planeOf(b.shapeOf(x)) })],
  examples: ofX(usual),
  edges: ofX(small),
}
/** Gradient only; inputSize is that of x. */
export const avgPool2dGrad: Op<1, PoolAttrs & { readonly inputSize: readonly [number, number] }> = {
  operands: 1,
  shape: ([g], attrs) => {
    const [n = 0, c = 0] = g
    const x = [n, c, ...attrs.inputSize]
    check(sameShape(pooled(attrs, x), g), () => `a gradient ${show(g)} does not belong to ${show(x)}`)
    return x
  },
  meaning: ([g], attrs, shape) => {
    const out = array(shape)
    const count = sizeOf(attrs.kernel)
    eachWindow(attrs, shape, (o, seen) => {
      for (const i of seen) out.data[i]! += g.data[o]! / count
    })
    return out
  },
  flops: ([g], { kernel }) => sizeOf(g) * (sizeOf(kernel) + 1),
  gradient: "first order only",
  examples: usual.map(({ x, y, attrs }) => ({ attrs: { ...attrs, inputSize: planeOf(x) }, inputs: [y] })),
  edges: small.map(({ x, y, attrs }) => ({ attrs: { ...attrs, inputSize: planeOf(x) }, inputs: [y] })),
}

export const pooling = { maxPool2d, maxPool2dGrad, avgPool2d, avgPool2dGrad }
