/** A spec on the command line, with #export where it has several models. */
import { type Compiled, type CompiledModel, compileSpecs } from "../compiler/compile.ts"
import { aboutFile, type Diagnostics, Failed } from "../compiler/diagnostic.ts"
import { splitSpec } from "../compiler/frontend/resolve.ts"
import type { Pair } from "../dsl/layer.ts"
import { defaultsFor, type Training, type TrainingOptions } from "../dsl/training.ts"

export interface Selected {
  readonly model: CompiledModel
  /** How the spec says it is trained; the paper's values where it says nothing. */
  readonly options: TrainingOptions
  readonly spec: string
}

const optionsOf = ({ kind: _, model: __, at: ___, ...options }: Training): TrainingOptions => options

const pick = (compiled: Compiled, path: string, name: string | undefined): Selected => {
  const { models, specs } = compiled
  const trainings = specs.flatMap(({ trainings }) => trainings)
  const asTraining = trainings.find((training) => training.name === name)
  const ofOnlyTraining = trainings.length === 1 ? models.filter(({ name }) => name === trainings[0]!.model) : []
  const [model] = models.length === 1 ? models : ofOnlyTraining
  if (model === undefined) {
    const names = models.map((one) => one.name)
    const message = `the spec has several models: ${names.join(", ")}`
    throw new Failed([aboutFile(path, "HS1008", message, `Choose one: ${path}#${names[0]}`)])
  }
  const training = asTraining ?? trainings.find((one) => one.model === model.name)
  return { model, options: training === undefined ? defaultsFor(model.data) : optionsOf(training.training), spec: path }
}

/** The image size that a run was started with: one number for a square, or [height, width]. */
export const inputSizeOf = (recorded: unknown): Pair | undefined =>
  typeof recorded === "number"
    ? [recorded, recorded]
    : Array.isArray(recorded) && recorded.length === 2
      ? [Number(recorded[0]), Number(recorded[1])]
      : undefined

/** Spec and model of a run, as a command would be given them. Folders may hold a # of their own. */
export const specOfRun = ({ spec, name }: { readonly spec: string; readonly name: string }): string =>
  `${splitSpec(spec).path}#${name}`

/** Compiles a spec and takes one model of it. Throws the spec's errors. */
export const selectModel = async (
  given: string,
  { inputSize }: { readonly inputSize?: Pair } = {},
): Promise<Selected> => {
  const { path, name } = splitSpec(given)
  const compiled = await compileSpecs([given], inputSize === undefined ? {} : { inputSize })
  const errors = compiled.report.diagnostics.filter(({ severity }) => severity === "error")
  if (errors.length > 0) throw new Failed(errors as unknown as Diagnostics)
  return pick(compiled, path, name)
}
