/** Tensors as they lie in a file. */
import { type Shape, sizeOf } from "../../compiler/ir/graph.ts"
import type { DtypeName } from "./dtype.ts"

/** Where the numbers of one tensor are. Readers of both formats have checked that all of it is inside the file. */
export interface StoredTensor {
  readonly name: string
  readonly dtype: DtypeName
  readonly shape: Shape
  /** Where its storage begins in the file, and its length when unpacked; bytes. */
  readonly at: number
  readonly bytes: number
  /** Length in the file where the storage is deflated; else absent. */
  readonly packed?: number
  /** First element in the storage, and elements between neighbours on each axis; absent if row-major from the start. */
  readonly view?: { readonly offset: number; readonly strides: readonly number[] }
}

/** More elements than any tensor that float32 arrays of JavaScript hold; 10¹² is a lie. */
export const maxElements = 2 ** 31

/** The number of elements, or undefined if the shape is not one: a negative, broken or huge size, or too many axes. */
export const countOf = (shape: readonly unknown[]): number | undefined => {
  if (shape.length > 32 || !shape.every((n) => Number.isSafeInteger(n) && (n as number) >= 0)) return undefined
  const count = (shape as Shape).includes(0) ? 0 : sizeOf(shape as Shape)
  return count <= maxElements ? count : undefined
}
