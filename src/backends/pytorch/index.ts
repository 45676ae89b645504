/** The PyTorch target: a package of readable Python that is the same model, on one machine or a cluster. */
import type { ModelData } from "../../dsl/model.ts"
import { networkOf } from "../../dsl/network.ts"
import { defaultsFor, type Training } from "../../dsl/training.ts"
import { countsOf, modelPy } from "./model.ts"
import { checkNames } from "./names.ts"
import { pythonFiles } from "./package/files.ts"
import { readme, requirements } from "./package/readme.ts"
import { settingsJson } from "./package/settings.ts"
import { sharedIn } from "./shared.ts"

export interface PytorchOptions {
  /** What the model is called; its own name where nothing is said. */
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

/**
 * File name → text. Pure: the same model gives the same files. Training that the spec does not describe follows `defaultsFor` the model.
 * Throws HS2701 where a child's name cannot be an attribute in Python.
 */
export const pytorchPackage = (
  data: ModelData,
  training?: Training,
  { name = data.name, place = fileAndLine, source = place(data.at), version = "", spec = "" }: PytorchOptions = {},
): Readonly<Record<string, string>> => {
  checkNames(networkOf(data), name, place)
  const options = training ?? defaultsFor(data)
  const { total, trainable, learns, added } = countsOf(data)
  const { blocks, takes, teaches } = data
  const shared = sharedIn(networkOf(data))
  const facts = { name, version, spec, parameters: total, trainable, learns, added, shared, blocks, takes, teaches }
  return {
    ...pythonFiles(),
    "model.py": modelPy(data, { name, place, source }),
    "settings.json": settingsJson(facts, options, data),
    "requirements.txt": requirements,
    "README.md": readme({ name, source, total, trainable }),
  }
}
