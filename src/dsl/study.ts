/** A study as data: which models are trained and compared, over which seeds, folds, shares of the data, rates and prompts. `hasam study` runs it. */
import type { ModelData } from "./model.ts"
import { callSite } from "./place.ts"
import type { Training } from "./training.ts"

/** How models are asked when they are evaluated; those that take no prompt are evaluated once. */
export type StudyPrompt =
  | { readonly kind: "asTrained" }
  | { readonly kind: "jittered"; readonly share: number }
  | { readonly kind: "automatic"; readonly localizer: Training }
/** With the prompt that the model was trained with, from the truth. */
export const asTrained: StudyPrompt = { kind: "asTrained" }
/** The same, moved by up to this share of the sides of the mask's box: as people prompt. */
export const jittered = (share: number): StudyPrompt => ({ kind: "jittered", share })
/** With the points of a localizer, a training of a model that is taught a point: nobody prompts. It is trained within the study, on the same split. */
export const automatic = (localizer: Training): StudyPrompt => ({ kind: "automatic", localizer })

/** Trained, or evaluated as it is, such as a zero-shot model. */
export type StudyArm = Training | { readonly data: ModelData }

export interface StudyOptions {
  /** What is compared, in the order of the table's rows. Each is exported, so that its runs have a name. */
  readonly trainings: readonly StudyArm[]
  /** Of order, augmentation, prompts and initial values. Default: [0]. */
  readonly seeds?: readonly number[]
  /** 1: one split. More: as many folds; the data set's own where it comes with so many. Default: 1. */
  readonly folds?: number
  /** Shares of the training images, 0…1. Default: [1]. */
  readonly fractions?: readonly number[]
  /** Learning rates that each training tries; the validation images choose, one for each training. Default: each training's own. */
  readonly rates?: readonly number[]
  /** Default: [asTrained]. */
  readonly prompts?: readonly StudyPrompt[]
  /** What the others are tested against. Default: the last. */
  readonly reference?: StudyArm
  /** Welch's, as in the paper; paired or wilcoxon case by case. Default: paired. */
  readonly test?: "welch" | "paired" | "wilcoxon"
  /** Over the models of a column. Default: Holm's, and with Welch's none, as in the paper. */
  readonly correction?: "none" | "holm"
}
export interface Study extends Required<StudyOptions> {
  readonly kind: "study"
  readonly at?: string
}

/** What is trained, on what, how often, and how it is compared. */
export const study = (options: StudyOptions): Study => {
  const at = callSite()
  const { trainings, test = "paired" } = options
  return {
    kind: "study",
    seeds: [0],
    folds: 1,
    fractions: [1],
    rates: [],
    prompts: [asTrained],
    reference: trainings[trainings.length - 1] as StudyArm,
    correction: test === "welch" ? "none" : "holm",
    ...options,
    test,
    ...(at === undefined ? {} : { at }),
  }
}

export const isStudy = (x: unknown): x is Study =>
  typeof x === "object" && x !== null && (x as { kind?: unknown }).kind === "study" && "trainings" in x
export const isTrained = (arm: StudyArm): arm is Training => "optimizer" in arm
export const modelOf = (arm: StudyArm): ModelData => (isTrained(arm) ? arm.model : arm.data)
