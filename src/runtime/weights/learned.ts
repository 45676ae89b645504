/** Files of only what learns: small, and tied by a hash to the frozen tensors that they were trained with. */
import { createHash } from "node:crypto"
import { isLeft } from "fp-ts/lib/Either.js"
import * as t from "io-ts"
import { failed } from "../../compiler/diagnostic.ts"
import type { Tensors } from "../../compiler/ir/graph.ts"
import { withCheckpoint } from "./checkpoint.ts"
import type { Expected } from "./compare.ts"
import { type Loaded, loadFrom } from "./load.ts"
import { save } from "./save.ts"

/** What a file of only what learns says about itself. */
export interface About {
  /** The version of hasam that wrote it. */
  readonly version: string
  readonly model: string
  /** Hash of the spec. */
  readonly spec: string
  /** `hashOf` the frozen tensors. */
  readonly base: string
}

const Metadata = t.type({
  "hasam.version": t.string,
  "hasam.model": t.string,
  "hasam.spec": t.string,
  "hasam.base": t.string,
})

/**
 * SHA-256, in hex, over the tensors by sorted name: for each a line `["name",[shape]]`, then its numbers in float32,
 * row-major and little-endian. One bit changed in a frozen tensor changes it.
 */
export const hashOf = (tensors: Tensors): string => {
  const hash = createHash("sha256")
  for (const name of Object.keys(tensors).sort()) {
    const { shape, data } = tensors[name]!
    hash.update(`${JSON.stringify([name, shape])}\n`)
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  }
  return hash.digest("hex")
}

/** Writes what learns, and what it belongs to. Throws HS4001. */
export const saveLearned = (path: string, tensors: Tensors, { version, model, spec, base }: About): Promise<void> =>
  save(path, tensors, {
    format: "pt", // other libraries read only files that say so
    "hasam.version": version,
    "hasam.model": model,
    "hasam.spec": spec,
    "hasam.base": base,
  })

/** What the metadata says, or undefined for a file of another kind. */
export const aboutOf = (metadata: Readonly<Record<string, string>>): About | undefined => {
  const decoded = Metadata.decode(metadata)
  if (isLeft(decoded)) return undefined
  const found = decoded.right
  return {
    version: found["hasam.version"],
    model: found["hasam.model"],
    spec: found["hasam.spec"],
    base: found["hasam.base"],
  }
}

/** Given: what learns, by the spec; `base`, the hash of the frozen tensors in use; `spec`, the hash of the spec in use. */
export interface LearnedOptions {
  readonly base: string
  readonly spec?: string
  readonly shared?: boolean
}

/** Reads what learns, for this base. Throws HS3014, HS3015, and all that `load` throws. */
export const loadLearned = (
  expected: readonly Expected[],
  path: string,
  { base, spec, shared }: LearnedOptions,
): Promise<Loaded & { readonly about: About }> =>
  withCheckpoint(path, async (checkpoint) => {
    const about = aboutOf(checkpoint.metadata)
    if (about === undefined)
      throw failed(
        path,
        "HS3015",
        "the file does not say which base its tensors were trained on",
        "Give the file that `hasam train` wrote; a full checkpoint goes to --weights.",
      )
    if (about.base !== base)
      throw failed(
        path,
        "HS3014",
        `the file was trained on the base ${about.base.slice(0, 12)}…, and the frozen tensors in use are ${base.slice(0, 12)}…`,
        "Give the base checkpoint that it was trained on, and the same image size.",
      )
    const loaded = await loadFrom(expected, checkpoint, { shared })
    const changed =
      spec !== undefined && spec !== about.spec
        ? [`written for another version of the spec (model '${about.model}')`]
        : []
    return { ...loaded, notes: [...loaded.notes, ...changed], about }
  })
