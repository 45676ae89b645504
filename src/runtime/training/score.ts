import type { Taught } from "../../dsl/task.ts"
import type { Sample } from "../data/reader.ts"
import { scoreOf } from "../task/index.ts"
import type { Predictor } from "./predict.ts"

/** An answer on the way to a score. */
export type OnAnswer = (sample: Sample, answer: Float32Array, score: number) => void

/** Mean over cases of what the model is scored by: Dice, or the share of points inside their masks. */
export const score = async (
  { predict }: Pick<Predictor, "predict">,
  samples: AsyncIterable<Sample>,
  taught: Taught,
  on: OnAnswer = () => undefined,
): Promise<number> => {
  let [sum, count] = [0, 0]
  for await (const sample of samples) {
    const answer = await predict(sample)
    const one = scoreOf(answer, taught, sample)
    on(sample, answer, one)
    sum += one
    count += 1
  }
  return count === 0 ? 0 : sum / count
}
