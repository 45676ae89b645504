/** One job of a study: trained or gone on with, then evaluated under each prompt. What is there already is not done again. */
import { join } from "node:path"
import type { ArmData } from "../../compiler/frontend/study.ts"
import { fileName } from "../../compiler/report/escape.ts"
import { promptingOf } from "../../dsl/task.ts"
import { csvText } from "../data/csv.ts"
import { pngBytes } from "../data/images/pngWrite.ts"
import type { Mask } from "../data/raster.ts"
import type { Sample } from "../data/reader.ts"
import { engineNamed, engines } from "../engines.ts"
import { predictorOf } from "../evaluation/asked.ts"
import { locate, measure } from "../evaluation/cases.ts"
import { measureOptionsOf, resultsOf, saveEvaluation } from "../evaluation/measured.ts"
import { type EvaluationSettings, openEvaluation } from "../evaluation/open.ts"
import type { Told } from "../events.ts"
import { writeAtomically } from "../files.ts"
import type { Selected } from "../select.ts"
import { exists, files } from "../training/checkpoint.ts"
import type { Trainer } from "../training/elsewhere.ts"
import { type RunEvent, startRun, type TrainSettings } from "../training/start.ts"
import type { OpenStudy } from "./open.ts"
import { type Condition, conditionsOf, type Job, jobsOf, localizerOf, runFolder, splitFile } from "./plan.ts"

export interface JobHooks {
  readonly on?: (event: RunEvent) => void
  readonly signal?: AbortSignal
  readonly trainer?: Trainer | undefined
}

export const pointsFile = "points.csv"
export const maskFile = (folder: string, id: string): string => join(folder, "masks", `${fileName(id)}.png`)

const defined = <A extends object>(values: A): { [K in keyof A]?: Exclude<A[K], undefined> } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never

const dataOf = ({ settings: { layout, subject, class: chosen, window, palette, inverted } }: OpenStudy) =>
  defined({ layout, subject, class: chosen, window, palette, inverted })

const weightsOf = ({ settings: { weights } }: OpenStudy, { arm, localizes }: Job): string | undefined =>
  localizes ? undefined : (weights?.[arm.name] ?? weights?.[""]) || undefined

/** Compiled once for all jobs. */
const selectedOf = ({ models, options, spec }: OpenStudy, { arm }: Job): Selected => ({
  model: models.get(arm.model)!,
  options: options.get(arm.name)!,
  spec,
})

/** Is it trained with a localizer's points? */
const isLocalized = ({ options }: OpenStudy, { arm }: Job): boolean =>
  options.get(arm.name)?.prompt.kind === "localizer"

/** The points of a localizer that was trained on the same images. */
const pointsOf = ({ study, settings }: OpenStudy, job: Job, by: ArmData): { readonly points?: string } => {
  const found = localizerOf(jobsOf(study), job, by)
  return found === undefined ? {} : { points: join(runFolder(settings.out, found), pointsFile) }
}

const trainSettings = (opened: OpenStudy, job: Job): TrainSettings => {
  const { data, out, target, epochs, batch, accumulate, memory, checkpointEvery, inputSize } = opened.settings
  const asked = opened.study.prompts.find((prompt) => prompt.kind === "automatic")
  return {
    ...dataOf(opened),
    ...defined({ target, epochs, batch, accumulate, memory, checkpointEvery, inputSize }),
    ...defined({ weights: weightsOf(opened, job), rate: job.rate }),
    ...(job.fraction === 1 ? {} : { fraction: job.fraction }),
    ...(isLocalized(opened, job) && asked !== undefined ? pointsOf(opened, job, asked.localizer) : {}),
    data,
    out: runFolder(out, job),
    seed: job.seed,
  }
}

/** Under a condition that asks the model nothing, or that it cannot be asked, there is nothing to evaluate. */
export const isAskedSo = (opened: OpenStudy, job: Job, { prompt }: Condition): boolean => {
  const kinds = promptingOf(opened.models.get(job.arm.model)!.data.takes)
  return prompt.kind === "asTrained" || (prompt.kind === "automatic" ? kinds.includes("points") : kinds.length > 0)
}

