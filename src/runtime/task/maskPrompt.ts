/** A mask as prompt: logits at the image's size become what the network takes, as small as that is, the padding outside of the mask. */
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
