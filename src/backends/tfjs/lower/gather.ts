/** Rows chosen, and added up again, by indices that are known when the program is compiled. */
import { sizeOf } from "../../../compiler/ir/graph.ts"
import type { Kernels, Value } from "../kernels.ts"
import { gatherRows, pad, reshape, sum } from "./basic.ts"

/** For each of `rows` results, the source rows that belong to it, filled up with `none` to the longest list. */
export const sourcesOf = (indices: readonly number[], rows: number, none: number): readonly number[][] => {
  const lists: number[][] = Array.from({ length: rows }, () => [])
  indices.forEach((row, source) => {
    lists[row]!.push(source)
  })
  const longest = Math.max(1, ...lists.map((list) => list.length))
  return lists.map((list) => [...list, ...Array(longest - list.length).fill(none)])
}

/** Short and exact: two lists never share a key. */
export const keyOf = (indices: readonly number[]): string => indices.join(" ")

/**
 * The gradient of a gather as a gather of its own, from a copy with one row of zeros at the end: always the same order of
 * additions, which atomics would not give, and wasm has no segment sum.
 */
export const scatterRows = (k: Kernels, x: Value, indices: readonly number[], rows: number): Value => {
  const [count, ...rest] = x.shape as [number, ...number[]]
  const lists = sourcesOf(indices, rows, count)
  const flat = reshape(k, x, [count, sizeOf(rest)])
  const padded = pad(k, flat, [0, 0], [1, 0])
  const chosen = gatherRows(k, padded, `scatter ${rows}: ${keyOf(indices)}`, lists.flat())
  return reshape(k, sum(k, reshape(k, chosen, [rows, lists[0]!.length, sizeOf(rest)]), [1]), [rows, ...rest])
}
