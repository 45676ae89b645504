/** What is in a checkpoint. */
import { type Shape, sizeOf } from "../../compiler/ir/graph.ts"
import { withCheckpoint } from "./checkpoint.ts"
import { type DtypeName, dtypes } from "./dtype.ts"
import {
  type Convention,
  conventionOf,
  type Inspected,
  inspected,
  kindOf,
  ourNames,
  wrapperOf,
} from "./families/index.ts"
import { type About, aboutOf } from "./learned.ts"

/** With what the family of models says of it. */
export interface Inspection extends Inspected {
  readonly file: string
  /** Bytes of the file. */
  readonly size: number
  readonly format: "safetensors" | "pth" | "npz"
  /** What it seems to be, as half a sentence. */
  readonly kind: string
  readonly naming: Convention
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

/** Looks at a file's table of contents; reads no tensor. Throws HS4002 and HS300x. */
export const inspect = (path: string): Promise<Inspection> =>
  withCheckpoint(path, async ({ size, format, tensors, metadata, notes }) => {
    const names = tensors.map(({ name }) => name)
    const wrapper = wrapperOf(names)
    const bare = names.map((name) => name.slice(wrapper.prefix.length))
    const ours = ourNames(bare)
    const naming = conventionOf(bare)
    const facts = inspected(tensors.map(({ shape }, i) => ({ name: ours.get(bare[i]!)!, shape })))
    const about = aboutOf(metadata)
    const listed = tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape, count: sizeOf(shape) }))
    return {
      file: path,
      size,
      format,
      kind: kindOf(naming, facts, about),
      naming,
      ...facts,
      ...(about === undefined ? {} : { about }),
      tensors: listed,
      count: listed.reduce((sum, { count }) => sum + count, 0),
      bytes: listed.reduce((sum, { count, dtype }) => sum + count * dtypes[dtype].bytes, 0),
      metadata,
      notes: [...notes, ...wrapper.notes],
    }
  })
