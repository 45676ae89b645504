/** Rows chosen by indices that are known before the program runs, and classes by ids that are not. */
import type { Builder, Value } from "../ir/builder.ts"
import { array } from "../ir/evaluate/array.ts"
import { sizeOf } from "../ir/graph.ts"
import { check, isAxis, isCount, isExtent, show } from "../ir/shapes.ts"
import type { Composite, Op } from "./op.ts"

/** Rows of axis 0. */
export const gather: Op<1, { readonly indices: readonly number[] }, readonly [indices: readonly number[]]> = {
  operands: 1,
  attributes: (indices) => ({ indices }),
  shape: ([x], { indices }) => {
    const [rows = 0, ...rest] = x
    check(
      indices.length > 0 && indices.every((i) => isCount(i) && i < rows),
      () => `an index is not a row of ${show(x)}`,
    )
    return [indices.length, ...rest]
  },
  meaning: ([x], { indices }, shape) => {
    const out = array(shape)
    const row = sizeOf(x.shape.slice(1))
    indices.forEach((index, i) => out.data.set(x.data.subarray(index * row, (index + 1) * row), i * row))
    return out
  },
  bytes: "chosen",
  gradient: ({ b, x: [x], attrs: { indices }, g }) => {
    const [rows = 0] = b.shapeOf(x)
    return [b.scatterAdd(g, { indices, rows })]
  },
  examples: [{ attrs: { indices: [1, 0, 1] }, inputs: [[2, 4]] }],
  edges: [
    { attrs: { indices: [0, 0] }, inputs: [[1, 3]] },
    { attrs: { indices: [2] }, inputs: [[3]] },
    { attrs: { indices: [1] }, inputs: [[2, 1, 1]] },
  ],
}
/** The gradient of gather: rows added up into `rows` of them. */
export const scatterAdd: Op<1, { readonly indices: readonly number[]; readonly rows: number }> = {
  operands: 1,
  shape: ([x], { indices, rows }) => {
    const [count, ...rest] = x
    check(
      indices.length === count && isExtent(rows) && indices.every((i) => isCount(i) && i < rows),
      () => `${indices.length} indices into ${rows} rows do not fit ${show(x)}`,
    )
    return [rows, ...rest]
  },
  meaning: ([x], { indices }, shape) => {
    const out = array(shape)
    const row = sizeOf(x.shape.slice(1))
    indices.forEach((index, i) => {
      for (let j = 0; j < row; j += 1) out.data[index * row + j]! += x.data[i * row + j]!
    })
    return out
  },
  flops: ([x]) => sizeOf(x),
  gradient: ({ b, attrs: { indices }, g }) => [b.gather(g, indices)],
  examples: [{ attrs: { indices: [1, 0, 1], rows: 3 }, inputs: [[3, 4]] }],
  edges: [
    { attrs: { indices: [0, 0], rows: 1 }, inputs: [[2, 3]] },
    { attrs: { indices: [1], rows: 2 }, inputs: [[1]] },
    { attrs: { indices: [0, 2], rows: 3 }, inputs: [[2, 1, 1]] },
  ],
}
/** ids [...] → [..., classes], 1 where the id is the class. */
export const oneHot: Op<1, { readonly classes: number }> = {
  operands: 1,
  shape: ([x], { classes }) => {
    check(isExtent(classes), () => `there are no ${classes} classes`)
    return [...x, classes]
  },
  meaning: ([ids], { classes }, shape) => {
    const out = array(shape)
    ids.data.forEach((id, i) => {
      if (Number.isInteger(id) && id >= 0 && id < classes) out.data[i * classes + id] = 1
    })
    return out
  },
  gradient: "constant",
  domain: "ids",
  examples: [{ attrs: { classes: 3 }, inputs: [[4]] }],
  edges: [
    { attrs: { classes: 1 }, inputs: [[4]] },
    { attrs: { classes: 3 }, inputs: [[]] },
    { attrs: { classes: 3 }, inputs: [[1, 4, 1]] },
  ],
}

/** The axis first: of its own inverse. */
export const first = (b: Builder, x: Value, axis: number): Value => {
  const perm = b.shapeOf(x).map((_, i) => (i === 0 ? axis : i === axis ? 0 : i))
  return b.transpose(x, perm)
}
/**
 * Slices of one axis, chosen before the program runs: also a crop of every second pixel, or a border that is repeated or mirrored.
 */
