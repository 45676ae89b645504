/** 2-D convolutions and their gradients, of images [n, c, h, w]. */
import { type Array64, array } from "../ir/evaluate/array.ts"
import { type Shape, sizeOf } from "../ir/graph.ts"
import {
  check,
  type Image,
  imageOf,
  isCount,
  isExtent,
  isShape,
  planeOf,
  sameShape,
  show,
  windowed,
} from "../ir/shapes.ts"
import type { Op } from "./op.ts"

/** [height, width] each; padding as [top, left, bottom, right]. */
export interface Conv2dAttrs {
  readonly stride: readonly [number, number]
  readonly padding: readonly [number, number, number, number]
  readonly dilation: readonly [number, number]
  readonly groups: number
}

const outputShape = ({ stride, padding, dilation, groups }: Conv2dAttrs, x: Shape, w: Shape): Shape => {
  const takes = () => `a convolution takes [n, c, h, w] and [o, c/groups, kh, kw], not ${show(x)} and ${show(w)}`
  const [n, c, h, width] = imageOf(x, takes)
  const [o, perGroup, kh, kw] = imageOf(w, takes)
  check(
    [...stride, ...dilation, groups].every(isExtent) && padding.every(isCount),
    () =>
      `no convolution has stride ${show(stride)}, padding ${show(padding)}, dilation ${show(dilation)}, ${groups} groups`,
  )
  check(isShape(w), () => `${show(w)} is not the shape of a weight`)
  check(c === perGroup * groups, () => `${c} channels do not fit a weight ${show(w)} in ${groups} groups`)
  check(o % groups === 0, () => `${o} channels do not split into ${groups} groups`)
  const [top, left, bottom, right] = padding
  const shape = [
    n,
    o,
    windowed(h, top, bottom, kh, stride[0], dilation[0]),
    windowed(width, left, right, kw, stride[1], dilation[1]),
  ]
  check(
    shape.every((extent) => extent > 0),
    () => `an image of ${h} × ${width} is too small for a ${kh} × ${kw} kernel`,
  )
  return shape
}

/** Every element of the gradient or output meets every weight of its group's channels. */
const meetings = (output: Shape, weight: Shape): number => 2 * sizeOf(output) * sizeOf(weight.slice(1))

/** `n` pixels of a row of the input, `step` apart, that meet one weight in as many neighbours of the output: where the first of each stands. */
type Run = (x: number, step: number, w: number, out: number, n: number) => void

/** Calls `run` for all pairs of an input pixel and a weight that meet in an output pixel, those of a row at once. */
const eachRun = ({ stride, padding, dilation, groups }: Conv2dAttrs, x: Shape, w: Shape, run: Run): void => {
  const [n, c, h, width] = x as Image
  const [o, perGroup, kh, kw] = w as Image
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
            const shift = kx * dilation[1] - left
            // Columns whose pixel lies in the input.
            const first = Math.max(0, Math.ceil(-shift / stride[1]))
            const columns = Math.min(ow - 1, Math.floor((width - 1 - shift) / stride[1])) - first + 1
            if (columns <= 0) continue
            for (let y = 0; y < oh; y += 1) {
              const row = y * stride[0] - top + ky * dilation[0]
              if (row < 0 || row >= h) continue
              const from = xPlane + row * width + first * stride[1] + shift
              run(from, stride[1], weight, ((image * o + out) * oh + y) * ow + first, columns)
            }
          }
      }
    }
}
const summed = (shape: Shape, visit: (out: Float64Array) => void): Array64 => {
  const out = array(shape)
  visit(out.data)
  return out
}

interface Geometry {
  readonly when?: string
  readonly x: Image
  readonly w: Image
  readonly y: Image
  readonly attrs: Conv2dAttrs
}
const plain: Conv2dAttrs = { stride: [1, 1], padding: [1, 1, 1, 1], dilation: [1, 1], groups: 1 }
const bare: Conv2dAttrs = { ...plain, padding: [0, 0, 0, 0] }
const usual: readonly Geometry[] = [
  { x: [1, 4, 5, 5], w: [6, 4, 3, 3], y: [1, 6, 5, 5], attrs: plain },
  {
    when: "dilation",
    x: [1, 4, 5, 5],
    w: [6, 4, 3, 3],
    y: [1, 6, 5, 5],
    attrs: { ...plain, padding: [2, 2, 2, 2], dilation: [2, 2] },
  },
  { when: "groups", x: [1, 4, 5, 5], w: [6, 2, 3, 3], y: [1, 6, 5, 5], attrs: { ...plain, groups: 2 } },
]
/** Among them a 1-D convolution, as one of height 1, and a channel's weight (ECA). */
const small: readonly Geometry[] = [
  { x: [2, 3, 4, 5], w: [1, 3, 1, 1], y: [2, 1, 4, 5], attrs: bare },
  { x: [2, 1, 4, 5], w: [3, 1, 1, 1], y: [2, 3, 4, 5], attrs: bare },
  { x: [1, 1, 1, 1], w: [1, 1, 1, 1], y: [1, 1, 1, 1], attrs: bare },
  { x: [2, 3, 1, 1], w: [4, 3, 1, 1], y: [2, 4, 1, 1], attrs: bare },
  { x: [2, 3, 1, 7], w: [4, 3, 1, 3], y: [2, 4, 1, 7], attrs: { ...bare, padding: [0, 1, 0, 1] } },
  { x: [2, 1, 1, 7], w: [1, 1, 1, 3], y: [2, 1, 1, 7], attrs: { ...bare, padding: [0, 1, 0, 1] } },
  { x: [2, 3, 3, 3], w: [3, 1, 3, 3], y: [2, 3, 1, 1], attrs: { ...bare, groups: 3 } },
  { x: [1, 1, 5, 5], w: [1, 1, 3, 3], y: [1, 1, 3, 3], attrs: { ...plain, stride: [2, 2] } },
]

