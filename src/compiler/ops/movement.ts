/** Ops that only move numbers: none has FLOPs. */
import { type Array64, array, broadcastStrides, eachOffset, gathered, stridesOf } from "../ir/evaluate/array.ts"
import { type Shape, sizeOf } from "../ir/graph.ts"
import {
  broadcast as broadcastShapes,
  check,
  distinct,
  isAxis,
  isCount,
  isExtent,
  isShape,
  sameShape,
  show,
} from "../ir/shapes.ts"
import type { Op } from "./op.ts"

const zeros = (xs: readonly number[]): boolean => xs.every((x) => x === 0)

/** A view. */
export const reshape: Op<1, { readonly shape: Shape }, readonly [shape: Shape]> = {
  operands: 1,
  attributes: (shape) => ({ shape }),
  /** What is reshaped twice is reshaped once. */
  fold: (b, [x], { shape }) => {
    if (sameShape(b.shapeOf(x), shape)) return x
    const { op, inputs } = b.node(x)
    const [source = x] = op === "reshape" ? inputs : []
    if (source === x) return undefined
    return sameShape(b.shapeOf(source), shape) ? source : b.emit("reshape", [source], { shape })
  },
  shape: ([x], { shape }) => {
    check(isShape(shape), () => `${show(shape)} is not a shape`)
    check(
      sizeOf(shape) === sizeOf(x),
      () => `${show(x)} has ${sizeOf(x)} elements, ${show(shape)} has ${sizeOf(shape)}`,
    )
    return shape
  },
  meaning: ([x], _, shape) => array(shape, x.data),
  bytes: "none",
  gradient: ({ b, x: [x], g }) => [b.reshape(g, b.shapeOf(x))],
  examples: [{ attrs: { shape: [4, 3] }, inputs: [[3, 4]] }],
  edges: [
    { attrs: { shape: [1, 3, 1] }, inputs: [[3]] },
    { attrs: { shape: [] }, inputs: [[1, 1]] },
  ],
}

/** x in float64 with its axes in another order. */
export const transposed = (x: Array64, perm: readonly number[]): Array64 => {
  const strides = stridesOf(x.shape)
  return gathered(
    x,
    perm.map((axis) => x.shape[axis]!),
    perm.map((axis) => strides[axis]!),
  )
}
export const transpose: Op<1, { readonly perm: readonly number[] }, readonly [perm: readonly number[]]> = {
  operands: 1,
  attributes: (perm) => ({ perm }),
  fold: (_, [x], { perm }) => (perm.every((axis, i) => axis === i) ? x : undefined),
  shape: ([x], { perm }) => {
    check(
      perm.length === x.length && perm.every((axis) => isAxis(axis, x)) && distinct(perm),
      () => `${show(perm)} is not an order of the axes of ${show(x)}`,
    )
    return perm.map((axis) => x[axis]!)
  },
  meaning: ([x], { perm }) => transposed(x, perm),
  gradient: ({ b, attrs: { perm }, g }) => [
    b.transpose(
      g,
      perm.map((_, i) => perm.indexOf(i)),
    ),
  ],
  examples: [{ attrs: { perm: [2, 0, 1] }, inputs: [[2, 3, 4]] }],
  edges: [
    { attrs: { perm: [1, 0] }, inputs: [[1, 4]] },
    { attrs: { perm: [2, 1, 0] }, inputs: [[1, 3, 4]] },
    { attrs: { perm: [1, 3, 0, 2] }, inputs: [[3, 1, 4, 1]] },
  ],
}

export const broadcast: Op<1, { readonly shape: Shape }, readonly [shape: Shape]> = {
  operands: 1,
  attributes: (shape) => ({ shape }),
  fold: (b, [x], { shape }) => (sameShape(b.shapeOf(x), shape) ? x : undefined),
  shape: ([x], { shape }) => {
    check(isShape(shape), () => `${show(shape)} is not a shape`)
    check(sameShape(broadcastShapes(x, shape), shape), () => `${show(x)} does not broadcast to ${show(shape)}`)
    return shape
  },
  meaning: ([x], { shape }) => gathered(x, shape, broadcastStrides(x.shape, shape)),
  gradient: ({ b, x: [x], attrs: { shape: to }, g }) => {
    const shape = b.shapeOf(x)
    const lead = to.length - shape.length
    const axes = to.flatMap((extent, i) => (i < lead || (shape[i - lead] === 1 && extent !== 1) ? [i] : []))
    return [b.reshape(b.reduceSum(g, { axes, keepDims: true }), shape)]
  },
  examples: [{ attrs: { shape: [2, 3, 4] }, inputs: [[3, 1]] }],
  edges: [
    { attrs: { shape: [1, 3] }, inputs: [[3]] },
    { attrs: { shape: [2, 1, 3] }, inputs: [[]] },
    { attrs: { shape: [1, 4, 1] }, inputs: [[1, 1]] },
  ],
}

/** From `starts` up to, not including, `ends`, on every axis. */
export const slice: Op<
  1,
  { readonly starts: readonly number[]; readonly ends: readonly number[] },
  readonly [starts: readonly number[], ends: readonly number[]]
