/** Rows chosen by indices that are known before the program runs, and classes by ids that are not. */
import { array } from "../ir/evaluate/array.ts"
import { sizeOf } from "../ir/graph.ts"
import { check, isCount, isExtent, show } from "../ir/shapes.ts"
import type { Op } from "./op.ts"

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

export const indexing = { gather, scatterAdd, oneHot }
