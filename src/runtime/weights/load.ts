/** A model's tensors from a checkpoint, strictly: each of the expected, none else, all finite. */
import { aboutFile, type Diagnostic, Failed } from "../../compiler/diagnostic.ts"
import type { Tensor, Tensors } from "../../compiler/ir/graph.ts"
import { type Checkpoint, withCheckpoint } from "./checkpoint.ts"
import { type Comparison, compare, differences, type Expected, type Mapped } from "./compare.ts"
import { grouped } from "./groups.ts"
import { licenceOf } from "./licence.ts"
import { resizeAbsolute, resizeRelative } from "./resize.ts"
import type { StoredTensor } from "./stored.ts"
import { shown } from "./text.ts"

/** In place of a tensor that is not to be held, since an engine keeps it in fewer bits: one that reads its values each time that they are asked for. */
export type Unheld = (name: string, path: string, stored: StoredTensor) => Tensor | undefined

export interface LoadOptions {
  /** Data in SharedArrayBuffers, for worker threads. */
  readonly shared?: boolean
  /** Tensors that the spec gives values of its own (adapters): the file has all of them or none. */
  readonly initialised?: ReadonlySet<string>
  readonly unheld?: Unheld | undefined
}
export interface Loaded {
  readonly tensors: Tensors
  /** What was unwrapped, renamed, resized or ignored, as sentences. */
  readonly notes: readonly string[]
  /** What the file says of its licence. */
  readonly licence?: string
}

/** NaN and ±∞ times zero are NaN; all else is zero. */
export const allFinite = (data: Float32Array): boolean => {
  let sum = 0
  for (let i = 0; i < data.length; i++) sum += data[i]! * 0
  return sum === 0
}

const resized = (tensor: Tensor, { resize }: Mapped): Tensor => {
  if (resize === undefined) return tensor
  const [first = 0, height = 0, width = 0] = resize.to
  return resize.kind === "relative" ? resizeRelative(tensor, first) : resizeAbsolute(tensor, height, width)
}

export const notFinite = (file: string, names: readonly string[]): Diagnostic =>
  aboutFile(
    file,
    "HS3013",
    `${names.length} ${names.length === 1 ? "tensor has" : "tensors have"} values that are NaN or infinite: ${grouped(names)}`,
    "The training that wrote the file diverged, or values overflowed; use an earlier checkpoint.",
  )

/** Tensors that claim one name must agree. */
export const twinProblems = async (checkpoint: Checkpoint, { twins }: Comparison): Promise<readonly Diagnostic[]> => {
  const problems: Diagnostic[] = []
  for (const [a, b] of twins)
    if (Buffer.compare(await checkpoint.raw(a), await checkpoint.raw(b)) !== 0)
      problems.push(
        aboutFile(
          checkpoint.path,
          "HS3016",
          `'${shown(a.name)}' and '${shown(b.name)}' are one tensor of the model and differ`,
          "Remove one of them from the file.",
        ),
      )
  return problems
}

const throwIf = (problems: readonly Diagnostic[]): void => {
  const [first, ...rest] = problems
  if (first !== undefined) throw new Failed([first, ...rest])
}

/** Tensors of an opened checkpoint. Throws all that does not fit at once. */
export const loadFrom = async (
  expected: readonly Expected[],
  checkpoint: Checkpoint,
  { shared = false, initialised, unheld }: LoadOptions = {},
): Promise<Loaded> => {
  const comparison = compare(expected, checkpoint.tensors, initialised)
  throwIf([...differences(checkpoint.path, comparison), ...(await twinProblems(checkpoint, comparison))])
  const tensors: [string, Tensor][] = []
  const bad: string[] = []
  for (const mapped of comparison.mapped) {
    const tensor = await checkpoint.read(mapped.from, shared)
    if (!allFinite(tensor.data)) bad.push(mapped.name)
    const again = mapped.resize === undefined ? unheld?.(mapped.name, checkpoint.path, mapped.from) : undefined
    tensors.push([mapped.name, again ?? resized(tensor, mapped)])
  }
  if (bad.length > 0) throwIf([notFinite(checkpoint.path, bad)])
  const licence = licenceOf(checkpoint.metadata)
  return {
    tensors: Object.fromEntries(tensors),
    notes: [...checkpoint.notes, ...comparison.notes],
    ...(licence === undefined ? {} : { licence }),
  }
}

/** Loads a model's tensors from a file. Throws HS4002, HS300x and HS301x, all that does not fit at once. */
export const load = (expected: readonly Expected[], path: string, options: LoadOptions = {}): Promise<Loaded> =>
  withCheckpoint(path, (checkpoint) => loadFrom(expected, checkpoint, options))

/** Every tensor of a file as float32, under the file's own names; for inputs of a run. */
export const loadAll = (path: string): Promise<Tensors> =>
  withCheckpoint(path, async (checkpoint) => {
    const tensors: [string, Tensor][] = []
    for (const tensor of checkpoint.tensors) tensors.push([tensor.name, await checkpoint.read(tensor)])
    return Object.fromEntries(tensors)
  })

/** What `verify` finds, without keeping a tensor. */
export interface Verification extends Comparison {
  readonly file: string
  readonly problems: readonly Diagnostic[]
}

/** Compares a file with what a model expects, and looks at every value, one tensor in memory at a time. */
export const verify = (
  expected: readonly Expected[],
  path: string,
  { initialised }: LoadOptions = {},
): Promise<Verification> =>
  withCheckpoint(path, async (checkpoint) => {
    const comparison = compare(expected, checkpoint.tensors, initialised)
    const bad: string[] = []
    for (const { name, from } of comparison.mapped) if (!allFinite((await checkpoint.read(from)).data)) bad.push(name)
    const problems = [
      ...differences(path, comparison),
      ...(await twinProblems(checkpoint, comparison)),
      ...(bad.length > 0 ? [notFinite(path, bad)] : []),
    ]
    return { ...comparison, notes: [...checkpoint.notes, ...comparison.notes], file: path, problems }
  })
