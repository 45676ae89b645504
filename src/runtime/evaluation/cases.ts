/** Every case segmented and measured; of a localizer, where it points. */
import type { TaughtClasses, TaughtMask } from "../../dsl/task.ts"
import type { Mask } from "../data/raster.ts"
import type { Sample } from "../data/reader.ts"
import type { CaseResult } from "../metrics/results.ts"
import { compareMasks, type MetricOptions, type Metrics } from "../metrics/segmentation.ts"
import { labelsOf } from "../task/classes.ts"
import { maskOf } from "../task/masks.ts"
import { clamped, isHit } from "../task/point.ts"
import type { Predictor } from "../training/predict.ts"

export interface PointResult {
  readonly id: string
  readonly x: number
  readonly y: number
  readonly hit: boolean
}

export type Segmented = TaughtMask | TaughtClasses

/** What a model says of an image: inside and outside, or the numbers of classes. */
export const segmentedOf = (answer: Float32Array, taught: Segmented, size: readonly [number, number]): Mask =>
  taught.kind === "classes" ? labelsOf(answer, size) : maskOf(answer, size)

const only = ({ width, height, data }: Mask, value: number): Mask => ({
  width,
  height,
  data: data.map((x) => (x === value ? 1 : 0)),
})
const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / Math.max(1, values.length)

export interface MeasureOptions extends MetricOptions {
  /** Classes are measured without the background, unless it is asked for. */
  readonly background?: boolean
}

type Measured = Pick<CaseResult, "dice" | "iou" | "hd95" | "nsd" | "classes">
/** Each class against the truth, and their mean. */
export const compareClasses = (
  predicted: Mask,
  truth: Mask,
  { names }: Pick<TaughtClasses, "names">,
  { background = false, ...options }: MeasureOptions,
): Measured => {
  const each = names
    .map((name, k): readonly [string, number] => [name, k])
    .slice(background ? 0 : 1)
    .map(([name, k]): readonly [string, Metrics] => [name, compareMasks(only(predicted, k), only(truth, k), options)])
  const of = (metric: keyof Metrics) => each.flatMap(([, metrics]) => metrics[metric] ?? [])
  const distances = of("hd95")
  return {
    dice: mean(of("dice")),
    iou: mean(of("iou")),
    ...(distances.length === 0 ? {} : { hd95: mean(distances) }),
    nsd: mean(of("nsd")),
    classes: Object.fromEntries(each),
  }
}

/** Segments each sample and measures it; `seen` gets each prediction, for figures. */
export const measure = async (
  predictor: Pick<Predictor, "predict">,
  samples: AsyncIterable<Sample>,
  taught: Segmented,
  options: MeasureOptions,
  seen: (sample: Sample, mask: Mask) => void = () => undefined,
): Promise<readonly CaseResult[]> => {
  const results: CaseResult[] = []
  for await (const sample of samples) {
    const mask = segmentedOf(await predictor.predict(sample), taught, sample.originalSize)
    seen(sample, mask)
    const { spacing, id, subject, class: group } = sample.case
    const how = spacing === undefined ? options : { ...options, spacing }
    const metrics =
      taught.kind === "classes" ? compareClasses(mask, sample.mask, taught, how) : compareMasks(mask, sample.mask, how)
    results.push({
      id,
      ...(subject === undefined ? {} : { subject }),
      ...(group === undefined ? {} : { class: group }),
      ...metrics,
    })
  }
  return results
}

/**
 * Of a localizer: where it points, in pixels of the original image, and whether that is inside the mask. A point beyond the border is a miss;
 * written down, to prompt another model, it lies at the border.
 */
export const locate = async (
  predictor: Pick<Predictor, "predict">,
  samples: AsyncIterable<Sample>,
): Promise<readonly PointResult[]> => {
  const results: PointResult[] = []
  for await (const sample of samples) {
    const point = await predictor.predict(sample)
    results.push({ id: sample.case.id, ...clamped(point, sample.originalSize), hit: isHit(point, sample.mask) })
  }
  return results
}
