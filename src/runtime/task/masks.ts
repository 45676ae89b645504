/** One mask: its target, the way back to the original size, and its score. */
import type { Shape, Tensor } from "../../compiler/ir/graph.ts"
import type { Pixels } from "../../dsl/task.ts"
import type { Mask } from "../data/raster.ts"
import type { Sample } from "../data/reader.ts"
import { type Fitted, placed, undone } from "./pixels.ts"
import { stacked } from "./stack.ts"

/** Values of a mask as the network sees them, [1, h, w]: in the upper left, zero around; by the nearest pixel at other resolutions. */
export const maskPlane = (
  { width, height, data }: Mask,
  { size: [seenHeight, seenWidth] }: Pixels,
  [h, w]: readonly [number, number],
): Float32Array => {
  const seen = placed({ shape: [1, height, width], data: Float32Array.from(data) }, [seenHeight, seenWidth], [0])
  if (h === seenHeight && w === seenWidth) return seen
  const from = (at: number, to: number, extent: number) => Math.min(extent - 1, Math.floor(((at + 0.5) * extent) / to))
  return Float32Array.from(
    { length: h * w },
    (_, i) => seen[from(Math.floor(i / w), h, seenHeight) * seenWidth + from(i % w, w, seenWidth)] as number,
  )
}

/** The masks of a batch at the output's resolution, [b, 1, h, w]. */
export const maskTarget = (samples: readonly Sample[], pixels: Pixels, shape: Shape): Tensor => {
  const [h, w] = shape.slice(-2) as [number, number]
  return stacked(
    samples.map(({ resizedMask }) => maskPlane(resizedMask, pixels, [h, w])),
    [1, h, w],
  )
}

/** Logits at the original size, row by row, from the output of one image. */
export const maskAnswer = (output: Tensor, pixels: Pixels, sample: Fitted): Float32Array =>
  undone(output.data, output.shape.slice(-2) as [number, number], pixels, sample)

/** Foreground where the logit is positive, as segment-anything's mask threshold. */
export const maskOf = (logits: Float32Array, [height, width]: readonly [number, number]): Mask => ({
  width,
  height,
  data: Uint8Array.from(logits, (x) => (x > 0 ? 1 : 0)),
})

/** Dice of what both have of one value; 1 where neither has any. */
export const diceOf = (predicted: Mask, truth: Mask, value = 1): number => {
  let [both, total] = [0, 0]
  for (let i = 0; i < truth.data.length; i += 1) {
    const [p, t] = [predicted.data[i] === value, truth.data[i] === value]
    both += Number(p && t)
    total += Number(p) + Number(t)
  }
  return total === 0 ? 1 : (2 * both) / total
}