/** x [n, c, h, w], weight [o, c/groups, kh, kw]. */
export const conv2d: Op<2, Conv2dAttrs> = {
  operands: 2,
  shape: ([x, w], attrs) => outputShape(attrs, x, w),
  meaning: ([x, w], attrs, shape) =>
    summed(shape, (out) =>
      eachRun(attrs, x.shape, w.shape, (i, step, k, o, n) => {
        for (let j = 0; j < n; j += 1) out[o + j]! += x.data[i + j * step]! * w.data[k]!
      }),
    ),
  flops: ([, w], _, shape) => meetings(shape, w),
  gradient: ({ b, x: [x, w], attrs, g, needs }) => [
    needs(0) ? b.conv2dInputGrad(g, w, { ...attrs, inputSize: planeOf(b.shapeOf(x)) }) : undefined,
    needs(1) ? b.conv2dWeightGrad(x, g, { ...attrs, kernel: planeOf(b.shapeOf(w)) }) : undefined,
  ],
  examples: usual.map(({ when = "", x, w, attrs }) => ({ when, attrs, inputs: [x, w] })),
  edges: small.map(({ x, w, attrs }) => ({ attrs, inputs: [x, w] })),
}

/** Gradient [n, o, h', w'] and weight → [n, c, ...inputSize]; also the transposed convolution, whose gradient is the convolution. */
export const conv2dInputGrad: Op<2, Conv2dAttrs & { readonly inputSize: readonly [number, number] }> = {
  operands: 2,
  shape: ([g, w], attrs) => {
    const [n = 0] = g
    const [, perGroup = 0] = w
    const x = [n, perGroup * attrs.groups, ...attrs.inputSize]
    const expected = outputShape(attrs, x, w)
    check(
      sameShape(expected, g),
      () => `a gradient ${show(g)} does not belong to an input ${show(x)}, which gives ${show(expected)}`,
    )
    return x
  },
  meaning: ([g, w], attrs, shape) =>
    summed(shape, (out) =>
      eachRun(attrs, shape, w.shape, (i, step, k, o, n) => {
        for (let j = 0; j < n; j += 1) out[i + j * step]! += g.data[o + j]! * w.data[k]!
      }),
    ),
  flops: ([g, w]) => meetings(g, w),
  gradient: ({ b, x: [x, w], attrs: { inputSize: _, ...attrs }, g, needs }) => [
    needs(0) ? b.conv2d(g, w, attrs) : undefined,
    needs(1) ? b.conv2dWeightGrad(g, x, { ...attrs, kernel: planeOf(b.shapeOf(w)) }) : undefined,
  ],
  examples: usual.map(({ when = "", x, w, y, attrs }) => ({
    when,
    attrs: { ...attrs, inputSize: planeOf(x) },
    inputs: [y, w],
  })),
  edges: small.map(({ x, w, y, attrs }) => ({ attrs: { ...attrs, inputSize: planeOf(x) }, inputs: [y, w] })),
}

/** x and gradient → [o, c/groups, ...kernel]. */
export const conv2dWeightGrad: Op<2, Conv2dAttrs & { readonly kernel: readonly [number, number] }> = {
  operands: 2,
  shape: ([x, g], attrs) => {
    const [[, c = 0], [, o = 0]] = [x, g]
    const w = [o, c / attrs.groups, ...attrs.kernel]
    const expected = outputShape(attrs, x, w)
    check(sameShape(expected, g), () => `a gradient ${show(g)} does not belong to a weight ${show(w)} on ${show(x)}`)
    return w
  },
  meaning: ([x, g], attrs, shape) =>
    summed(shape, (out) =>
      eachRun(attrs, x.shape, shape, (i, step, k, o, n) => {
        for (let j = 0; j < n; j += 1) out[k]! += x.data[i + j * step]! * g.data[o + j]!
      }),
    ),
  flops: ([, g], _, shape) => meetings(g, shape),
  gradient: "first order only",
  examples: usual.map(({ when = "", x, w, y, attrs }) => ({
    when,
    attrs: { ...attrs, kernel: planeOf(w) },
    inputs: [x, y],
  })),
  edges: small.map(({ x, w, y, attrs }) => ({ attrs: { ...attrs, kernel: planeOf(w) }, inputs: [x, y] })),
}

export const convolutions = { conv2d, conv2dInputGrad, conv2dWeightGrad }
