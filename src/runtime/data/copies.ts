/** Images that are there more than once, as byte copies or encoded again: their pixels are the same. A split keeps them in one part. */
import { createHash } from "node:crypto"
import { availableParallelism } from "node:os"
import { Failed } from "../../compiler/diagnostic.ts"
import type { Case, PixelOptions } from "./case.ts"
import { readImage } from "./image.ts"
import { prefetch } from "./prefetch.ts"
import { type Raster, sizeOf } from "./raster.ts"

/** The same for equal pixels, whatever file they came from. */
export const pixelHash = (image: Raster): string =>
  createHash("sha1")
    .update(`${sizeOf(image)}×${image.channels}`)
    .update(image.data)
    .digest("base64")

export interface Copied {
  /** In the same order; equal images carry the first one's id. */
  readonly cases: readonly Case[]
  /** Cases with one image, two or more of each. */
  readonly copies: readonly (readonly Case[])[]
}

/** Reads every image, and marks those that are equal. What cannot be read is left to the check of the data. */
export const withCopies = async (cases: readonly Case[], options: PixelOptions = {}): Promise<Copied> => {
  const groups = new Map<string, Case[]>()
  const hashed = prefetch(
    cases,
    (one) =>
      readImage(one.image, options).then(
        (image) => ({ one, hash: pixelHash(image) }),
        (error: unknown) => {
          if (error instanceof Failed) return { one, hash: `unread ${one.id}` }
          throw error
        },
      ),
    Math.min(4, availableParallelism()),
  )
  for await (const { one, hash } of hashed) groups.set(hash, [...(groups.get(hash) ?? []), one])
  const copies = [...groups.values()].filter(({ length }) => length > 1)
  const first = new Map(copies.flatMap((group) => group.map(({ id }) => [id, group[0]!.id] as const)))
  return {
    copies,
    cases: cases.map((one) => {
      const copyOf = first.get(one.id)
      return copyOf === undefined ? one : { ...one, copyOf }
    }),
  }
}

/** 0043 = 0077, 0101 = 0102 = 0103 */
export const copiesText = (copies: Copied["copies"]): string =>
  copies
    .slice(0, 5)
    .map((group) => group.map(({ id }) => id).join(" = "))
    .join(", ") + (copies.length > 5 ? `, … (${copies.length})` : "")
