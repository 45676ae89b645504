import type { OpAttrs, Shape } from "../graph.ts"
import { sizeOf } from "../graph.ts"
import { type Array64, array, broadcastStrides, eachOffset, gathered, stridesOf } from "./array.ts"

export const broadcastTo = (x: Array64, shape: Shape): Array64 => gathered(x, shape, broadcastStrides(x.shape, shape))

export const slice = (x: Array64, { starts }: OpAttrs["slice"], shape: Shape): Array64 => {
  const strides = stridesOf(x.shape)
  return gathered(
    x,
    shape,
    strides,
    starts.reduce((sum, start, axis) => sum + start * strides[axis]!, 0),
  )
}
export const pad = (x: Array64, { before }: OpAttrs["pad"], shape: Shape): Array64 => {
  const out = array(shape)
  const strides = stridesOf(shape)
  const start = before.reduce((sum, n, axis) => sum + n * strides[axis]!, 0)
  eachOffset(x.shape, strides, (i, offset) => (out.data[offset] = x.data[i]!), start)
  return out
}
export const concat = (xs: readonly Array64[], axis: number, shape: Shape): Array64 => {
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
}
export const gather = (x: Array64, indices: readonly number[], shape: Shape): Array64 => {
  const out = array(shape)
  const row = sizeOf(x.shape.slice(1))
  indices.forEach((index, i) => out.data.set(x.data.subarray(index * row, (index + 1) * row), i * row))
  return out
}
export const scatterAdd = (x: Array64, indices: readonly number[], shape: Shape): Array64 => {
  const out = array(shape)
  const row = sizeOf(x.shape.slice(1))
  indices.forEach((index, i) => {
    for (let j = 0; j < row; j += 1) out.data[index * row + j]! += x.data[i * row + j]!
  })
  return out
}
export const oneHot = (ids: Array64, classes: number, shape: Shape): Array64 => {
  const out = array(shape)
  ids.data.forEach((id, i) => {
    if (Number.isInteger(id) && id >= 0 && id < classes) out.data[i * classes + id] = 1
  })
  return out
}
export const reduce = (
  x: Array64,
  axes: readonly number[],
  shape: Shape,
  start: number,
  f: (sum: number, x: number) => number,
): Array64 => {
  const kept = x.shape.map((extent, axis) => (axes.includes(axis) ? 1 : extent))
  const out = array(kept)
  out.data.fill(start)
  eachOffset(
    x.shape,
    broadcastStrides(kept, x.shape),
    (i, offset) => (out.data[offset] = f(out.data[offset]!, x.data[i]!)),
  )
  return array(shape, out.data)
}
