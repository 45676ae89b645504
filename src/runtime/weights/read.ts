/** Reading stored tensors, one at a time. */
import { type FileHandle, open } from "node:fs/promises"
import { inflateRawSync } from "node:zlib"
import { failed } from "../../compiler/diagnostic.ts"
import { type Shape, sizeOf, type Tensor } from "../../compiler/ir/graph.ts"
import { reason } from "../files.ts"
import { dtypes } from "./dtype.ts"
import type { StoredTensor } from "./stored.ts"
import { shown } from "./text.ts"

/** Opens a file. Throws HS4002. */
export const openFile = async (path: string): Promise<FileHandle> => {
  try {
    return await open(path, "r")
  } catch (error) {
    throw failed(path, "HS4002", `the file cannot be read: ${reason(error)}`, "Check the path and its permissions.")
  }
}

const chunk = 2 ** 28 // Node reads at most 2³¹ − 1 bytes at once

/** Fills `target` from `position` on. Throws HS3002 if the file ends before. */
export const readAt = async (file: FileHandle, path: string, target: Uint8Array, position: number): Promise<void> => {
  for (let done = 0; done < target.length; ) {
    let bytesRead: number
    try {
      ;({ bytesRead } = await file.read(target, done, Math.min(chunk, target.length - done), position + done))
    } catch (error) {
      throw failed(path, "HS4002", `the file cannot be read: ${reason(error)}`, "Check the disk it is on.")
    }
    if (bytesRead === 0) throw failed(path, "HS3002", "the file ends inside a tensor", "Copy it again.")
    done += bytesRead
  }
}

/** Elements of a strided view, copied into row-major order. */
const gather = (
  storage: Uint8Array,
  width: number,
  shape: Shape,
  { offset, strides }: NonNullable<StoredTensor["view"]>,
) => {
  const out = new Uint8Array(sizeOf(shape) * width)
  const index = shape.map(() => 0)
  let from = offset
  for (let to = 0; to < out.length; to += width) {
    for (let byte = 0; byte < width; byte++) out[to + byte] = storage[from * width + byte]!
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!
      if (++index[axis]! < shape[axis]!) break
      from -= shape[axis]! * strides[axis]!
      index[axis] = 0
    }
  }
  return out
}

const unpack = (path: string, name: string, packed: Uint8Array, bytes: number): Uint8Array => {
  try {
    const storage = inflateRawSync(packed, { maxOutputLength: Math.max(bytes, 1) })
    if (storage.length === bytes) return new Uint8Array(storage) // a copy, aligned
  } catch {} // told below
  throw failed(
    path,
    "HS3002",
    `'${shown(name)}' does not unpack to the ${bytes} bytes that the archive names`,
    "Copy the file again.",
  )
}

/** The tensor's own bytes: row-major, little-endian, in its dtype. */
export const readRaw = async (file: FileHandle, path: string, tensor: StoredTensor): Promise<Uint8Array> => {
  const stored = new Uint8Array(tensor.packed ?? tensor.bytes)
  await readAt(file, path, stored, tensor.at)
  const storage = tensor.packed === undefined ? stored : unpack(path, tensor.name, stored, tensor.bytes)
  return tensor.view === undefined ? storage : gather(storage, dtypes[tensor.dtype].bytes, tensor.shape, tensor.view)
}

const allocate = (count: number, shared: boolean): Float32Array =>
  new Float32Array(shared ? new SharedArrayBuffer(4 * count) : new ArrayBuffer(4 * count))

/** The tensor as float32. `shared`: in memory that worker threads can share. */
export const readTensor = async (
  file: FileHandle,
  path: string,
  tensor: StoredTensor,
  shared = false,
): Promise<Tensor> => {
  const data = allocate(sizeOf(tensor.shape), shared)
  if (tensor.dtype === "F32" && tensor.packed === undefined && tensor.view === undefined)
    await readAt(file, path, new Uint8Array(data.buffer), tensor.at)
  else dtypes[tensor.dtype].decode(await readRaw(file, path, tensor), data)
  return { shape: tensor.shape, data }
}
