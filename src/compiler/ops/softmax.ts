/** Softmax over the last axis. */
import type { Builder, Value } from "../ir/builder.ts"
import { type Array64, array } from "../ir/evaluate/array.ts"
import { type Shape, sizeOf } from "../ir/graph.ts"
import { belongs, check, lastOf } from "../ir/shapes.ts"
import { type Composite, none } from "./op.ts"

/** Of each number: from the largest, exponential, sum, quotient. */
export const softmaxEach = 5

/** The last axis of x, kept as an axis of 1. */
export const overLast = (b: Builder, x: Value) => ({ axes: [b.shapeOf(x).length - 1], keepDims: true })
const takesAxis = (x: Shape): void => check(x.length > 0, () => "softmax takes at least one axis")

/** Over the last axis, in float64. */
export const softmaxOf = (x: Array64): Array64 => {
  const out = array(x.shape)
  const n = lastOf(x.shape)
  for (let at = 0; at < x.data.length; at += n) {
    const row = x.data.subarray(at, at + n)
    const top = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
    let sum = 0
    for (let i = 0; i < n; i += 1) sum += out.data[at + i] = Math.exp(row[i]! - top)
    for (let i = 0; i < n; i += 1) out.data[at + i]! /= sum
  }
  return out
}
/** y · (g − Σ g·y), in float64. */
export const softmaxSlope = (y: Array64, g: Array64): Array64 => {
  const out = array(y.shape)
  const n = lastOf(y.shape)
  for (let at = 0; at < y.data.length; at += n) {
    let dot = 0
    for (let i = at; i < at + n; i += 1) dot += y.data[i]! * g.data[i]!
    for (let i = at; i < at + n; i += 1) out.data[i] = y.data[i]! * (g.data[i]! - dot)
  }
  return out
}

export const softmax: Composite<1> = {
  operands: 1,
  shape: ([x]) => {
    takesAxis(x)
    return x
  },
  meaning: ([x]) => softmaxOf(x),
  flops: softmaxEach,
  gradient: ({ b, y, g }) => [b.softmaxGrad(y, g)],
  decompose: (b, [x]) => {
    const e = b.exp(b.sub(x, b.reduceMax(x, overLast(b, x))))
    return b.div(e, b.reduceSum(e, overLast(b, e)))
  },
  examples: [{ attrs: none, inputs: [[3, 8]] }],
  edges: [
    { attrs: none, inputs: [[3, 1]] },
    { attrs: none, inputs: [[1]] },
    { attrs: none, inputs: [[1, 1, 8]] },
  ],
}
/** y, gradient of y. */
export const softmaxGrad: Composite<2> = {
  operands: 2,
  shape: ([y, g]) => {
    takesAxis(y)
    belongs(g, y)
    return y
  },
  meaning: ([y, g]) => softmaxSlope(y, g),
  flops: 4,
  gradient: "first order only",
  decompose: (b, [y, g]) => b.mul(y, b.sub(g, b.reduceSum(b.mul(y, g), overLast(b, y)))),
  examples: [
    {
      attrs: none,
      inputs: [
        [3, 8],
        [3, 8],
      ],
    },
  ],
  edges: [
    {
      attrs: none,
      inputs: [
        [3, 1],
        [3, 1],
      ],
    },
    {
      attrs: none,
      inputs: [
        [1, 1, 8],
        [1, 1, 8],
      ],
    },
  ],
}
/** x − max − log Σ e^(x − max) */
export const logSoftmax: Composite<1> = {
  operands: 1,
  shape: ([x]) => {
    takesAxis(x)
    return x
  },
  meaning: ([x]) => {
    const out = array(x.shape)
    const n = lastOf(x.shape)
    for (let at = 0; at < x.data.length; at += n) {
      const row = x.data.subarray(at, at + n)
      const top = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
      const sum = row.reduce((all, y) => all + Math.exp(y - top), 0)
      row.forEach((y, i) => {
        out.data[at + i] = y - top - Math.log(sum)
      })
    }
    return out
  },
  flops: ([x]) => 5 * sizeOf(x) + sizeOf(x.slice(0, -1)),
  gradient: ({ b, y, g }) => [b.sub(g, b.mul(b.exp(y), b.reduceSum(g, overLast(b, g))))],
  decompose: (b, [x]) => {
    const below = b.sub(x, b.reduceMax(x, overLast(b, x)))
    return b.sub(below, b.log(b.reduceSum(b.exp(below), overLast(b, x))))
  },
  examples: softmax.examples,
  edges: softmax.edges,
}

export const softmaxes = { softmax, softmaxGrad, logSoftmax }
