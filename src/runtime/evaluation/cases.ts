/** Every case segmented and measured; of a localizer, where it points. */
import type { Sample } from "../data/reader.ts"
import type { CaseResult } from "../metrics/results.ts"
import { compareMasks, type MetricOptions } from "../metrics/segmentation.ts"
import type { Predictor } from "../training/predict.ts"
import { isHit, maskOf, nearestInside } from "../training/score.ts"

export interface PointResult {
  readonly id: string
  readonly x: number
  readonly y: number
  readonly hit: boolean
}

/** Segments each sample and measures it; `seen` gets each prediction, for figures. */
export const measure = async (
  predictor: Pick<Predictor, "predict">,
  samples: AsyncIterable<Sample>,
  options: MetricOptions,
  seen: (sample: Sample, logits: Float32Array) => void = () => undefined,
): Promise<readonly CaseResult[]> => {
  const results: CaseResult[] = []
  for await (const sample of samples) {
    const logits = await predictor.predict(sample)
    seen(sample, logits)
    const { spacing, id, subject, class: group } = sample.case
    const metrics = compareMasks(
      maskOf(logits, sample.originalSize),
      sample.mask,
      spacing === undefined ? options : { ...options, spacing },
    )
    results.push({
      id,
      ...(subject === undefined ? {} : { subject }),
      ...(group === undefined ? {} : { class: group }),
      ...metrics,
    })
  }
  return results
}

/** Of a localizer: where it points, as a prompt in pixels of the original image, and whether what it predicted is inside the mask. */
export const locate = async (
  predictor: Pick<Predictor, "predict">,
  samples: AsyncIterable<Sample>,
): Promise<readonly PointResult[]> => {
  const results: PointResult[] = []
  for await (const sample of samples) {
    const point = await predictor.predict(sample)
    results.push({ id: sample.case.id, ...nearestInside(point, sample.mask), hit: isHit(point, sample.mask) })
  }
  return results
}
