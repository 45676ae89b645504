/** The PyTorch target: a package of readable Python that is the same model, on one machine or a cluster. */
import type { ModelData } from "../../dsl/model.ts"
import { networkOf } from "../../dsl/network.ts"
import { type Loss, paperDefaults, type Training } from "../../dsl/training.ts"
import { countsOf, modelPy } from "./model.ts"
import { checkNames } from "./names.ts"
import { casesPy } from "./package/cases.ts"
import { initialPy } from "./package/initial.ts"
import { lossesPy } from "./package/losses.ts"
import { readme, requirements } from "./package/readme.ts"
import { runPy } from "./package/run.ts"
import { samplesPy } from "./package/samples.ts"
import { settingsPy } from "./package/settings.ts"
import { streamsPy } from "./package/streams.ts"
import { trainPy } from "./package/train.ts"
import { weightsPy } from "./package/weights.ts"

export interface PytorchOptions {
  /** What the model is called; its family's name where nothing is said. */
  readonly name?: string
  /** A place of the code that runs → the spec's file and line, as `index.ts:24`. */
  readonly place?: (at: string | undefined) => string | undefined
  /** Where the model is exported, as `index.ts:45`. */
  readonly source?: string | undefined
  /** The compiler's version and the model's hash, for the metadata of what learns. */
  readonly version?: string
  readonly spec?: string
}

/** file:/…/index.ts:24:3 → index.ts:24 */
const fileAndLine = (at: string | undefined): string | undefined => {
  const [, file, line] = /([^/\\]+?):(\d+):\d+$/.exec(at ?? "") ?? []
  return file === undefined ? undefined : `${file}:${line}`
}

const teachesPoints = (loss: Loss): boolean =>
  loss.kind === "mse" || (loss.kind === "sum" && loss.terms.some((term) => teachesPoints(term.loss)))

/**
 * File name → text. Pure: the same model gives the same files. Training that the spec does not describe follows `paperDefaults`.
 * Throws HS2701 where a child's name cannot be an attribute in Python.
 */
export const pytorchPackage = (
  data: ModelData,
  training?: Training,
  {
    name = data.family.name,
    place = fileAndLine,
    source = place(data.at),
    version = "",
    spec = "",
  }: PytorchOptions = {},
): Readonly<Record<string, string>> => {
  checkNames(networkOf(data), name, place)
  const options = training ?? paperDefaults
  const where = place(training?.at)
  const prompted = data.family.kind === "sam"
  const teaches = !prompted && teachesPoints(options.loss) ? "point" : "mask"
  const { total, trainable } = countsOf(data)
  return {
    "model.py": modelPy(data, { name, place, source, version, spec }),
    "train.py": trainPy,
    "run.py": runPy,
    "settings.py": settingsPy(options, where),
    "losses.py": lossesPy(options.loss, teaches, where),
    "cases.py": casesPy,
    "samples.py": samplesPy,
    "streams.py": streamsPy,
    "weights.py": weightsPy,
    "initial.py": initialPy,
    "requirements.txt": requirements,
    "README.md": readme({ name, source, total, trainable, prompted }),
  }
}
