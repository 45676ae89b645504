/** A checkpoint in another format or under other names; numbers and dtypes stay as they are. */
import { aboutFile, type Diagnostic, Failed } from "../../compiler/diagnostic.ts"
import { withCheckpoint } from "./checkpoint.ts"
import { huggingFaceNames, ourNames, preprocessing, nameless as withoutName, wrapperOf } from "./families/index.ts"
import { grouped } from "./groups.ts"
import type { Outgoing } from "./safetensors.ts"
import { formatOf, writeStored } from "./save.ts"
import { shown } from "./text.ts"

export type Naming = "keep" | "segment-anything" | "huggingface"

export interface Conversion {
  readonly from: string
  readonly to: string
  readonly format: "safetensors" | "pth"
  readonly tensors: number
  readonly renamed: number
  readonly notes: readonly string[]
}

/**
 * Writes `to`, in the format of its name. Wrappers ('module.') are removed unless names are kept; constants of
 * preprocessing that the other convention has no name for are left out. Throws HS3016, HS3017, HS4001, HS4002 and HS300x.
 */
export const convert = (from: string, to: string, naming: Naming = "keep"): Promise<Conversion> =>
  withCheckpoint(from, async (checkpoint) => {
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
    const lost = format === "pth" ? Object.keys(checkpoint.metadata).filter((key) => key !== "format") : []
    await writeStored(to, [...outgoing.values()], { format: "pt", ...checkpoint.metadata })
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
