import { type Shape, sizeOf } from "../graph.ts"
import { broadcast, sameShape } from "../shapes.ts"

/** A tensor in float64, row-major. */
export interface Array64 {
  readonly shape: Shape
  readonly data: Float64Array
}

export const array = (shape: Shape, data: Float64Array = new Float64Array(sizeOf(shape))): Array64 => ({ shape, data })

/** Distance in elements between neighbours on each axis. */
export const stridesOf = (shape: Shape): readonly number[] => {
  const strides = shape.map(() => 1)
  for (let i = shape.length - 2; i >= 0; i -= 1) strides[i] = strides[i + 1]! * shape[i + 1]!
  return strides
}

/** Strides by which an operand is read where it broadcasts to `shape`: 0 on repeated axes. */
export const broadcastStrides = (operand: Shape, shape: Shape): readonly number[] => {
  const own = stridesOf(operand)
  const lead = shape.length - operand.length
  return shape.map((_, i) => (i < lead || operand[i - lead] === 1 ? 0 : own[i - lead]!))
}

/** Visits every index of `shape` in order, with the offset that `strides` give from `start`. */
export const eachOffset = (
  shape: Shape,
  strides: readonly number[],
  visit: (i: number, offset: number) => void,
  start = 0,
): void => {
  eachRow(shape, strides, start, (i, offset, length, step) => {
    for (let j = 0; j < length; j += 1) visit(i + j, offset + j * step)
  })
}

/** Axes of extent 1 left out, and neighbours that are read as one axis made one. */
const compact = (shape: Shape, strides: readonly number[]): readonly (readonly [extent: number, stride: number])[] => {
  const axes: (readonly [number, number])[] = []
  shape.forEach((extent, i) => {
    if (extent === 1) return
    const before = axes.at(-1)
    if (before !== undefined && before[1] === extent * strides[i]!)
      axes[axes.length - 1] = [before[0] * extent, strides[i]!]
    else axes.push([extent, strides[i]!])
  })
  return axes
}

/** Visits the rows of `shape`, as long as they can be, in order: elements from `i` on, read from `offset` on in steps. */
const eachRow = (
  shape: Shape,
  strides: readonly number[],
  start: number,
  visit: (i: number, offset: number, length: number, step: number) => void,
): void => {
  const size = sizeOf(shape)
  const axes = compact(shape, strides)
  const [length, step] = axes.at(-1) ?? [1, 0]
  const outer = axes.slice(0, -1)
  const index = outer.map(() => 0)
  let offset = start
  for (let i = 0; i < size; i += length) {
    visit(i, offset, length, step)
    for (let axis = outer.length - 1; axis >= 0; axis -= 1) {
      const [extent, stride] = outer[axis]!
      index[axis]! += 1
      offset += stride
      if (index[axis]! < extent) break
      offset -= stride * extent
      index[axis] = 0
    }
  }
}

/** x read along other strides into a new shape. */
export const gathered = (x: Array64, shape: Shape, strides: readonly number[], start = 0): Array64 => {
  const out = array(shape)
  const [to, from] = [out.data, x.data]
  eachRow(shape, strides, start, (i, offset, length, step) => {
    for (let j = 0; j < length; j += 1) to[i + j] = from[offset + j * step]!
  })
  return out
}

export const map = (x: Array64, f: (x: number) => number): Array64 => array(x.shape, x.data.map(f))

/** f of each pair; operands broadcast. */
export const zip = (a: Array64, b: Array64, f: (a: number, b: number) => number): Array64 => {
  const out = array(broadcast(a.shape, b.shape))
  if (sameShape(a.shape, b.shape)) {
    for (let i = 0; i < out.data.length; i += 1) out.data[i] = f(a.data[i]!, b.data[i]!)
    return out
  }
  const offsets = new Int32Array(out.data.length)
  eachOffset(out.shape, broadcastStrides(b.shape, out.shape), (i, offset) => (offsets[i] = offset))
  eachOffset(out.shape, broadcastStrides(a.shape, out.shape), (i, offset) => {
    out.data[i] = f(a.data[offset]!, b.data[offsets[i]!]!)
  })
  return out
}
