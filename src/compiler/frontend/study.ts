/** A study as it comes from a spec's thread: by the names of exports, and what keeps it from being run. */
import { isTrained, modelOf, type Study, type StudyArm } from "../../dsl/study.ts"
import { isTraining, type Training, type TrainingOptions } from "../../dsl/training.ts"

/** A row of the tables. */
export interface ArmData {
  /** What it is called in tables and folders. */
  readonly name: string
  /** The export to train, or of a model that is evaluated as it is. */
  readonly of: string
  /** The export of its model. */
  readonly model: string
  readonly trained: boolean
}
export type PromptData =
  | { readonly kind: "asTrained" }
  | { readonly kind: "jittered"; readonly share: number }
  | { readonly kind: "automatic"; readonly localizer: ArmData }

/** `Study` with names in place of trainings and models. */
export interface StudyData extends Pick<Study, "seeds" | "folds" | "fractions" | "rates" | "test" | "correction"> {
  readonly arms: readonly ArmData[]
  readonly prompts: readonly PromptData[]
  /** The reference's name. */
  readonly reference: string
}
export interface NamedStudy {
  readonly name: string
  readonly at?: string
  readonly study?: StudyData
  /** Why it cannot be run. */
  readonly flaws: readonly string[]
  /** In what its trainings' budgets differ. */
  readonly unequal: readonly string[]
}

/** Exports of a spec by what they are. */
export interface Exported {
  readonly models: readonly { readonly name: string; readonly data: unknown }[]
  readonly trainings: readonly { readonly name: string; readonly training: Training }[]
}

const budgets = ["epochs", "batch", "accumulate"] as const satisfies readonly (keyof TrainingOptions)[]

/** "epochs: unet 2, samed 3" */
export const unequalBudgets = (
  arms: readonly { readonly name: string; readonly options: Pick<TrainingOptions, (typeof budgets)[number]> }[],
): readonly string[] =>
  budgets.flatMap((budget) =>
    new Set(arms.map(({ options }) => options[budget])).size < 2
      ? []
      : [`${budget}: ${arms.map(({ name, options }) => `${name} ${options[budget]}`).join(", ")}`],
  )

const twice = (values: readonly unknown[]): unknown => values.find((value, i) => values.indexOf(value) !== i)

const listFlaws = (study: Study): readonly string[] =>
  (["seeds", "fractions", "rates"] as const).flatMap((list) => {
    const values = study[list]
    if (!Array.isArray(values)) return [`${list} is not a list`]
    if (values.length === 0 && list !== "rates") return [`${list} is empty`]
    const again = twice(values)
    return again === undefined ? [] : [`${list} has ${String(again)} twice`]
  })

export const namedStudy = (name: string, study: Study, { models, trainings }: Exported): NamedStudy => {
  const at = study.at === undefined ? {} : { at: study.at }
  const given: readonly unknown[] = Array.isArray(study.trainings) ? study.trainings : []
  const isArm = (x: unknown): x is StudyArm =>
    isTraining(x) || (typeof x === "object" && x !== null && typeof (x as { data?: unknown }).data === "object")
  const trainingName = (arm: StudyArm) => trainings.find(({ training }) => training === arm)?.name
  const modelName = (arm: StudyArm) => models.find(({ data }) => data === modelOf(arm))?.name
  const flaws = [...listFlaws(study)]
  if (given.length === 0) flaws.push("trainings is empty: there is nothing to compare")
  if (study.folds === 2) flaws.push("folds is 1 or at least 3: one tests, one validates, the others train")
  /** By its model, unless several trainings of one model are compared. */
  const armOf = (arm: unknown, what: string, others: readonly unknown[]): ArmData | undefined => {
    if (!isArm(arm)) {
      flaws.push(`${what} is neither a training nor a model`)
      return undefined
    }
    const [model, training] = [modelName(arm), isTrained(arm) ? trainingName(arm) : undefined]
    if (model === undefined || (isTrained(arm) && training === undefined)) {
      flaws.push(
        `${what} is not exported${isTrained(arm) && training !== undefined ? " with its model" : ""}, so no run can be named after it`,
      )
      return undefined
    }
    const alone = others.filter((other) => isArm(other) && modelOf(other) === modelOf(arm)).length < 2
    return { name: alone ? model : (training ?? model), of: training ?? model, model, trained: training !== undefined }
  }
  const arms = given.map((arm, i) => armOf(arm, `trainings[${i}]`, given))
  const prompts = (Array.isArray(study.prompts) ? study.prompts : []).map((prompt): PromptData | undefined => {
    if (prompt.kind !== "automatic") return prompt
    const localizer = armOf(prompt.localizer, "automatic's localizer", [])
    const points = localizer !== undefined && Object.values(modelOf(prompt.localizer).teaches)[0]?.kind === "point"
    if (localizer !== undefined && !(points && localizer.trained))
      flaws.push("automatic takes a training of a model that is taught a point")
    return localizer === undefined
      ? undefined
      : { kind: "automatic", localizer: { ...localizer, name: `localizer-${localizer.name}` } }
  })
  if (prompts.length === 0) flaws.push("prompts is empty")
  const localizers = prompts.filter((prompt) => prompt?.kind === "automatic").length
  for (const [i, arm] of given.entries())
    if (isTraining(arm) && arm.prompt.kind === "localizer" && localizers !== 1)
      flaws.push(
        `trainings[${i}] is prompted by a localizer, and prompts has ${localizers === 0 ? "no automatic(…)" : `${localizers} of them`} whose points it would have`,
      )
  const again = twice(arms.map((arm) => arm?.name).filter((one) => one !== undefined))
  if (again !== undefined) flaws.push(`'${String(again)}' is compared with itself`)
  const reference = arms[given.indexOf(study.reference)]
  if (flaws.length === 0 && reference === undefined) flaws.push("its reference is not one of its trainings")
  if (flaws.length > 0) return { name, ...at, flaws, unequal: [] }
  const known = arms as readonly ArmData[]
  const optionsOf = ({ of }: ArmData) => trainings.find((one) => one.name === of)?.training
  const { seeds, folds, fractions, rates, test, correction } = study
  return {
    name,
    ...at,
    flaws,
    unequal: unequalBudgets(
      known.flatMap((arm) => {
        const options = optionsOf(arm)
        return options === undefined ? [] : [{ name: arm.name, options }]
      }),
    ),
    study: {
      arms: known,
      prompts: prompts as readonly PromptData[],
      reference: reference!.name,
      ...{ seeds, folds, fractions, rates, test, correction },
    },
  }
}
