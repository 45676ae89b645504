/** Tensors into files, whole or not at all. */
import type { Tensors } from "../../compiler/ir/graph.ts"
import { writeAtomically } from "../files.ts"
import { pthOf } from "./pthWrite.ts"
import { byName, type Outgoing, safetensorsOf } from "./safetensors.ts"

const outgoing = (tensors: Tensors): readonly Outgoing[] =>
  Object.entries(tensors)
    .map(
      ([name, { shape, data }]): Outgoing => ({
        name,
        dtype: "F32",
        shape,
        bytes: () => new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      }),
    )
    .sort(byName)

/** The format that a file's name asks for. */
export const formatOf = (path: string): "safetensors" | "pth" => (/\.(pth|pt|bin)$/i.test(path) ? "pth" : "safetensors")

/** Writes in the format of the name. A .pth file has no place for metadata. Throws HS4001 and HS3017. */
export const writeStored = (
  path: string,
  tensors: readonly Outgoing[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> =>
  writeAtomically(path, formatOf(path) === "pth" ? pthOf(path, tensors) : safetensorsOf(tensors, metadata))

/** Writes float32 tensors: the same tensors and metadata, in any order, give the same bytes. */
export const save = (path: string, tensors: Tensors, metadata?: Readonly<Record<string, string>>): Promise<void> =>
  writeStored(path, outgoing(tensors), metadata)
