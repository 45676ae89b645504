/** A mask as prompt: logits at the image's size become what the network takes, as small as that is, the padding outside of the mask. */
import { failed } from "../../compiler/diagnostic.ts"
import { type Pixels, surely } from "../../dsl/task.ts"
import type { Size } from "./pixels.ts"

/** Logits, row by row, at an image's size. */
export interface MaskPrompt extends Size {
  readonly logits: Float32Array
}

export const logitOf = (probability: number): number => {
  const within = Math.min(0.999, Math.max(0.001, probability))
  return Math.log(within / (1 - within))
}

/**
 * A mask of one object from a value from 0 to 1 for each pixel, row by row. Throws HS4402 about `about` for other values, and for a mask in which nothing is:
 * the network would be told that the object is nowhere.
 */
export const maskPromptOf = (about: string, { width, height }: Size, inside: ArrayLike<number>): MaskPrompt => {
  const refuse = (message: string, help: string) => failed(about, "HS4402", message, help)
  if (inside.length !== width * height)
    throw refuse(
      `the mask has ${inside.length} values, and the image ${width} × ${height} pixels`,
      "Give one value from 0 to 1 for each pixel, row by row.",
    )
  let most = 0
  for (let i = 0; i < inside.length; i++) {
    const value = inside[i]!
    if (!(value >= 0 && value <= 1))
      throw refuse(`the mask holds ${value}, which is no probability`, "Give one value from 0 to 1 for each pixel.")
    most = Math.max(most, value)
  }
  if (most === 0)
    throw refuse(
      "the mask is empty: it says nothing of where the object is",
      "Leave this mask out, or give the one that shows the object.",
    )
  return { width, height, logits: Float32Array.from(inside, logitOf) }
}

/** How much each of `from` pixels gives to each cell: bilinear, wider where a cell is wider than a pixel. A cell without a pixel is padding. */
const sharesOf = (from: number, cells: number, pixelsToACell: number): readonly (readonly [number, number])[][] => {
  const support = Math.max(pixelsToACell, 1)
  return Array.from({ length: cells }, (_, i) => {
    const centre = (i + 0.5) * pixelsToACell
    if (centre >= from) return []
    const [low, high] = [Math.floor(centre - support + 0.5), Math.floor(centre + support + 0.5)]
    const found: [number, number][] = []
    for (let p = Math.max(0, low); p < Math.min(from, high); p++)
      found.push([p, Math.max(0, 1 - Math.abs((p - centre + 0.5) / support))])
    const sum = found.reduce((total, [, share]) => total + share, 0)
    return found.map(([p, share]): [number, number] => [p, share / sum])
  })
}

/**
 * [height, width] of what the network takes, from a mask as large as the image. `fitted` is the image's size as it lies in what the network sees, of which
 * the network's mask is a smaller picture.
 */
export const maskFed = (
  { width, height, logits }: MaskPrompt,
  { size: [seenHeight, seenWidth] }: Pick<Pixels, "size">,
  fitted: Size,
  [rows, columns]: readonly [number, number],
): Float32Array => {
  const across = sharesOf(width, columns, (width / fitted.width) * (seenWidth / columns))
  const down = sharesOf(height, rows, (height / fitted.height) * (seenHeight / rows))
  const narrow = new Float64Array(height * columns)
  for (let y = 0; y < height; y++)
    for (let i = 0; i < columns; i++) {
      let sum = 0
      for (const [x, share] of across[i]!) sum += share * logits[y * width + x]!
      narrow[y * columns + i] = sum
    }
  const out = new Float32Array(rows * columns).fill(-surely)
  for (let j = 0; j < rows; j++)
    for (let i = 0; i < columns; i++) {
      if (down[j]!.length === 0 || across[i]!.length === 0) continue
      let sum = 0
      for (const [y, share] of down[j]!) sum += share * narrow[y * columns + i]!
      out[j * columns + i] = sum
    }
  return out
}
