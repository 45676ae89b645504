/** How an evaluation measures, and what it is written down as. */
import { basename, join, resolve } from "node:path"
import { failed } from "../../compiler/diagnostic.ts"
import type { ModelData } from "../../dsl/model.ts"
import type { Taught } from "../../dsl/task.ts"
import type { Prompt } from "../../dsl/training.ts"
import { unmoved } from "../../dsl/training.ts"
import { writeAtomically } from "../files.ts"
import { type CaseResult, type Results, resultsCsv, saveResults } from "../metrics/results.ts"
import { conventions, defaultTolerance } from "../metrics/segmentation.ts"
import { isAsked } from "../task/index.ts"
import type { MeasureOptions } from "./cases.ts"
import type { Evaluation, EvaluationSettings } from "./open.ts"

export const measureOptionsOf = (
  settings: Pick<EvaluationSettings, "hd95" | "empty" | "tolerance" | "background">,
): MeasureOptions => ({
  hausdorff: settings.hd95 ?? "pooled",
  empty: settings.empty ?? "diagonal",
  tolerance: settings.tolerance ?? defaultTolerance,
  ...(settings.background ? { background: true } : {}),
})

const useless = (option: string, message: string) => failed(option, "HS5002", message, `Leave ${option} out.`)

/** What is asked of an evaluation and would change nothing. Throws HS5002. */
export const demandUseful = (
  { jitter, background, tolerance }: EvaluationSettings,
  model: ModelData,
  prompt: Prompt,
  { kind }: Taught,
): void => {
  if (background && kind !== "classes")
    throw useless(
      "--background",
      `--background does nothing for a model that gives ${kind === "point" ? "points" : "masks"}`,
    )
  const still = jitter === undefined ? undefined : unmoved(prompt, model)
  if (still !== undefined) throw useless("--jitter", `--${still}`)
  if (kind === "point" && tolerance?.unit === "mm")
    throw useless("--tolerance", "--tolerance does nothing for a model that gives points")
}

/** Throws HS5002. */
export const demandUnit = ({ tolerance }: EvaluationSettings, unit: Results["unit"]): void => {
  if (unit === "px" && tolerance?.unit === "mm")
    throw failed(
      "--tolerance",
      "HS5002",
      "a tolerance in millimetres needs images whose pixel spacing is known",
      "Give it in pixels, as --tolerance 2px, or the table a column 'spacing'.",
    )
}

const promptWords = (
  model: ModelData,
  prompt: Prompt,
  jitter: number | undefined,
): Readonly<Record<string, string>> => {
  const moved = jitter === undefined ? "" : `, moved by up to ${100 * jitter} % of the mask's box`
  return isAsked(model, prompt) ? { prompt: `${prompt.kind}${moved}` } : {}
}

export const resultsOf = (
  { from, model, report, unit, prompt, part }: Evaluation,
  settings: EvaluationSettings,
  cases: readonly CaseResult[],
): Results => ({
  model: report.name,
  dataset: basename(resolve(from.data)),
  trainable: report.trainable,
  unit,
  conventions: {
    ...conventions(measureOptionsOf(settings)),
    ...promptWords(model, prompt, settings.jitter),
    part,
    ...(settings.background ? { background: "measured as a class" } : {}),
  },
  cases,
})

/** `results.json` comes last: where it is, all is. Throws HS4001. */
export const saveEvaluation = async (folder: string, results: Results): Promise<void> => {
  await writeAtomically(join(folder, "cases.csv"), resultsCsv(results))
  await saveResults(join(folder, "results.json"), results)
}