export const take: Composite<
  1,
  { readonly axis: number; readonly indices: readonly number[] },
  readonly [axis: number, indices: readonly number[]]
> = {
  operands: 1,
  attributes: (axis, indices) => ({ axis, indices }),
  fold: (b, [x], { axis, indices }) => (axis === 0 ? b.gather(x, indices) : undefined),
  shape: ([x], { axis, indices }) => {
    check(isAxis(axis, x), () => `${axis} is not an axis of ${show(x)}`)
    const fits = indices.length > 0 && indices.every((i) => isCount(i) && i < x[axis]!)
    check(fits, () => `an index is not on axis ${axis} of ${show(x)}`)
    return x.map((extent, i) => (i === axis ? indices.length : extent))
  },
  meaning: ([x], { axis, indices }, shape) => {
    const out = array(shape)
    const [n = 1, ...rest] = x.shape.slice(axis)
    const inner = sizeOf(rest)
    for (let before = 0; before < x.data.length / (n * inner); before += 1)
      indices.forEach((index, i) => {
        const from = (before * n + index) * inner
        out.data.set(x.data.subarray(from, from + inner), (before * indices.length + i) * inner)
      })
    return out
  },
  bytes: "chosen",
  gradient: ({ b, x: [x], attrs: { axis, indices }, g }) => {
    const [rows = 0] = b.shapeOf(x).slice(axis)
    return [first(b, b.scatterAdd(first(b, g, axis), { indices, rows }), axis)]
  },
  decompose: (b, [x], { axis, indices }) => first(b, b.gather(first(b, x, axis), indices), axis),
  examples: [{ attrs: { axis: 1, indices: [2, 0, 0, 1, 2] }, inputs: [[2, 3, 4]] }],
  edges: [
    { attrs: { axis: 1, indices: [0, 0] }, inputs: [[3, 1]] },
    { attrs: { axis: 0, indices: [0] }, inputs: [[1]] },
    { attrs: { axis: 2, indices: [1, 0, 1] }, inputs: [[1, 1, 2]] },
  ],
}

/** How far a roll moves, from 0 up to the extent. */
const moved = (shift: number, extent: number): number => ((shift % extent) + extent) % extent
/** An axis moved by `shift`; what leaves at one end comes back at the other (torch.roll). */
export const roll: Composite<
  1,
  { readonly axis: number; readonly shift: number },
  readonly [axis: number, shift: number]
> = {
  operands: 1,
  attributes: (axis, shift) => ({ axis, shift }),
  fold: (b, [x], { axis, shift }) => (moved(shift, b.shapeOf(x)[axis] ?? 1) === 0 ? x : undefined),
  shape: ([x], { axis, shift }) => {
    check(isAxis(axis, x), () => `${axis} is not an axis of ${show(x)}`)
    check(Number.isInteger(shift), () => `nothing moves by ${shift} places`)
    return x
  },
  meaning: ([x], { axis, shift }, shape) => {
    const out = array(shape)
    const [n = 1, ...rest] = shape.slice(axis)
    const inner = sizeOf(rest)
    x.data.forEach((value, i) => {
      const at = Math.floor(i / inner) % n
      out.data[i + (moved(at + shift, n) - at) * inner] = value
    })
    return out
  },
  gradient: ({ b, attrs: { axis, shift }, g }) => [b.roll(g, axis, -shift)],
  decompose: (b, [x], { axis, shift }) => {
    const shape = b.shapeOf(x)
    const [n = 1] = shape.slice(axis)
    const by = moved(shift, n)
    if (by === 0) return x
    const part = (start: number, end: number) =>
      b.slice(
        x,
        shape.map((_, i) => (i === axis ? start : 0)),
        shape.map((extent, i) => (i === axis ? end : extent)),
      )
    return b.concat([part(n - by, n), part(0, n - by)], axis)
  },
  examples: [{ attrs: { axis: 1, shift: 2 }, inputs: [[2, 5, 3]] }],
  edges: [
    { attrs: { axis: 0, shift: 1 }, inputs: [[1, 3]] },
    { attrs: { axis: 1, shift: -1 }, inputs: [[1, 3]] },
    { attrs: { axis: 2, shift: 7 }, inputs: [[2, 1, 3]] },
    { attrs: { axis: 0, shift: -4 }, inputs: [[3]] },
  ],
}

export const indexing = { gather, scatterAdd, oneHot, take, roll }
