/** What in a mask file is foreground. The common conventions are told apart by their values; what cannot be told is said. */
import { type Either, left, right } from "fp-ts/lib/Either.js"
import type { Labels } from "./image.ts"
import type { Mask } from "./raster.ts"

/**
 * How a mask is stored: nothing but background, one value beside 0, several classes of which one was chosen, or two values with others between them at
 * their edges, which a lossy format or resizing put there.
 */
export type Encoding =
  | { readonly kind: "empty" }
  | { readonly kind: "binary"; readonly value: number }
  | { readonly kind: "classes"; readonly values: readonly number[] }
  | { readonly kind: "blurred"; readonly top: number }

export interface Foreground {
  readonly mask: Mask
  readonly encoding: Encoding
}

export interface MaskOptions {
  /** The value or index that is foreground, in masks of several classes. */
  readonly class?: number
  /** The colour of each class, 0xRRGGBB, background first. */
  readonly palette?: readonly number[]
  /** Foreground is what is stored as background. */
  readonly inverted?: boolean
}

/** Distinct values other than 0, ascending. */
const valuesIn = (values: ArrayLike<number>): readonly number[] => {
  const seen = new Set<number>()
  // Neighbours are mostly alike: a set is asked only where they are not.
  let last = 0
  for (let i = 0; i < values.length; i++) {
    if (values[i] === last) continue
    last = values[i]!
    seen.add(last)
  }
  seen.delete(0)
  return [...seen].sort((a, b) => a - b)
}

const threshold = ({ width, height, values }: Labels, inside: (value: number) => boolean): Mask => {
  const data = new Uint8Array(width * height)
  for (let i = 0; i < data.length; i++) data[i] = inside(values[i]!) ? 1 : 0
  return { width, height, data }
}

const spell = (kind: Labels["kind"]) => (v: number) =>
  kind === "colour" ? `#${v.toString(16).padStart(6, "0")}` : `${v}`

const listed = (labels: Labels, values: readonly number[]): string =>
  `${values.slice(0, 6).map(spell(labels.kind)).join(", ")}${values.length > 6 ? `, … (${values.length} values)` : ""}`

/** Values that fill areas: those of pixels all of whose eight neighbours are alike. Edges are left out, and what lies between two values there. */
const areasOf = ({ width, height, values }: Labels): ReadonlyMap<number, number> => {
  const found = new Map<number, number>()
  for (let y = 1; y < height - 1; y++)
    for (let x = 1; x < width - 1; x++) {
      const p = y * width + x
      const v = values[p]!
      if (
        values[p - 1] === v &&
        values[p + 1] === v &&
        values[p - width] === v &&
        values[p + width] === v &&
        values[p - width - 1] === v &&
        values[p - width + 1] === v &&
        values[p + width - 1] === v &&
        values[p + width + 1] === v
      )
        found.set(v, (found.get(v) ?? 0) + 1)
    }
  return found
}

/** Below it, nothing lies between two grey values that a format could have blurred. */
const leastTop = 32
/** How far from 0 or the top a lossy format puts what was saved as 0 or the top, as a share of the top. */
const ringing = 1 / 8

type Levels = { readonly kind: "classes" } | { readonly kind: "blurred"; readonly top: number }

/**
 * Two values with a blurred edge, or classes. In a blurred mask the values that fill areas lie near 0 or near the top, and the values between them fill
 * none. Masks of classes have only values that fill areas, or areas of a value between. A sharp file whose values are few has classes, unless what lies
 * between 0 and its top is only on edges.
 */
const levelsOf = (labels: Labels, values: readonly number[]): Levels => {
  const areas = areasOf(labels)
  const filled = [...areas.keys()].filter((v) => v > 0)
  const greatest = values.at(-1)!
  const most = (a: number, b: number) => (areas.get(b)! > areas.get(a)! ? b : a)
  const upper = filled.filter((v) => v >= greatest * (1 - 2 * ringing))
  const top = upper.length > 0 ? upper.reduce(most) : labels.lossy === true ? Math.max(255, greatest) : greatest
  if (greatest < leastTop) return { kind: "classes" }
  // Every value fills an area: nothing lies on edges only, so nothing was blurred. A lossy format's areas differ by its ringing.
  if (labels.lossy !== true && values.length <= 16 && values.every((v) => areas.has(v))) return { kind: "classes" }
  const near = (v: number) => v <= top * ringing || Math.abs(v - top) <= top * ringing
  const between = filled.filter((v) => !near(v)).reduce((n, v) => n + areas.get(v)!, 0)
  const inside = filled.reduce((n, v) => n + areas.get(v)!, 0)
  // Some pixels between may be alike by chance; an area of a class is larger.
  const few = Math.max(4, 0.01 * inside)
  const sharp = labels.lossy !== true && values.length <= 16
  // Of two values the lower one is noise only where it lies at an edge; of more, what is near 0 can be a format's ringing.
  const least = values.length > 2 ? top * ringing : 0
  const alone = sharp ? standingAlone(labels, least, top * (1 - ringing)) : 0
  const low = filled.filter((v) => v <= top * ringing).reduce((n, v) => n + areas.get(v)!, 0)
  return between > few || alone > 0 || (sharp && low > 0.05 * inside) ? { kind: "classes" } : { kind: "blurred", top }
}

