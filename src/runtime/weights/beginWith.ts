/** A model's first values from another model's checkpoint, by a map of names. Strict: what is left over and what is missing is told, unless the map says so. */
import { type ModelTensor, tensorTable } from "../../compiler/analysis/parameters.ts"
import { aboutFile, type Diagnostic, Failed } from "../../compiler/diagnostic.ts"
import type { Shape, Tensor, Tensors } from "../../compiler/ir/graph.ts"
import type { ModelData } from "../../dsl/model.ts"
import { initialValues } from "../initial.ts"
import { withCheckpoint } from "./checkpoint.ts"
import { grouped } from "./groups.ts"
import { licenceOf } from "./licence.ts"
import { allFinite, notFinite } from "./load.ts"
import { becomes, fits, type NamesMap } from "./names.ts"
import type { StoredTensor } from "./stored.ts"
import { shown } from "./text.ts"
import { type Turn, turns } from "./turn.ts"

export interface Begun {
  /** Every tensor of the model's state dict. */
  readonly tensors: Tensors
  /** How many of them come from the file, and how many are the spec's initial values. */
  readonly taken: number
  readonly initial: number
  /** Tensors of the file that the map leaves out. */
  readonly leftOut: number
  readonly notes: readonly string[]
  readonly licence?: string
}

/** A batch norm's count of steps is used by nothing. */
const counts = (name: string): boolean => name.endsWith(".num_batches_tracked")
const spell = (shape: Shape): string => `[${shape.join(", ")}]`
const same = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((n, i) => n === b[i])

interface Source {
  readonly stored: StoredTensor
  readonly as?: Turn | undefined
}

/** Which tensor of the file fills which of the model's, and all that does not go together. */
export const matched = (
  model: readonly ModelTensor[],
  stored: readonly StoredTensor[],
  map: NamesMap,
  path: string,
) => {
  const wanted = new Map(model.map((tensor) => [tensor.name, tensor]))
  const sources = new Map<string, Source>()
  const strays: string[] = []
  const lost: string[] = []
  const twice: Diagnostic[] = []
  let leftOut = 0
  for (const tensor of stored) {
    if (fits(map.leftOut, tensor.name)) {
      leftOut += 1
      continue
    }
    const found = becomes(map, tensor.name)
    if (found === undefined) {
      if (counts(tensor.name)) leftOut += 1
      else strays.push(tensor.name)
      continue
    }
    for (const name of found.names) {
      const before = sources.get(name)
      if (!wanted.has(name)) {
        if (!counts(name)) lost.push(`${tensor.name} → ${name}`)
      } else if (before === undefined) sources.set(name, { stored: tensor, as: found.as })
      else
        twice.push(
          aboutFile(
            path,
            "HS3016",
            `'${shown(before.stored.name)}' and '${shown(tensor.name)}' both become '${name}'`,
            `Leave one of them out in ${map.file}.`,
          ),
        )
    }
  }
  const missing = model.filter(({ name }) => !sources.has(name) && !counts(name) && !fits(map.initial, name))
  const problems: Diagnostic[] = [...twice]
  if (strays.length > 0)
    problems.push(
      aboutFile(
        path,
        "HS3011",
        `no rule of ${map.file} fits ${grouped(strays)}`,
        'Add a rule to "tensors", or name them in "leftOut".',
      ),
    )
  if (lost.length > 0)
    problems.push(
      aboutFile(
        path,
        "HS3011",
        `${map.file} gives ${lost.length === 1 ? "a name" : `${lost.length} names`} that the model lacks: ${lost.slice(0, 3).map(shown).join(", ")}${lost.length > 3 ? " …" : ""}`,
        'Correct the rule, or name these tensors of the file in "leftOut".',
      ),
    )
  if (missing.length > 0)
    problems.push(
      aboutFile(
        path,
        "HS3010",
        `nothing fills ${grouped(missing.map(({ name }) => name))}`,
        `Add a rule to "tensors" in ${map.file}, or name them in "initial": they begin as the spec says.`,
      ),
    )
  return { sources, leftOut, problems }
}

const throwIf = ([first, ...rest]: readonly Diagnostic[]): void => {
  if (first !== undefined) throw new Failed([first, ...rest])
}

/**
 * First values of a model: from the file by the map's names, else the spec's initial values from the seed. Adapters that the spec adds begin as the spec says where no rule fills them.
 * Throws HS3010, HS3011, HS3012, HS3013, HS3016, all that does not fit at once, and what opening a checkpoint throws.
 */
export const beginWith = (model: ModelData, path: string, map: NamesMap, seed: number): Promise<Begun> =>
  withCheckpoint(path, async (checkpoint) => {
    const table = tensorTable(model).filter(({ persistent }) => persistent)
    const added = table.filter(({ adaptation }) => adaptation !== undefined).map(({ name }) => name)
    const { sources, leftOut, problems } = matched(
      table,
      checkpoint.tensors,
      { ...map, initial: [...map.initial, ...added] },
      path,
    )
    throwIf(problems)
    const misfits: Diagnostic[] = []
    const bad: string[] = []
    const values: [string, Tensor][] = []
    for (const tensor of table) {
      const { name, shape } = tensor
      const source = sources.get(name)
      if (source === undefined) {
        values.push([name, { shape, data: initialValues(tensor, seed) }])
        continue
      }
      const { stored, as } = source
      const read = await checkpoint.read(stored)
      if (!allFinite(read.data)) bad.push(stored.name)
      const turned = as === undefined ? (same(read.shape, shape) ? read : undefined) : turns[as](read, shape)
      if (turned === undefined)
        misfits.push(
          aboutFile(
            path,
            "HS3012",
            `'${shown(stored.name)}' ${spell(stored.shape)} does not become '${name}' ${spell(shape)}${as === undefined ? "" : ` as '${as}'`}`,
            `Give the checkpoint of this size, say how it is turned ("as": ${Object.keys(turns).join(", ")}), or leave it out in ${map.file}.`,
          ),
        )
      else values.push([name, turned])
    }
    throwIf([...misfits, ...(bad.length > 0 ? [notFinite(path, bad)] : [])])
    const licence = licenceOf(checkpoint.metadata)
    return {
      tensors: Object.fromEntries(values),
      ...{ taken: sources.size, initial: table.length - sources.size, leftOut },
      notes: checkpoint.notes,
      ...(licence === undefined ? {} : { licence }),
    }
  })
