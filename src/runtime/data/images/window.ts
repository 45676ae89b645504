/**
 * Which of an image's values is black and which is white. Files of more than 8 bits seldom say it, and the type does not: 12 bits in a 16-bit file are
 * common, and so are 8. What the file says decides, then what it holds; where neither can, it is asked for.
 */
import { type Either, isLeft, left, right } from "fp-ts/lib/Either.js"
import type { Stored, Values } from "./stored.ts"

/** What `--window` says: two values, or each image's own least and greatest. */
export type Window = readonly [low: number, high: number] | "image"

/** Shown as 0 and as 255, and what decided it. */
export interface Range {
  readonly low: number
  readonly high: number
  readonly from: "type" | "content" | "file" | "option"
}

/** "12,4095", "image". Left: what is wrong with it. */
export const parseWindow = (text: string): Either<string, Window> => {
  if (text === "image") return right("image")
  const numbers = text.split(",").map((word) => (word.trim() === "" ? Number.NaN : Number(word)))
  const [low, high] = numbers
  if (numbers.length !== 2 || !Number.isFinite(low) || !Number.isFinite(high))
    return left(`'${text}' is not a window: write the values that are black and white, as 0,4095, or 'image'`)
  return low! < high! ? right([low!, high!]) : left(`the window ${text} ends before it begins`)
}

interface Extent {
  readonly least: number
  readonly greatest: number
  readonly whole: boolean
  readonly finite: boolean
  /** All values are multiples of 257, or of 256: 8 bits spread over 16. */
  readonly spread: 257 | 256 | undefined
}

export const extentOf = (data: Values): Extent => {
  let [least, greatest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  let [whole, finite, by257, by256] = [true, true, true, true]
  for (let i = 0; i < data.length; i++) {
    const v = data[i]!
    if (v < least) least = v
    if (v > greatest) greatest = v
    if (!Number.isFinite(v)) finite = false
    if (whole && !Number.isInteger(v)) whole = false
    if (by257 && v % 257 !== 0) by257 = false
    if (by256 && v % 256 !== 0) by256 = false
  }
  return { least, greatest, whole, finite, spread: by257 ? 257 : by256 ? 256 : undefined }
}

const spell = (n: number): string => (Number.isInteger(n) ? `${n}` : `${Number(n.toPrecision(4))}`)

/** "0…4095" */
export const rangeText = ({ low, high, from }: Range): string => {
  const why = { type: "", content: ", as their values show", file: ", as the files say", option: ", as --window says" }
  return `${spell(low)}…${spell(high)}${why[from]}`
}

/** Left: why it cannot be told, as half a sentence. */
export const rangeOf = (stored: Stored, given?: Window): Either<string, Range> => {
  const { data, bits, window, shownBy } = stored
  if (shownBy !== undefined && given === undefined) return left(`it says that they are shown by ${shownBy}`)
  if (data instanceof Uint8Array && given === undefined && window === undefined)
    return data.length > 1 && binary(data)
      ? left("it holds only 0 and 1")
      : right({ low: 0, high: 255, from: "type" as const })
  const extent = extentOf(data)
  const { least, greatest, finite } = extent
  if (!finite) return left("it holds values that are not finite")
  if (given === "image")
    return right({ low: least, high: greatest > least ? greatest : least + 1, from: "option" as const })
  if (given !== undefined) return right({ low: given[0], high: given[1], from: "option" as const })
  if (greatest === 0 && least === 0) return right({ low: 0, high: 255, from: "content" as const })
  const holds = `it holds values from ${spell(least)} to ${spell(greatest)}`
  if (window !== undefined)
    return greatest <= window[0] || least >= window[1]
      ? left(`it says that ${spell(window[0])} to ${spell(window[1])} are shown, and ${holds}`)
      : right({ low: window[0], high: window[1], from: "file" as const })
  if (least < 0) return left(holds)
  if (bits !== undefined) {
    const most = 2 ** bits - 1
    if (greatest > most || greatest * 16 <= most) return left(`it says that it has ${bits} bits, and ${holds}`)
    return right({ low: 0, high: most, from: "file" as const })
  }
  return byContent(extent, holds)
}

/** An 8-bit image of 0 and 1 is a mask, or one that was scaled to 0…1 and then rounded. */
const binary = (data: Uint8Array): boolean => {
  let seen = false
  for (let i = 0; i < data.length; i++) {
    if (data[i]! > 1) return false
    if (data[i] === 1) seen = true
  }
  return seen
}

/** Depths of scanners' and cameras' converters. An image whose greatest value lies in the upper half of one of them is of that depth. */
const depths = [10, 12, 14, 16]

const byContent = ({ greatest, whole, spread }: Extent, holds: string): Either<string, Range> => {
  const content = (high: number) => right({ low: 0, high, from: "content" as const })
  if (!whole && greatest <= 1) return greatest > 1 / 16 ? content(1) : left(holds)
  if (!whole) return greatest >= 128 && greatest <= 255 ? content(255) : left(`${holds}, not all of them whole`)
  if (greatest < 16) return left(holds)
  if (greatest <= 255) return content(255)
  if (spread !== undefined && greatest <= 65535) return content(255 * spread)
  const depth = depths.find((b) => greatest < 2 ** b)
  return depth !== undefined && greatest >= 2 ** (depth - 1) ? content(2 ** depth - 1) : left(holds)
}

/** Values as 0…255, the nearest ones; what lies outside the range is cut. */
export const toBytes = ({ data, lowIsWhite }: Stored, { low, high }: Range): Uint8Array => {
  const plain = data instanceof Uint8Array && low === 0 && high === 255
  const scale = 255 / (high - low)
  const out = plain ? data : new Uint8Array(data.length)
  if (!plain) for (let i = 0; i < out.length; i++) out[i] = byte((data[i]! - low) * scale)
  return lowIsWhite === true ? out.map((v) => 255 - v) : out
}

const byte = (v: number): number => (v <= 0 ? 0 : v >= 255 ? 255 : Math.floor(v + 0.5))

/** The range and the bytes at once. */
export const windowed = (stored: Stored, given?: Window): Either<string, { range: Range; data: Uint8Array }> => {
  const range = rangeOf(stored, given)
  return isLeft(range) ? range : right({ range: range.right, data: toBytes(stored, range.right) })
}