const evaluationSettings = (opened: OpenStudy, job: Job, { prompt }: Condition): EvaluationSettings => {
  const { data, out, hd95, empty, tolerance, background } = opened.settings
  const classes = Object.values(opened.models.get(job.arm.model)!.data.teaches)[0]?.kind === "classes"
  // Who learned from a localizer's points is asked by the truth as well: in its centre.
  const fromTruth = isLocalized(opened, job) && prompt.kind !== "automatic"
  return {
    ...defined({ hd95, empty, tolerance, background: classes ? background : undefined }),
    ...(prompt.kind === "jittered" ? { jitter: prompt.share } : {}),
    ...(fromTruth ? { prompt: "centre" } : {}),
    ...(prompt.kind === "automatic" ? { prompt: "localizer", ...pointsOf(opened, job, prompt.localizer) } : {}),
    part: "test",
    // A run knows its data and its split.
    ...(job.arm.trained
      ? {}
      : {
          ...dataOf(opened),
          ...defined({ weights: weightsOf(opened, job) }),
          data,
          split: splitFile(out, opened.study.folds, job.fold),
          seed: job.seed,
        }),
  }
}

/** What a target trains in a package is evaluated in this process. */
const engineOf = (target = "cpu") => engineNamed(Object.hasOwn(engines, target) ? target : "cpu")

const evaluateUnder = async (opened: OpenStudy, job: Job, condition: Condition, { on }: JobHooks): Promise<void> => {
  const folder = join(runFolder(opened.settings.out, job), condition.folder)
  const settings = evaluationSettings(opened, job, condition)
  const note = (line: string): void => on?.({ kind: "note", line })
  const subject = job.arm.trained ? runFolder(opened.settings.out, job) : `${opened.spec}#${job.arm.of}`
  const tell = (event: Told): void => on?.(event)
  const evaluation = await openEvaluation(subject, settings, tell, () => undefined, selectedOf(opened, job))
  const { samples, taught, cases, precision, frozen } = evaluation
  const backend = await engineOf(opened.settings.target)({ precision, frozen, note })
  const predicting = await predictorOf(backend, evaluation)
  try {
    if (taught.kind === "point") {
      const everywhere = await locate(predicting, samples.evaluation(evaluation.opened.cases))
      const rows = everywhere.map(({ id, x, y }) => [id, x, y])
      return await writeAtomically(join(folder, pointsFile), csvText(["id", "x", "y"], rows))
    }
    // For the sheet: of one seed, as the model was trained.
    const shown = condition.folder === "." && job.seed === opened.study.seeds[0]
    const masks: [Sample, Mask][] = []
    const measured = await measure(
      predicting,
      samples.evaluation(cases),
      taught,
      measureOptionsOf(settings),
      (...one) => {
        if (shown) masks.push(one)
      },
    )
    for (const [sample, mask] of masks)
      await writeAtomically(maskFile(folder, sample.case.id), pngBytes(mask, mask.data))
    await saveEvaluation(folder, resultsOf(evaluation, settings, measured))
  } finally {
    await predicting.dispose()
  }
}

/** What says that a job was evaluated under a condition. */
const doneFile = (out: string, job: Job, { folder }: Condition): string =>
  join(runFolder(out, job), folder, job.localizes ? pointsFile : "results.json")

export const conditionsFor = (opened: OpenStudy, job: Job): readonly Condition[] =>
  conditionsOf(opened.study).filter((condition) =>
    job.localizes ? condition.folder === "." : isAskedSo(opened, job, condition),
  )

export const isDone = async (opened: OpenStudy, job: Job): Promise<boolean> => {
  for (const condition of conditionsFor(opened, job))
    if (!(await exists(doneFile(opened.settings.out, job, condition)))) return false
  return true
}

/** False: it was stopped, and goes on from where it stands. Throws what training and evaluating throw. */
export const runJob = async (opened: OpenStudy, job: Job, hooks: JobHooks = {}): Promise<boolean> => {
  const { out } = opened.settings
  const conditions = conditionsFor(opened, job)
  const [first] = conditions
  if (job.arm.trained && !(await exists(doneFile(out, job, first!)))) {
    const settings = trainSettings(opened, job)
    const begun =
      (await exists(join(settings.out, files.last))) || (await exists(join(settings.out, "pytorch", files.last)))
    const how = begun ? { resume: true } : { split: splitFile(out, opened.study.folds, job.fold) }
    const spec = `${opened.spec}#${job.arm.of}`
    const { finished } = await startRun(spec, { ...settings, ...how }, { ...hooks, selected: selectedOf(opened, job) })
    if (!finished) return false
  }
  for (const condition of conditions) {
    if (hooks.signal?.aborted) return false
    if (!(await exists(doneFile(out, job, condition)))) await evaluateUnder(opened, job, condition, hooks)
  }
  return true
}
