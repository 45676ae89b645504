import type { Shape, Tensor } from "../../compiler/ir/graph.ts"
import { sizeOf } from "../../compiler/ir/graph.ts"

/** Parts of one shape as a batch. */
export const stacked = (parts: readonly ArrayLike<number>[], shape: Shape): Tensor => {
  const data = new Float32Array(sizeOf([parts.length, ...shape]))
  parts.forEach((part, i) => {
    data.set(part, i * sizeOf(shape))
  })
  return { shape: [parts.length, ...shape], data }
}
export const scalarFeed = (value: number): Tensor => ({ shape: [], data: Float32Array.of(value) })
