import { type Shape, sizeOf } from "../graph.ts"

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
  const rank = shape.length
  const index = new Array<number>(rank).fill(0)
  const size = sizeOf(shape)
  let offset = start
  for (let i = 0; i < size; i += 1) {
    visit(i, offset)
    for (let axis = rank - 1; axis >= 0; axis -= 1) {
      index[axis]! += 1
      offset += strides[axis]!
      if (index[axis]! < shape[axis]!) break
      offset -= strides[axis]! * shape[axis]!
      index[axis] = 0
    }
  }
}

/** x read along other strides into a new shape. */
export const gathered = (x: Array64, shape: Shape, strides: readonly number[], start = 0): Array64 => {
  const out = array(shape)
  eachOffset(shape, strides, (i, offset) => (out.data[i] = x.data[offset]!), start)
  return out
}
