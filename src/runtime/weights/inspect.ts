/** What is in a checkpoint. */
import { type Shape, sizeOf } from "../../compiler/ir/graph.ts"
import { withCheckpoint } from "./checkpoint.ts"
import { type DtypeName, dtypes } from "./dtype.ts"
import { type About, aboutOf } from "./learned.ts"
import { type Convention, conventionOf, ourNames, wrapperOf } from "./names.ts"
import { encoderOf, imageSizeOf, type SamFacts, samFacts } from "./sam.ts"

export interface Inspection {
  readonly file: string
  /** Bytes of the file. */
  readonly size: number
  readonly format: "safetensors" | "pth"
  /** What it seems to be, as half a sentence. */
  readonly kind: string
  readonly naming: Convention
  readonly sam?: SamFacts
  readonly about?: About
  readonly tensors: readonly {
    readonly name: string
    readonly dtype: DtypeName
    readonly shape: Shape
    readonly count: number
  }[]
  /** Elements and bytes of all tensors. */
  readonly count: number
  readonly bytes: number
  readonly metadata: Readonly<Record<string, string>>
  readonly notes: readonly string[]
}

const kindOf = (naming: Convention, facts: SamFacts | undefined, about: About | undefined): string => {
  if (about !== undefined) return `only what learns, of '${about.model}', on the base ${about.base.slice(0, 12)}…`
  if (naming === "SAMed LoRA") return "a LoRA for SAM's q and v, as SAMed writes it; useless without the base"
  if (facts === undefined) return naming === "other" ? "not a SAM by its names" : "a part of a SAM"
  const size = imageSizeOf(facts)
  return `a SAM with ${encoderOf(facts)}${size === undefined ? "" : `, for images of ${size} pixels`}`
}

/** Looks at a file's table of contents; reads no tensor. Throws HS4002 and HS300x. */
export const inspect = (path: string): Promise<Inspection> =>
  withCheckpoint(path, async ({ size, format, tensors, metadata, notes }) => {
    const names = tensors.map(({ name }) => name)
    const wrapper = wrapperOf(names)
    const bare = names.map((name) => name.slice(wrapper.prefix.length))
    const ours = ourNames(bare)
    const naming = conventionOf(bare)
    const sam = samFacts(tensors.map(({ shape }, i) => ({ name: ours.get(bare[i]!)!, shape })))
    const about = aboutOf(metadata)
    const listed = tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape, count: sizeOf(shape) }))
    return {
      file: path,
      size,
      format,
      kind: kindOf(naming, sam, about),
      naming,
      ...(sam === undefined ? {} : { sam }),
      ...(about === undefined ? {} : { about }),
      tensors: listed,
      count: listed.reduce((sum, { count }) => sum + count, 0),
      bytes: listed.reduce((sum, { count, dtype }) => sum + count * dtypes[dtype].bytes, 0),
      metadata,
      notes: [...notes, ...wrapper.notes],
    }
  })