/** Pixels between the two that have nothing brighter within three pixels: what is blurred has, a thin structure of a class has not. */
const standingAlone = ({ width, height, values }: Labels, least: number, below: number): number => {
  let n = 0
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const v = values[y * width + x]!
      if (v > least && v < below && !hasBrighter(values, width, height, x, y)) n++
    }
  return n
}

const hasBrighter = (values: ArrayLike<number>, width: number, height: number, x: number, y: number): boolean => {
  const v = values[y * width + x]!
  for (let j = Math.max(0, y - 3); j <= Math.min(height - 1, y + 3); j++)
    for (let i = Math.max(0, x - 3); i <= Math.min(width - 1, x + 3); i++) if (values[j * width + i]! > v) return true
  return false
}

/** As classes of a palette, each pixel the class of its colour; Left names a colour that the palette lacks. A lossy format's are the nearest ones. */
export const classified = (labels: Labels, palette: readonly number[]): Either<string, Labels> => {
  const known = new Map(palette.map((colour, i) => [colour, i]))
  const colourOf = (v: number) =>
    labels.kind === "colour" ? v : labels.kind === "palette" ? (labels.palette?.[v] ?? 0) : v * 0x10101
  const channels = (c: number) => [c >> 16, (c >> 8) & 255, c & 255] as const
  const distance = (a: number, b: number) => channels(a).reduce((sum, v, i) => sum + (v - channels(b)[i]!) ** 2, 0)
  const values = new Uint8Array(labels.values.length)
  for (let i = 0; i < values.length; i++) {
    const colour = colourOf(labels.values[i]!)
    let found = known.get(colour)
    if (found === undefined && labels.lossy === true) {
      found = palette.reduce((best, c, j) => (distance(c, colour) < distance(palette[best]!, colour) ? j : best), 0)
      known.set(colour, found)
    }
    if (found === undefined) return left(`it holds ${spell("colour")(colour)}, which is not in the palette`)
    values[i] = found
  }
  return right({ width: labels.width, height: labels.height, values, kind: "palette" })
}

/** Of two indices that are used, the black one is background, wherever it stands: programs that shrink files sort palettes. */
const blackFirst = (labels: Labels): Labels => {
  const { kind, palette, values } = labels
  if (kind !== "palette" || palette === undefined) return labels
  const used = valuesIn(values)
  const black = used.find((v) => palette[v] === 0)
  if (black === undefined || palette[0] === 0 || used.length > 1) return labels
  return { ...labels, values: Uint8Array.from(values as ArrayLike<number>, (v) => (v === black ? 0 : 1)) }
}

/**
 * With a class, the pixels of that value. Without, whatever is not 0, provided that it is one value, or one value whose edges are blurred (then what is
 * at least half of it). Left: what is wrong, as half a sentence.
 */
export const foreground = (
  given: Labels,
  { class: chosen, palette, inverted }: MaskOptions = {},
): Either<string, Foreground> => {
  const known = palette === undefined ? right(blackFirst(given)) : classified(given, palette)
  if (known._tag === "Left") return known
  const labels = known.right
  const as = (inside: (v: number) => boolean, encoding: Encoding): Either<string, Foreground> =>
    right({ mask: threshold(labels, inverted === true ? (v) => !inside(v) : inside), encoding })
  const values = valuesIn(labels.values)
  if (values.length === 0) return as(() => false, { kind: "empty" })
  if (values.some((v) => !(Number.isFinite(v) && v >= 0)))
    return left(`it holds ${values.find((v) => !(Number.isFinite(v) && v >= 0))}, which is no class`)
  if (labels.kind === "colour") {
    if (chosen === undefined && values.length === 1) return as((v) => v !== 0, { kind: "binary", value: values[0]! })
    return left(`it holds colours (${listed(labels, values)}), and no palette says which is which class`)
  }
  if (labels.lossy === true && values.at(-1)! < leastTop)
    return left("a lossy format has mixed its values, which are few and small")
  const near = labels.lossy === true ? values[0]! * ringing : 0
  if (values.length === 1)
    return chosen === undefined || Math.abs(chosen - values[0]!) <= near
      ? as((v) => v !== 0, { kind: "binary", value: values[0]! })
      : as(() => false, { kind: "binary", value: values[0]! })
  const levels: Levels = labels.kind === "grey" ? levelsOf(labels, values) : { kind: "classes" }
  if (levels.kind === "blurred") {
    const { top } = levels
    if (chosen !== undefined && Math.abs(chosen - top) > top * ringing)
      return left(`it holds one value, ${top}, with blurred edges, and not the class ${chosen}`)
    return as((v) => v >= top / 2, { kind: "blurred", top })
  }
  if (labels.lossy === true) return left("a lossy format has mixed the values of several classes")
  if (chosen !== undefined) return as((v) => v === chosen, { kind: "classes", values })
  return left(`it holds several values beside 0 (${listed(labels, values)}), and no class is chosen`)
}
