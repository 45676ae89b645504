/** A checkpoint of any kind, opened: what is in it, and its tensors on demand. */
import type { FileHandle } from "node:fs/promises"
import { isLeft } from "fp-ts/lib/Either.js"
import { Failed, failed } from "../../compiler/diagnostic.ts"
import type { Tensor } from "../../compiler/ir/graph.ts"
import { isNpz, readNpz } from "./npz.ts"
import { isLegacy, readLegacy, readZip } from "./pth.ts"
import { openFile, readAt, readRaw, readTensor } from "./read.ts"
import { type Header, headerLength, parseHeader } from "./safetensors.ts"
import type { StoredTensor } from "./stored.ts"
import { membersOf } from "./zipRead.ts"

export interface Checkpoint {
  readonly path: string
  /** Bytes of the file. */
  readonly size: number
  readonly format: "safetensors" | "pth" | "npz"
  readonly tensors: readonly StoredTensor[]
  readonly metadata: Readonly<Record<string, string>>
  /** What was unwrapped or left out on the way, as sentences. */
  readonly notes: readonly string[]
  /** One tensor as float32; `shared`: in a SharedArrayBuffer. */
  readonly read: (tensor: StoredTensor, shared?: boolean) => Promise<Tensor>
  /** One tensor's bytes: row-major, little-endian, in its own dtype. */
  readonly raw: (tensor: StoredTensor) => Promise<Uint8Array>
}

type Content = Pick<Checkpoint, "format" | "tensors" | "metadata" | "notes">

/** Reads the header of an open file. Throws its diagnostics. */
const readHeader = async (file: FileHandle, path: string, length: number, fileSize: number): Promise<Header> => {
  const bytes = new Uint8Array(length)
  await readAt(file, path, bytes, 8)
  const header = parseHeader(path, bytes, fileSize)
  if (isLeft(header)) throw new Failed(header.left)
  return header.right
}

/** Judged by content: people name files as they like. */
const contentOf = async (file: FileHandle, path: string, size: number): Promise<Content> => {
  const start = new Uint8Array(Math.min(size, 16))
  await readAt(file, path, start, 0)
  if (start[0] === 0x50 && start[1] === 0x4b) {
    const members = await membersOf(file, path, size)
    return isNpz([...members.keys()])
      ? { format: "npz", metadata: {}, notes: [], tensors: await readNpz(file, path, members) }
      : { format: "pth", metadata: {}, ...(await readZip(file, path, members)) }
  }
  if (isLegacy(start)) return { format: "pth", metadata: {}, ...(await readLegacy(file, path, size)) }
  const length = headerLength(start, size)
  if (length !== undefined && start[8] === 0x7b)
    return { format: "safetensors", notes: [], ...(await readHeader(file, path, length, size)) }
  if (start[8] === 0x7b || /\.safetensors$/i.test(path))
    throw failed(
      path,
      "HS3002",
      `the safetensors header is longer than the file or absurd; the file has ${size} bytes`,
      "Copy or download the file again and compare its size with the source's.",
    )
  throw failed(
    path,
    "HS3001",
    `the file is not a checkpoint${looksLike(start)}`,
    "Give a .safetensors file, a .pth, .pt or .bin file written by torch.save, or a .npz of NumPy.",
  )
}

const looksLike = (start: Uint8Array): string => {
  const text = new TextDecoder("latin1").decode(start)
  if (text.length === 0) return ": it is empty"
  if (text.startsWith("version https://")) return ", but a Git LFS pointer to one: fetch it with `git lfs pull`"
  if (text.startsWith("\x89HDF")) return ", but HDF5"
  if (/^\s*</.test(text)) return ", but a web page: the download went wrong"
  if (text.startsWith("\x1f\x8b")) return ", but gzip: unpack it first"
  if (start[0] === 0x80) return ", but a pickle of something else"
  return ""
}

/** Opens a checkpoint, lends it to `use`, and closes it. Throws HS4002 and HS300x. */
export const withCheckpoint = async <A>(path: string, use: (checkpoint: Checkpoint) => Promise<A>): Promise<A> => {
  const file = await openFile(path)
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw failed(path, "HS4002", "the path is not a file", "Give the checkpoint itself.")
    const content = await contentOf(file, path, stat.size)
    return await use({
      path,
      size: stat.size,
      ...content,
      read: (tensor, shared) => readTensor(file, path, tensor, shared),
      raw: (tensor) => readRaw(file, path, tensor),
    })
  } finally {
    await file.close()
  }
}
