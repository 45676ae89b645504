/** A model with all its tensors: of a run, what it learned; of a spec, the weights that are given. */
import { join, resolve } from "node:path"
import { frozenOf } from "../compiler/analysis/frozen.ts"
import { failed } from "../compiler/diagnostic.ts"
import type { Tensors } from "../compiler/ir/graph.ts"
import type { Frozen } from "../compiler/passes/store.ts"
import type { Pair } from "../dsl/layer.ts"
import type { ModelData } from "../dsl/model.ts"
import type { Storage } from "../dsl/training.ts"
import { modelWeights } from "./base.ts"
import type { Window } from "./data/images/window.ts"
import { dataFlagsOf } from "./dataFlags.ts"
import type { Tell } from "./events.ts"
import { withAdapters } from "./run/adapters.ts"
import { inputSizeOf, selectModel, specOfRun } from "./select.ts"
import { exists, files, readRun } from "./training/checkpoint.ts"

import { leftOnDisk } from "./weights/onDisk.ts"

export interface LoadSettings {
  /** Checkpoint of the base: .safetensors or .pth. A run knows its own. */
  readonly weights?: string
  /** What training wrote; a run's best by default. */
  readonly adapters?: string
  /** [height, width] of what a spec's model sees; a run has its own. */
  readonly inputSize?: Pair
  /** How the CPU engine keeps frozen weights; as the run was trained by default. */
  readonly frozen?: Storage
  /** Values that are black and white in images of more than 8 bits. */
  readonly window?: Window
  /** Of initial values, where no checkpoint gives any. */
  readonly seed?: number
}

export interface LoadedModel {
  /** The export's name in its spec. */
  readonly name: string
  readonly model: ModelData
  /** Every tensor by name. */
  readonly weights: Tensors
  readonly window?: Window
  readonly frozen?: Frozen
}

/** Rejects with `Failed`: the spec's errors, those of weights (HS30…) and of a run's folder (HS53…). */
export const loadModel = async (subject: string, settings: LoadSettings, tell: Tell): Promise<LoadedModel> => {
  const folder = resolve(subject)
  const run = (await exists(join(folder, files.run))) ? await readRun(folder) : undefined
  if (run !== undefined && settings.inputSize !== undefined)
    throw failed("inputSize", "HS5002", "a run's model sees images of the run's own size", "Leave the size out.")
  const inputSize = settings.inputSize ?? inputSizeOf(run?.options["inputSize"])
  const spec = run === undefined ? subject : specOfRun(run)
  const selected = await selectModel(spec, inputSize === undefined ? {} : { inputSize })
  const model = selected.model.data
  const base = settings.weights ?? run?.weights ?? undefined
  const frozen = frozenOf(model, settings.frozen ?? (run?.options["frozen"] as Storage | undefined))
  const seed = Number(run?.options["seed"] ?? settings.seed ?? 0)
  const { tensors, notes } = await modelWeights(model, base, seed, leftOnDisk(frozen?.names))
  for (const note of notes) tell({ kind: "note", line: `note: ${note}` })
  if (run === undefined && base === undefined)
    tell({
      kind: "note",
      line: "note: no weights are given: the model has its initial values, and its masks mean nothing",
    })
  const adapters = settings.adapters ?? (run === undefined ? undefined : join(folder, files.best))
  const weights = adapters === undefined ? tensors : await withAdapters(model, tensors, adapters)
  const { window } = dataFlagsOf(run?.options ?? {}, settings.window === undefined ? {} : { window: settings.window })
  return {
    ...{ model, weights, name: selected.model.report.name },
    ...(window === undefined ? {} : { window }),
    ...(frozen === undefined ? {} : { frozen }),
  }
}