> = {
  operands: 1,
  attributes: (starts, ends) => ({ starts, ends }),
  fold: (b, [x], { starts, ends }) => (zeros(starts) && sameShape(b.shapeOf(x), ends) ? x : undefined),
  shape: ([x], { starts, ends }) => {
    const fits =
      starts.length === x.length &&
      ends.length === x.length &&
      x.every((extent, i) => isCount(starts[i]!) && starts[i]! < ends[i]! && isExtent(ends[i]!) && ends[i]! <= extent)
    check(fits, () => `${show(x)} has no part from ${show(starts)} to ${show(ends)}`)
    return x.map((_, i) => ends[i]! - starts[i]!)
  },
  meaning: ([x], { starts }, shape) => {
    const strides = stridesOf(x.shape)
    return gathered(
      x,
      shape,
      strides,
      starts.reduce((sum, start, axis) => sum + start * strides[axis]!, 0),
    )
  },
  bytes: "chosen",
  gradient: ({ b, x: [x], attrs: { starts, ends }, g }) => [
    b.pad(
      g,
      starts,
      b.shapeOf(x).map((extent, i) => extent - ends[i]!),
    ),
  ],
  examples: [{ attrs: { starts: [0, 1], ends: [2, 3] }, inputs: [[2, 4]] }],
  edges: [
    { attrs: { starts: [1, 0], ends: [2, 4] }, inputs: [[3, 4]] },
    { attrs: { starts: [0, 2, 0], ends: [1, 3, 1] }, inputs: [[1, 4, 1]] },
  ],
}

/** Zeros before and after, on every axis. */
export const pad: Op<
  1,
  { readonly before: readonly number[]; readonly after: readonly number[] },
  readonly [before: readonly number[], after: readonly number[]]
> = {
  operands: 1,
  attributes: (before, after) => ({ before, after }),
  fold: (_, [x], { before, after }) => (zeros(before) && zeros(after) ? x : undefined),
  shape: ([x], { before, after }) => {
    check(
      before.length === x.length && after.length === x.length && [...before, ...after].every(isCount),
      () => `padding ${show(before)}, ${show(after)} does not fit ${show(x)}`,
    )
    return x.map((extent, i) => extent + before[i]! + after[i]!)
  },
  meaning: ([x], { before }, shape) => {
    const out = array(shape)
    const strides = stridesOf(shape)
    const start = before.reduce((sum, n, axis) => sum + n * strides[axis]!, 0)
    eachOffset(x.shape, strides, (i, offset) => (out.data[offset] = x.data[i]!), start)
    return out
  },
  gradient: ({ b, x: [x], attrs: { before }, g }) => [
    b.slice(
      g,
      before,
      b.shapeOf(x).map((extent, i) => before[i]! + extent),
    ),
  ],
  examples: [{ attrs: { before: [0, 1], after: [0, 1] }, inputs: [[2, 4]] }],
  edges: [
    { attrs: { before: [1, 0], after: [0, 2] }, inputs: [[1, 1]] },
    { attrs: { before: [0, 1, 0], after: [1, 0, 0] }, inputs: [[1, 3, 1]] },
  ],
}

/** Any number of tensors, one after another on an axis. */
export const concat: Op<readonly [1, number], { readonly axis: number }, readonly [axis: number]> = {
  operands: [1, Number.POSITIVE_INFINITY],
  attributes: (axis) => ({ axis }),
  fold: (_, xs) => (xs.length === 1 ? xs[0] : undefined),
  shape: (xs, { axis }) => {
    const [first = []] = xs
    const fits = xs.every((x) => x.length === first.length && x.every((extent, i) => i === axis || extent === first[i]))
    check(fits && isAxis(axis, first), () => `${xs.map(show).join(", ")} do not join on axis ${axis}`)
    return first.map((extent, i) => (i === axis ? xs.reduce((n, x) => n + x[axis]!, 0) : extent))
  },
  meaning: (xs, { axis }, shape) => {
    const out = array(shape)
    const inner = sizeOf(shape.slice(axis + 1))
    const outer = sizeOf(shape.slice(0, axis))
    let at = 0
    for (const x of xs) {
      const run = x.shape[axis]! * inner
      for (let i = 0; i < outer; i += 1)
        out.data.set(x.data.subarray(i * run, (i + 1) * run), i * shape[axis]! * inner + at)
      at += run
    }
    return out
  },
  gradient: ({ b, x: xs, attrs: { axis }, y, g, needs }) => {
    const shape = b.shapeOf(y)
    const ends = xs.reduce<readonly number[]>((at, x) => [...at, at.at(-1)! + b.shapeOf(x)[axis]!], [0])
    return xs.map((_, i) =>
      needs(i)
        ? b.slice(
            g,
            shape.map((__, a) => (a === axis ? ends[i]! : 0)),
            shape.map((extent, a) => (a === axis ? ends[i + 1]! : extent)),
          )
        : undefined,
    )
  },
  examples: [
    {
      attrs: { axis: 1 },
      inputs: [
        [2, 3],
        [2, 4],
      ],
    },
  ],
  edges: [
    { attrs: { axis: 0 }, inputs: [[1], [1], [1]] },
    {
      attrs: { axis: 1 },
      inputs: [
        [1, 1, 3],
        [1, 2, 3],
      ],
    },
    {
      attrs: { axis: 2 },
      inputs: [
        [2, 3, 1],
        [2, 3, 1],
      ],
    },
  ],
}

export const movement = { reshape, transpose, broadcast, slice, pad, concat }
