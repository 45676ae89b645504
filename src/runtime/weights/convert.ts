/** A checkpoint in another format or under other names; numbers and dtypes stay as they are. */
import { aboutFile, type Diagnostic, Failed, failed } from "../../compiler/diagnostic.ts"
import { type Checkpoint, withCheckpoint } from "./checkpoint.ts"
import { huggingFaceNames, ourNames, preprocessing, nameless as withoutName, wrapperOf } from "./families/index.ts"
import { grouped } from "./groups.ts"
import { licenceOf, licensed } from "./licence.ts"
import type { Outgoing } from "./safetensors.ts"
import { formatOf, writeStored } from "./save.ts"
import type { StoredTensor } from "./stored.ts"
import { shown } from "./text.ts"
import { updated, wrappedLora } from "./wrapped.ts"

export type Naming = "keep" | "segment-anything" | "huggingface"

export interface ConversionOptions {
  /** Of the weights; left out: what the file says. */
  readonly licence?: string
  /** Puts low-rank updates into the base, W + alpha/rank · B A. */
  readonly loraAlpha?: number
}
export interface Conversion {
  readonly from: string
  readonly to: string
  readonly format: "safetensors" | "pth"
  readonly tensors: number
  readonly renamed: number
  readonly notes: readonly string[]
}

type Opened = Pick<Checkpoint, "tensors" | "notes" | "metadata" | "raw">

/** A file whose layers a library wrapped, under plain names; its updates beside the base, or in it. Undefined for other files. */
const withoutLora = (path: string, checkpoint: Checkpoint, alpha: number | undefined): Opened | undefined => {
  const wrapped = wrappedLora(checkpoint.tensors.map(({ name }) => name))
  if (wrapped === undefined) {
    if (alpha === undefined) return undefined
    throw failed(
      path,
      "HS3018",
      "the file has no LoRA of peft, loralib or SAMed beside its layers",
      "Leave --lora-alpha out; a run's own goes into its base by `hasam weights export --merge`.",
    )
  }
  const placed = checkpoint.tensors.map((tensor) => ({ tensor, ...wrapped.places.get(tensor.name)! }))
  const kept = placed.filter(({ idle, update }) => !idle && (alpha === undefined || update === undefined))
  const halves = placed.filter(({ update }) => alpha !== undefined && update !== undefined)
  const bases = new Map(kept.map((one) => [one.name, one.tensor]))
  const stray = halves.filter(
    ({ update }) =>
      bases.get(update!.of)?.shape.length !== 2 ||
      halves.filter((one) => one.update!.of === update!.of && one.update!.third === update!.third).length !== 2,
  )
  if (stray.length > 0)
    throw failed(
      path,
      "HS3018",
      `${grouped(stray.map(({ tensor }) => tensor.name))} cannot be put into the base: there is no linear layer that they belong to, or several updates of one`,
      "Merge in the library that wrote the file, or convert without --lora-alpha.",
    )
  const raw = async ({ name, shape }: StoredTensor): Promise<Uint8Array> => {
    const base = bases.get(name)!
    const own = halves.filter(({ update }) => update!.of === name)
    if (own.length === 0) return checkpoint.raw(base)
    let { data } = await checkpoint.read(base)
    for (const third of new Set(own.map(({ update }) => update!.third))) {
      const half = (which: "a" | "b") =>
        checkpoint.read(own.find(({ update }) => update!.third === third && update!.half === which)!.tensor)
      const [a, b] = [await half("a"), await half("b")]
      data = updated(data, shape as [number, number], a.data, b.data, { alpha, third })
    }
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  }
  const changed = new Set(halves.map(({ update }) => update!.of))
  return {
    raw,
    metadata: checkpoint.metadata,
    // Sums are in float32, whatever the base's dtype.
    tensors: kept.map(({ tensor, name }) => ({
      ...tensor,
      name,
      ...(changed.has(name) ? { dtype: "F32" as const } : {}),
    })),
    notes: [
      ...checkpoint.notes,
      alpha === undefined
        ? `names of ${wrapped.library}'s LoRA written as a spec's`
        : `${halves.length / 2} updates of ${wrapped.library}'s LoRA put into the base, alpha ${alpha}`,
    ],
  }
}

/**
 * Writes `to`, in the format of its name. Wrappers ('module.') are removed unless names are kept; constants of
 * preprocessing that the other convention has no name for are left out. Throws HS3016, HS3017, HS4001, HS4002 and HS300x.
 */
export const convert = (
  from: string,
  to: string,
  naming: Naming = "keep",
  { licence, loraAlpha }: ConversionOptions = {},
): Promise<Conversion> =>
  withCheckpoint(from, async (opened) => {
    const unwrapped = naming === "keep" && loraAlpha === undefined ? undefined : withoutLora(from, opened, loraAlpha)
    const checkpoint = unwrapped ?? opened
    const names = checkpoint.tensors.map(({ name }) => name)
    const wrapper = naming === "keep" ? { prefix: "", notes: [] } : wrapperOf(names)
    const bare = names.map((name) => name.slice(wrapper.prefix.length))
    const ours = ourNames(bare)
    const theirs = huggingFaceNames([...ours.values()])
    const nameOf = (name: string): string | undefined =>
      naming === "keep" ? name : naming === "segment-anything" ? ours.get(name) : theirs.get(ours.get(name)!)

    const problems: Diagnostic[] = []
    const nameless = bare.filter((name) => nameOf(name) === undefined && !preprocessing.has(name))
    if (nameless.length > 0)
      problems.push(
        aboutFile(
          from,
          "HS3017",
          withoutName(grouped(nameless)),
          "Keep segment-anything's names, or remove these tensors.",
        ),
      )
    const outgoing = new Map<string, Outgoing>()
    const first = new Map<string, (typeof checkpoint.tensors)[number]>()
    for (const [i, tensor] of checkpoint.tensors.entries()) {
      const name = nameOf(bare[i]!)
      if (name === undefined) continue
      const twin = first.get(name)
      if (twin === undefined) {
        first.set(name, tensor)
        outgoing.set(name, { name, dtype: tensor.dtype, shape: tensor.shape, bytes: () => checkpoint.raw(tensor) })
      } else if (Buffer.compare(await checkpoint.raw(twin), await checkpoint.raw(tensor)) !== 0)
        problems.push(
          aboutFile(
            from,
            "HS3016",
            `'${shown(twin.name)}' and '${shown(tensor.name)}' both become '${shown(name)}' and differ`,
            "Remove one of them from the file.",
          ),
        )
    }
    const [problem, ...rest] = problems
    if (problem !== undefined) throw new Failed([problem, ...rest])

    const format = formatOf(to)
    const metadata = { ...checkpoint.metadata, ...licensed(licence ?? licenceOf(checkpoint.metadata)) }
    const lost = format === "pth" ? Object.keys(metadata).filter((key) => key !== "format") : []
    await writeStored(to, [...outgoing.values()], { format: "pt", ...metadata })
    return {
      from,
      to,
      format,
      tensors: outgoing.size,
      renamed: [...first].filter(([name, tensor]) => name !== tensor.name).length,
      notes: [
        ...checkpoint.notes,
        ...wrapper.notes,
        ...(lost.length > 0 ? [`a .pth file has no place for the metadata ${lost.join(", ")}`] : []),
      ],
    }
  })
