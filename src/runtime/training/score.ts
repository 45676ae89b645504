import type { Mask } from "../data/raster.ts"
import type { Sample } from "../data/reader.ts"
import type { Teaches } from "./feeds.ts"
import type { Predictor } from "./predict.ts"

/** Foreground where the logit is positive, as SAM's mask threshold. */
export const maskOf = (logits: Float32Array, [height, width]: readonly [number, number]): Mask => ({
  width,
  height,
  data: Uint8Array.from(logits, (x) => (x > 0 ? 1 : 0)),
})

/** The point of an image that is nearest to another (x, y): what prompts lies in the image. */
export const nearestInside = (
  point: ArrayLike<number>,
  { width, height }: { readonly width: number; readonly height: number },
): { readonly x: number; readonly y: number } => {
  const within = (at: number, extent: number) => Math.min(extent - 1, Math.max(0, at))
  return { x: within(point[0]!, width), y: within(point[1]!, height) }
}

/** A predicted point is right if it falls within the foreground (section 3.3); beyond the border it is a miss. */
export const isHit = ([x, y]: ArrayLike<number> & Iterable<number>, { width, height, data }: Mask): boolean => {
  const [column, row] = [Math.round(x!), Math.round(y!)]
  return column >= 0 && row >= 0 && column < width && row < height && data[row * width + column] === 1
}

/** Mean Dice over cases; of a localizer, the share of hits. */
export const score = async (
  { predict }: Pick<Predictor, "predict">,
  samples: AsyncIterable<Sample>,
  teaches: Teaches,
): Promise<number> => {
  let [sum, count] = [0, 0]
  for await (const sample of samples) {
    const output = await predict(sample)
    sum +=
      teaches === "point"
        ? Number(isHit(output, sample.mask))
        : diceOf(maskOf(output, sample.originalSize), sample.mask)
    count += 1
  }
  return count === 0 ? 0 : sum / count
}

const diceOf = (predicted: Mask, truth: Mask): number => {
  const area = (mask: Mask) => mask.data.reduce((n, x) => n + x, 0)
  const total = area(predicted) + area(truth)
  let both = 0
  for (let i = 0; i < truth.data.length; i += 1) both += predicted.data[i]! & truth.data[i]!
  return total === 0 ? 1 : (2 * both) / total
}
