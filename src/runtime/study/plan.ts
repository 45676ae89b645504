/** Which runs a study consists of: trainings × seeds × folds × fractions × rates, each with a name that tells it. */
import { join } from "node:path"
import type { ArmData, PromptData, StudyData } from "../../compiler/frontend/study.ts"
import { fileName } from "../../compiler/report/escape.ts"

/** One run folder: a training with what is evaluated of it, or a model as it is. */
export interface Job {
  /** Its name, also that of its folder. */
  readonly id: string
  readonly arm: ArmData
  readonly seed: number
  /** From 1 on. */
  readonly fold: number
  readonly fraction: number
  /** Undefined: the training's own. */
  readonly rate?: number
  /** Localizers come first: others are prompted with their points. */
  readonly localizes: boolean
}

/** How a run is evaluated; the first prompt's results lie in its folder itself. */
export interface Condition {
  readonly prompt: PromptData
  /** In a table's heading. */
  readonly title: string
  /** Within the run's folder. */
  readonly folder: string
}

const percent = (share: number): string => `${Number((100 * share).toPrecision(12))} %`

export const conditionOf = (prompt: PromptData): Condition => {
  switch (prompt.kind) {
    case "asTrained":
      return { prompt, title: "prompted by the truth", folder: "." }
    case "jittered":
      return { prompt, title: `prompts moved by ${percent(prompt.share)}`, folder: `moved-${prompt.share}` }
    case "automatic":
      return { prompt, title: `prompted by ${prompt.localizer.name}`, folder: "automatic" }
  }
}
/** What is evaluated: every prompt that is asked for, and always that of the training, by which runs are told to be done. */
export const conditionsOf = ({ prompts }: Pick<StudyData, "prompts">): readonly Condition[] => {
  const asked = prompts.map(conditionOf)
  return asked.some(({ folder }) => folder === ".") ? asked : [conditionOf({ kind: "asTrained" }), ...asked]
}

export const fractionTitle = (fraction: number): string => `${percent(fraction)} of the training images`

const idOf = (study: StudyData, job: Omit<Job, "id">): string =>
  [
    fileName(job.arm.name),
    `seed${job.seed}`,
    ...(study.folds > 1 ? [`fold${job.fold}`] : []),
    ...(study.fractions.length > 1 ? [`part${job.fraction}`] : []),
    ...(job.rate === undefined ? [] : [`rate${job.rate}`]),
  ].join("-")

const upTo = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i + 1)

/** In the order in which they run. A model that is not trained is the same whatever seed and fraction. */
export const jobsOf = (study: StudyData): readonly Job[] => {
  const { arms, seeds, folds, fractions, rates, prompts } = study
  const localizers = prompts.flatMap((prompt) => (prompt.kind === "automatic" ? [prompt.localizer] : []))
  const of = (arm: ArmData, localizes: boolean): readonly Job[] =>
    (arm.trained ? seeds : seeds.slice(0, 1)).flatMap((seed) =>
      upTo(folds).flatMap((fold) =>
        (arm.trained ? fractions : fractions.slice(0, 1)).flatMap((fraction) =>
          (arm.trained && !localizes && rates.length > 0 ? rates : [undefined]).map((rate) => {
            const job = { arm, seed, fold, fraction, localizes, ...(rate === undefined ? {} : { rate }) }
            return { id: idOf(study, job), ...job }
          }),
        ),
      ),
    )
  return [...localizers.flatMap((arm) => of(arm, true)), ...arms.flatMap((arm) => of(arm, false))]
}

/** The localizer's run on the same images. */
export const localizerOf = (jobs: readonly Job[], { seed, fold, fraction, arm }: Job, by: ArmData): Job | undefined =>
  jobs.find(
    (job) =>
      job.localizes &&
      job.arm.name === by.name &&
      job.fold === fold &&
      (!arm.trained || (job.seed === seed && job.fraction === fraction)),
  )

export const runFolder = (out: string, { id }: Job): string => join(out, "runs", id)
export const splitFile = (out: string, folds: number, fold: number): string =>
  folds === 1 ? join(out, "split.json") : join(out, "splits", `fold-${fold}.json`)
