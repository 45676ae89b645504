/** Sums, means and maxima over axes. */
import type { Builder, Value } from "../ir/builder.ts"
import { type Array64, array, broadcastStrides, eachOffset, map } from "../ir/evaluate/array.ts"
import { type Shape, sizeOf } from "../ir/graph.ts"
import { check, distinct, isAxis, show } from "../ir/shapes.ts"
import type { Composite, Op } from "./op.ts"

export interface ReduceAttrs {
  readonly axes: readonly number[]
  readonly keepDims: boolean
}

const keptShape = (x: Shape, { axes }: ReduceAttrs): Shape => x.map((extent, i) => (axes.includes(i) ? 1 : extent))
const countOf = (x: Shape, { axes }: ReduceAttrs): number => sizeOf(x.filter((_, i) => axes.includes(i)))
/** A reduced value with its axes of 1. */
const kept = (b: Builder, x: Value, reduced: Value, attrs: ReduceAttrs): Value =>
  b.reshape(reduced, keptShape(b.shapeOf(x), attrs))

const reduced = (
  x: Array64,
  attrs: ReduceAttrs,
  shape: Shape,
  start: number,
  f: (sum: number, x: number) => number,
): Array64 => {
  const out = array(keptShape(x.shape, attrs))
  out.data.fill(start)
  eachOffset(
    x.shape,
    broadcastStrides(out.shape, x.shape),
    (i, offset) => (out.data[offset] = f(out.data[offset]!, x.data[i]!)),
  )
  return array(shape, out.data)
}
const total = (x: Array64, attrs: ReduceAttrs, shape: Shape) => reduced(x, attrs, shape, 0, (sum, y) => sum + y)

const over = (axes: readonly number[], keepDims = false) => ({ axes, keepDims })
/** What all reductions have in common. */
const overAxes = {
  operands: 1,
  fold: (_: Builder, [x]: readonly [Value], { axes }: ReduceAttrs) => (axes.length === 0 ? x : undefined),
  shape: ([x]: readonly [Shape], attrs: ReduceAttrs): Shape => {
    const { axes, keepDims } = attrs
    check(
      axes.every((axis) => isAxis(axis, x)) && distinct(axes),
      () => `axes ${axes.join(", ")} are not different axes of ${show(x)}`,
    )
    return keepDims ? keptShape(x, attrs) : x.filter((_, i) => !axes.includes(i))
  },
  examples: [{ attrs: over([0, 2]), inputs: [[2, 3, 4]] }],
  edges: [
    { attrs: over([0]), inputs: [[1]] },
    { attrs: over([1]), inputs: [[3, 1]] },
    { attrs: over([0], true), inputs: [[3, 1, 1]] },
    { attrs: over([0, 1, 2]), inputs: [[1, 5, 1]] },
    { attrs: over([1, 2], true), inputs: [[1, 1, 1]] },
  ],
} as const satisfies Partial<Op<1, ReduceAttrs>>

export const reduceSum: Op<1, ReduceAttrs> = {
  ...overAxes,
  meaning: ([x], attrs, shape) => total(x, attrs, shape),
  flops: ([x]) => sizeOf(x),
  gradient: ({ b, x: [x], attrs, g }) => [b.broadcast(kept(b, x, g, attrs), b.shapeOf(x))],
}
export const reduceMean: Op<1, ReduceAttrs> = {
  ...overAxes,
  meaning: ([x], attrs, shape) => {
    const count = countOf(x.shape, attrs)
    return map(total(x, attrs, shape), (sum) => sum / count)
  },
  flops: ([x], _, shape) => sizeOf(x) + sizeOf(shape),
  gradient: ({ b, x: [x], attrs, g }) => {
    const shape = b.shapeOf(x)
    return [b.broadcast(kept(b, x, b.scale(g, 1 / countOf(shape, attrs)), attrs), shape)]
  },
}
/** The gradient of an extreme value, shared equally among those that are equal to it; `outside` is 1 where x is not. */
const shared = (b: Builder, x: Value, outside: Value, attrs: ReduceAttrs, g: Value): Value => {
  const top = b.shift(b.neg(outside), 1)
  const count = b.reduceSum(top, { axes: attrs.axes, keepDims: true })
  return b.mul(top, b.div(kept(b, x, g, attrs), count))
}
export const reduceMax: Op<1, ReduceAttrs> = {
  ...overAxes,
  meaning: ([x], attrs, shape) => reduced(x, attrs, shape, Number.NEGATIVE_INFINITY, Math.max),
  flops: ([x]) => sizeOf(x),
  gradient: ({ b, x: [x], attrs, y, g }) => [shared(b, x, b.step(b.sub(kept(b, x, y, attrs), x)), attrs, g)],
  domain: "distinct",
}
export const reduceMin: Composite<1, ReduceAttrs> = {
  ...overAxes,
  meaning: ([x], attrs, shape) => reduced(x, attrs, shape, Number.POSITIVE_INFINITY, Math.min),
  flops: ([x], _, shape) => 2 * sizeOf(x) + sizeOf(shape),
  gradient: ({ b, x: [x], attrs, y, g }) => [shared(b, x, b.step(b.sub(x, kept(b, x, y, attrs))), attrs, g)],
  decompose: (b, [x], attrs) => b.neg(b.reduceMax(b.neg(x), attrs)),
  domain: "distinct",
}
/** Where the largest is on an axis, the first of equals; the axis goes. */
export const argmax: Composite<1, { readonly axis: number }, readonly [axis: number]> = {
  operands: 1,
  attributes: (axis) => ({ axis }),
  shape: ([x], { axis }) => {
    check(isAxis(axis, x), () => `${axis} is not an axis of ${show(x)}`)
    return x.filter((_, i) => i !== axis)
  },
  meaning: ([x], { axis }, shape) => {
    const out = array(shape)
    const [n = 1, ...rest] = x.shape.slice(axis)
    const inner = sizeOf(rest)
    out.data.forEach((_, i) => {
      const start = Math.floor(i / inner) * n * inner + (i % inner)
      for (let at = 1; at < n; at += 1)
        if (x.data[start + at * inner]! > x.data[start + out.data[i]! * inner]!) out.data[i] = at
    })
    return out
  },
  flops: ([x], _, shape) => 6 * sizeOf(x) + 2 * sizeOf(shape),
  gradient: "constant",
  /** n − max (n − i) over all that are equal to the maximum. */
  decompose: (b, [x], { axis }) => {
    const shape = b.shapeOf(x)
    const [n = 1] = shape.slice(axis)
    const top = b.reduceMax(x, { axes: [axis], keepDims: true })
    const isTop = b.shift(b.neg(b.step(b.sub(top, x))), 1)
    const along = shape.map((extent, i) => (i === axis ? extent : 1))
    const fromEnd = b.constant(
      Array.from({ length: n }, (_, i) => n - i),
      along,
    )
    return b.shift(b.neg(b.reduceMax(b.mul(isTop, fromEnd), { axes: [axis], keepDims: false })), n)
  },
  domain: "distinct",
  examples: [{ attrs: { axis: 1 }, inputs: [[2, 5, 3]] }],
  edges: [
    { attrs: { axis: 0 }, inputs: [[1]] },
    { attrs: { axis: 0 }, inputs: [[5]] },
    { attrs: { axis: 2 }, inputs: [[1, 3, 1]] },
    { attrs: { axis: 3 }, inputs: [[2, 1, 1, 4]] },
  ],
}

export const reductions = { reduceSum, reduceMean, reduceMax, reduceMin, argmax }
