/** A point in the mask, as x and y from 0 to 1 of what the network sees. */
import type { Tensor } from "../../compiler/ir/graph.ts"
import type { Pixels } from "../../dsl/task.ts"
import type { Mask } from "../data/raster.ts"
import type { Sample } from "../data/reader.ts"
import type { Fitted } from "./pixels.ts"
import { stacked } from "./stack.ts"

/** The centre of each mask; pixels count from their corner, so that centres lie at + ½. */
export const pointTarget = (samples: readonly Sample[], { size: [height, width] }: Pixels): Tensor =>
  stacked(
    samples.map(({ centre, point = { x: 0, y: 0 } }) => {
      const { x, y } = centre ?? point
      return [(x + 0.5) / width, (y + 0.5) / height]
    }),
    [2],
  )

/** x and y in pixels of the original image. A point beyond the border stays there: it is a miss. */
export const pointAnswer = (
  { data }: Tensor,
  { size: [seenHeight, seenWidth] }: Pixels,
  { image, originalSize: [originalHeight, originalWidth] }: Fitted,
): Float32Array => {
  const [, height, width] = image.shape as [number, number, number]
  const [x, y] = data as unknown as [number, number]
  return Float32Array.of(
    (x * seenWidth * originalWidth) / width - 0.5,
    (y * seenHeight * originalHeight) / height - 0.5,
  )
}

/** A point that is to prompt another model lies in the image. */
export const clamped = ([x, y]: ArrayLike<number> & Iterable<number>, [height, width]: readonly [number, number]) => {
  const within = (at: number, extent: number) => Math.min(extent - 1, Math.max(0, at))
  return { x: within(x as number, width), y: within(y as number, height) }
}

/** A predicted point is right if it falls within the foreground (section 3.3). */
export const isHit = ([x, y]: ArrayLike<number> & Iterable<number>, { width, height, data }: Mask): boolean => {
  const [column, row] = [Math.round(x as number), Math.round(y as number)]
  return column >= 0 && row >= 0 && column < width && row < height && data[row * width + column] !== 0
}
