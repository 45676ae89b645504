/** What in a mask file is foreground. The common conventions are told apart by their values; what cannot be told is said. */
import { type Either, left, right } from "fp-ts/lib/Either.js"
import type { Labels } from "./image.ts"
import type { Mask } from "./raster.ts"

/** How a mask is stored: nothing but background, one value beside 0, several classes of which one was chosen, or two values blurred by a lossy format. */
export type Encoding =
  | { readonly kind: "empty" }
  | { readonly kind: "binary"; readonly value: number }
  | { readonly kind: "classes"; readonly values: readonly number[] }
  | { readonly kind: "lossy" }

export interface Foreground {
  readonly mask: Mask
  readonly encoding: Encoding
}

/** Distinct values other than 0, ascending. */
const valuesIn = (labels: Labels): readonly number[] => {
  const seen = new Set<number>()
  for (let i = 0; i < labels.values.length; i++) seen.add(labels.values[i]!)
  seen.delete(0)
  return [...seen].sort((a, b) => a - b)
}

/** JPEG and resizing blur 0 and 255: everything lies near one of them. */
const isBlurred = ({ kind }: Labels, values: readonly number[]): boolean =>
  kind === "grey" && values.length > 2 && values.some((v) => v > 191) && values.every((v) => v < 64 || v > 191)

const threshold = ({ width, height, values }: Labels, inside: (value: number) => boolean): Mask => {
  const data = new Uint8Array(width * height)
  for (let i = 0; i < data.length; i++) data[i] = inside(values[i]!) ? 1 : 0
  return { width, height, data }
}

const spell = (kind: Labels["kind"]) => (v: number) =>
  kind === "colour" ? `#${v.toString(16).padStart(6, "0")}` : `${v}`

const listed = (labels: Labels, values: readonly number[]): string =>
  `${values.slice(0, 6).map(spell(labels.kind)).join(", ")}${values.length > 6 ? `, … (${values.length} values)` : ""}`

/**
 * With a class, the pixels of that value. Without, whatever is not 0, provided that it is one value, or 0 and 255 blurred (then 128 and
 * above). Left: what is wrong, as half a sentence.
 */
export const foreground = (labels: Labels, chosen?: number): Either<string, Foreground> => {
  const values = valuesIn(labels)
  if (values.length === 0) return right({ mask: threshold(labels, () => false), encoding: { kind: "empty" } })
  if (chosen !== undefined) {
    if (labels.kind === "colour")
      return left(`it holds colours (${listed(labels, values)}), and a class is a grey value or an index of a palette`)
    const encoding: Encoding = values.length === 1 ? { kind: "binary", value: values[0]! } : { kind: "classes", values }
    return right({ mask: threshold(labels, (v) => v === chosen), encoding })
  }
  if (values.length === 1)
    return right({ mask: threshold(labels, (v) => v !== 0), encoding: { kind: "binary", value: values[0]! } })
  if (isBlurred(labels, values)) return right({ mask: threshold(labels, (v) => v >= 128), encoding: { kind: "lossy" } })
  return left(`it holds several values beside 0 (${listed(labels, values)}), and no class is chosen`)
}
