/** The PyTorch target: a package of readable Python that is the same model, on one machine or a cluster. */
import { type Diagnostic, Failed } from "../../compiler/diagnostic.ts"
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

/** An epoch that is undone is the CPU engine's loop. */
const demandUntuned = (
  model: string,
  training: Training | undefined,
  placeOf: (at: string | undefined) => string | undefined,
): void => {
  if (training?.autoLr === undefined) return
  const [, file = model, line = "0"] = /^(.*):(\d+)$/.exec(placeOf(training.at) ?? "") ?? []
  const found: Diagnostic = {
    ...{ file, line: Number(line), column: line === "0" ? 0 : 1, code: "HS2704", severity: "error" },
    message: `the training of '${model}' tunes its rates (autoLr), which the package for PyTorch does not`,
    help: "Train on another target, or leave autoLr out.",
  }
  throw new Failed([found])
}

/**
 * File name → text. Pure: the same model gives the same files. Training that the spec does not describe follows `defaultsFor` the model.
 * Throws HS2701 where a child's name cannot be an attribute in Python, HS2704 where rates are tuned.
 */
export const pytorchPackage = (
  data: ModelData,
  training?: Training,
  { name = data.name, place = fileAndLine, source = place(data.at), version = "", spec = "" }: PytorchOptions = {},
): Readonly<Record<string, string>> => {
  checkNames(networkOf(data), name, place)
  demandUntuned(name, training, place)
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
