/** All tensors of a model: from a checkpoint where it has them, else their initial values. */

import { type ModelTensor, tensorTable } from "../compiler/analysis/parameters.ts"
import type { Tensors } from "../compiler/ir/graph.ts"
import type { ModelData } from "../dsl/model.ts"
import { initialValues } from "./initial.ts"
import { type Loaded, load, type Unheld } from "./weights/load.ts"

export interface ModelWeights {
  /** Every tensor by name, buffers outside the state dict too. */
  readonly tensors: Tensors
  /** What was unwrapped, renamed or resized on the way, as sentences. */
  readonly notes: readonly string[]
  /** What the checkpoint says of its licence. */
  readonly licence?: string
}

/** Counts steps and is used by nothing. */
const counts = ({ name }: ModelTensor): boolean => name.endsWith(".num_batches_tracked")

/**
 * Tensors that learn and are the spec's own (adapters) may be missing from the checkpoint; all others may not. Without a checkpoint
 * everything starts from the seed. `unheld` leaves tensors in the file. Throws what `load` throws.
 */
export const modelWeights = async (
  model: ModelData,
  file: string | undefined,
  seed: number,
  unheld?: Unheld,
): Promise<ModelWeights> => {
  const table = tensorTable(model)
  const expected = table.filter((tensor) => tensor.persistent && !counts(tensor))
  const added = new Set(table.filter(({ adaptation }) => adaptation !== undefined).map(({ name }) => name))
  const loaded: Loaded =
    file === undefined ? { tensors: {}, notes: [] } : await load(expected, file, { initialised: added, unheld })
  const found = loaded.tensors
  const tensors = Object.fromEntries(
    table.map((tensor) => {
      const { name, shape } = tensor
      return [name, found[name] ?? { shape, data: initialValues(tensor, seed) }]
    }),
  )
  return { tensors, notes: loaded.notes, ...(loaded.licence === undefined ? {} : { licence: loaded.licence }) }
}
