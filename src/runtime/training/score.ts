import type { Taught } from "../../dsl/task.ts"
import type { Sample } from "../data/reader.ts"
import { scoreOf } from "../task/index.ts"
import type { Predictor } from "./predict.ts"

/** Mean over cases of what the model is scored by: Dice, or the share of points inside their masks. */
export const score = async (
  { predict }: Pick<Predictor, "predict">,
  samples: AsyncIterable<Sample>,
  taught: Taught,
): Promise<number> => {
  let [sum, count] = [0, 0]
  for await (const sample of samples) {
    sum += scoreOf(await predict(sample), taught, sample)
    count += 1
  }
  return count === 0 ? 0 : sum / count
}
