import type { EngineName } from "../engines.ts"
import type { PointResult } from "../evaluation/cases.ts"
import type { EvaluationSettings } from "../evaluation/open.ts"
import type { Told } from "../events.ts"
import type { MetricName, Results } from "../metrics/results.ts"
import type { Summary } from "../metrics/statistics.ts"
import { explained } from "./attempt.ts"

export interface EvaluateOptions extends Omit<EvaluationSettings, "target"> {
  /** What computes. Default: cpu. */
  readonly target?: EngineName
  /** Notes and warnings, and how many cases are done. */
  readonly on?: (event: Told | { readonly kind: "case"; readonly done: number; readonly total: number }) => void
}

export type Evaluated =
  /** Of a model that gives masks: each case's Dice, IoU, HD95 and NSD, and their mean ± sd with its 95 % interval. */
  | (Results & { readonly kind: "masks"; readonly summaries: Readonly<Record<MetricName, Summary>> })
  /** Of a localizer: where it points, and how many points lie inside the mask. */
  | { readonly kind: "points"; readonly model: string; readonly points: readonly PointResult[]; readonly hits: number }

/**
 * Evaluates a run, or a spec with weights, on the test images of its data. Writes `cases.csv` and `results.json`, which `hasam compare` reads, only where
 * `out` says a folder. Rejects with `Failed`: the errors of spec, data and weights, HS5308 for mixed units, HS5330 where there is nothing to evaluate.
 *
 * @example
 * const results = await evaluate("runs/small")
 * if (results.kind === "masks") console.log(results.summaries.dice.mean)
 */
export const evaluate = (
  subject: string,
  { on = () => undefined, ...settings }: EvaluateOptions = {},
): Promise<Evaluated> =>
  explained(async () => {
    const { engineNamed } = await import("../engines.ts")
    const open = engineNamed(settings.target ?? "cpu")
    const { openEvaluation } = await import("../evaluation/open.ts")
    const { locate, measure } = await import("../evaluation/cases.ts")
    const { predictorOf } = await import("../evaluation/asked.ts")
    const evaluation = await openEvaluation(subject, settings, on)
    const { report, samples, taught, cases, precision, frozen } = evaluation
    const backend = await open({ precision, frozen, note: (line) => on({ kind: "note", line }) })
    const predicting = await predictorOf(backend, evaluation)
    let done = 0
    const counted: Pick<typeof predicting, "predict"> = {
      predict: async (sample) => {
        const answer = await predicting.predict(sample)
        on({ kind: "case", done: ++done, total: cases.length })
        return answer
      },
    }
    try {
      if (taught.kind === "point") {
        const points = await locate(counted, samples.evaluation(cases))
        return { kind: "points", model: report.name, points, hits: points.filter(({ hit }) => hit).length }
      }
      const { measureOptionsOf, resultsOf, saveEvaluation } = await import("../evaluation/measured.ts")
      const { summaries } = await import("../metrics/results.ts")
      const measured = await measure(counted, samples.evaluation(cases), taught, measureOptionsOf(settings))
      const results = resultsOf(evaluation, settings, measured)
      if (settings.out !== undefined) await saveEvaluation(settings.out, results)
      return { kind: "masks", ...results, summaries: summaries(results) }
    } finally {
      await predicting.dispose()
    }
  })
