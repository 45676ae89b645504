/** The table of contents of a zip archive, not trusted. */
import { read } from "node:fs"
import type { FileHandle } from "node:fs/promises"
import { Readable } from "node:stream"
import yauzl from "yauzl"
import { Failed, failed } from "../../compiler/diagnostic.ts"
import { damaged } from "./pickle.ts"
import { shown } from "./text.ts"

const maxMembers = 100_000
/** Deflate packs at most 1032 : 1; weights, being noise, hardly at all. */
const maxRatio = 200
const maxUnpacked = 2 ** 31

const because = (error: unknown): string => {
  const [first = ""] = String((error as Error).message).split(". ")
  return first.startsWith("End of central directory") ? "it has no end, so the file is cut off" : shown(first)
}

/** Where a member's bytes are; `packed`, their length in the archive, where they are deflated. */
export interface Member {
  readonly at: number
  readonly bytes: number
  readonly packed?: number
}

/** A table of contents is read in pieces of some dozen bytes: a page holds many. */
const pageBytes = 4096

/**
 * yauzl's own reader of files throws out of reach, and ends the process, when an archive points beyond 2⁵³. What this one reads it keeps by pages: the last of
 * the table of contents and the last of the members.
 */
class Inside extends yauzl.RandomAccessReader {
  readonly file: FileHandle
  readonly size: number
  #pages: readonly { readonly at: number; readonly bytes: Buffer }[] = []
  constructor(file: FileHandle, size: number) {
    super()
    this.file = file
    this.size = size
  }
  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    if (!(position >= 0 && position + length <= this.size)) {
      setImmediate(callback, new Error("it points outside the file"))
      return
    }
    const within = this.#pages.find(({ at, bytes }) => at <= position && position + length <= at + bytes.length)
    if (within !== undefined) {
      const start = position - within.at
      within.bytes.copy(buffer, offset, start, start + length)
      queueMicrotask(() => callback(null, length))
      return
    }
    if (length >= pageBytes) {
      read(this.file.fd, buffer, offset, length, position, callback)
      return
    }
    const page = Buffer.alloc(Math.min(pageBytes, this.size - position))
    read(this.file.fd, page, 0, page.length, position, (error, got) => {
      if (error !== null || got < length) {
        callback(error ?? new Error("it ends early"))
        return
      }
      const bytes = page.subarray(0, got)
      this.#pages = [{ at: position, bytes }, ...this.#pages].slice(0, 2)
      bytes.copy(buffer, offset, 0, length)
      callback(null, length)
    })
  }
  /** Members are read by their place, not through yauzl. */
  override _readStreamForRange(): Readable {
    return Readable.from([])
  }
}

export const refuseArchive = (path: string, message: string): Failed =>
  failed(path, "HS3006", message, "If you trust the file, load it in PyTorch and save it again with torch.save.")

/** The archive's table of contents: every member inside the file, none overlapping another. */
export const membersOf = async (file: FileHandle, path: string, size: number): Promise<ReadonlyMap<string, Member>> => {
  const members = new Map<string, Member>()
  try {
    const zip = await yauzl.fromRandomAccessReaderPromise(new Inside(file, size), size, { autoClose: false })
    if (!(zip.entryCount <= maxMembers)) throw refuseArchive(path, `the archive claims ${zip.entryCount} members`)
    for await (const entry of zip.eachEntry()) {
      const name = shown(entry.fileName)
      if (entry.isEncrypted()) throw refuseArchive(path, `'${name}' in the archive is encrypted`)
      if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8)
        throw refuseArchive(
          path,
          `'${name}' in the archive is packed by method ${entry.compressionMethod}, which is not read`,
        )
      const { fileDataStart: at } = await zip.readLocalFileHeaderPromise(entry, { minimal: true })
      const { uncompressedSize: bytes, compressedSize: packed } = entry
      if ((bytes > maxRatio * packed && bytes > 2 ** 20) || (entry.compressionMethod === 8 && bytes > maxUnpacked))
        throw refuseArchive(path, `'${name}' in the archive would grow from ${packed} to ${bytes} bytes`)
      if (members.has(entry.fileName)) throw refuseArchive(path, `the archive has two members '${name}'`)
      members.set(entry.fileName, { at, bytes, ...(entry.compressionMethod === 8 ? { packed } : {}) })
    }
  } catch (error) {
    if (error instanceof Failed) throw error
    throw damaged(path, `the archive cannot be read: ${because(error)}`)
  }
  let end = 0
  for (const [name, { at, bytes, packed = bytes }] of [...members].sort(([, a], [, b]) => a.at - b.at)) {
    if (packed > 0 && at < end)
      throw refuseArchive(path, `'${shown(name)}' in the archive overlaps the member before it`)
    end = Math.max(end, at + packed)
  }
  return members
}
