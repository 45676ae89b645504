/** A checkpoint against the tensors that a model expects: what fits, what does not, and why. Pure. */
import { aboutFile, type Diagnostic } from "../../compiler/diagnostic.ts"
import type { Shape } from "../../compiler/ir/graph.ts"
import { likelyCauses } from "./causes.ts"
import { conventionOf, type Named, ourNames, positions, preprocessing, rowsFor, wrapperOf } from "./families/index.ts"
import { grouped } from "./groups.ts"
import type { StoredTensor } from "./stored.ts"

export interface Expected extends Named {
  readonly kind: "parameter" | "buffer"
}
export interface Mapped {
  readonly name: string
  readonly from: StoredTensor
  /** The shape to which a table of positions is resized. */
  readonly resize?: { readonly kind: "absolute" | "relative"; readonly to: Shape }
}
export interface Comparison {
  readonly mapped: readonly Mapped[]
  readonly missing: readonly Expected[]
  /** As the file names them. */
  readonly unexpected: readonly string[]
  readonly wrongShape: readonly { readonly name: string; readonly found: Shape; readonly expected: Shape }[]
  /** Pairs of the file's tensors that claim one name; fine if they are equal. */
  readonly twins: readonly (readonly [StoredTensor, StoredTensor])[]
  /** What was understood on the way, as sentences. */
  readonly notes: readonly string[]
  /** Why it does not fit, the likelier first, as sentences. */
  readonly causes: readonly string[]
}

/** Constants that some files carry and no model learns: preprocessing, BatchNorm's step counters. */
const carriesNothing = (name: string): boolean => preprocessing.has(name) || name.endsWith(".num_batches_tracked")

const same = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((n, i) => n === b[i])

/** How a table of positions can be brought to the expected shape; undefined if it is something else that differs. */
const resizing = (
  name: string,
  found: Shape,
  expected: Shape,
  from: Shape | undefined,
  to: Shape | undefined,
): Mapped["resize"] => {
  if (name.endsWith("pos_embed") && found.length === 4 && expected.length === 4)
    return found[0] === 1 && expected[0] === 1 && found[3] === expected[3]
      ? { kind: "absolute", to: expected }
      : undefined
  const axis = name.endsWith(".rel_pos_h") ? 1 : name.endsWith(".rel_pos_w") ? 2 : undefined
  if (axis === undefined || from?.length !== 4 || to?.length !== 4) return undefined
  // Only tables over the whole grid follow the image size; those of windows do not.
  const global = found[0] === rowsFor(from[axis]!) && expected[0] === rowsFor(to[axis]!) && from[axis] !== to[axis]
  return global && found[1] === expected[1] ? { kind: "relative", to: expected } : undefined
}

/**
 * Compares strictly. `initialised` are tensors that the spec gives values of its own, such as adapters: the file has all
 * of them or none.
 */
export const compare = (
  expected: readonly Expected[],
  stored: readonly StoredTensor[],
  initialised: ReadonlySet<string> = new Set(),
): Comparison => {
  const wanted = new Map(expected.map((tensor) => [tensor.name, tensor]))
  const notes: string[] = []

  const plain = stored.map(({ name }) => name)
  const wrapper = plain.some((name) => wanted.has(name)) ? { prefix: "", notes: [] } : wrapperOf(plain)
  notes.push(...wrapper.notes)
  const bare = plain.map((name) => name.slice(wrapper.prefix.length))
  const renamed = ourNames(bare)
  const convention = conventionOf(bare)
  if (convention === "Hugging Face" || convention === "SAMed LoRA") notes.push(`names are ${convention}'s`)

  const found = new Map<string, StoredTensor>()
  const twins: [StoredTensor, StoredTensor][] = []
  const idle: string[] = []
  const unexpected: string[] = []
  stored.forEach((tensor, i) => {
    const name = renamed.get(bare[i]!)!
    const twin = found.get(name)
    if (twin !== undefined) twins.push([twin, tensor])
    else if (wanted.has(name)) found.set(name, tensor)
    else if (carriesNothing(name)) idle.push(name)
    else unexpected.push(tensor.name)
  })
  if (idle.length > 0) notes.push(`ignored, being constants: ${grouped(idle)}`)

  const gridFrom = found.get(positions)?.shape
  const gridTo = wanted.get(positions)?.shape
  const mapped: Mapped[] = []
  const wrongShape: Comparison["wrongShape"][number][] = []
  for (const [name, from] of found) {
    const { shape } = wanted.get(name)!
    const resize = same(from.shape, shape) ? undefined : resizing(name, from.shape, shape, gridFrom, gridTo)
    if (same(from.shape, shape)) mapped.push({ name, from })
    else if (resize !== undefined) mapped.push({ name, from, resize })
    else wrongShape.push({ name, found: from.shape, expected: shape })
  }
  const resized = mapped.filter(({ resize }) => resize !== undefined)
  if (resized.length > 0)
    notes.push(
      `${resized.length} position tables resized from a grid of ${gridFrom?.slice(1, 3).join(" × ")} to ${gridTo?.slice(1, 3).join(" × ")}`,
    )

  const hasInitialised = [...initialised].some((name) => found.has(name))
  const missing = expected.filter(({ name }) => !found.has(name) && (hasInitialised || !initialised.has(name)))
  const differs = missing.length + unexpected.length + wrongShape.length > 0
  const theirs = stored.map(({ shape }, i) => ({ name: renamed.get(bare[i]!)!, shape }))
  const causes = differs ? likelyCauses(expected, theirs, missing) : []
  return { mapped, missing, unexpected, wrongShape, twins, notes, causes }
}

const plural = (n: number, noun: string): string => `${n.toLocaleString("en-US")} ${noun}${n === 1 ? "" : "s"}`
const spell = (shape: Shape): string => `[${shape.join(", ")}]`

/** Everything that does not fit, at once; empty if the checkpoint is the model's. */
export const differences = (
  file: string,
  { missing, unexpected, wrongShape, causes }: Comparison,
): readonly Diagnostic[] => {
  const why = causes.length > 0 ? `Likely cause: ${causes.join("; ")}.` : undefined
  const list: Diagnostic[] = []
  const report = (code: "HS3010" | "HS3011" | "HS3012", message: string, help: string) => {
    list.push(aboutFile(file, code, message, why ?? help))
  }
  if (missing.length > 0)
    report(
      "HS3010",
      `${plural(missing.length, "tensor")} of the model missing in the file: ${grouped(missing.map(({ name }) => name))}`,
      "Give the checkpoint of this model.",
    )
  if (unexpected.length > 0)
    report(
      "HS3011",
      `${plural(unexpected.length, "tensor")} of the file not in the model: ${grouped(unexpected)}`,
      "Give the checkpoint of this model, or say the difference in the spec.",
    )
  if (wrongShape.length > 0) {
    const [first] = wrongShape
    const example = `'${first!.name}' is ${spell(first!.found)} in the file and ${spell(first!.expected)} in the model`
    const more =
      wrongShape.length > 1 ? `; in all ${wrongShape.length}: ${grouped(wrongShape.map(({ name }) => name))}` : ""
    report(
      "HS3012",
      `${plural(wrongShape.length, "tensor")} of another shape: ${example}${more}`,
      "Give the checkpoint of this model.",
    )
  }
  return list
}
