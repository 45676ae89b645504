/**
 * The safetensors format (https://github.com/huggingface/safetensors): the header's length in 8 bytes, the header in
 * JSON, the tensors. Everything the header says is checked before a byte is allocated for it.
 */
import { left, right } from "fp-ts/lib/Either.js"
import * as t from "io-ts"
import { aboutFile, type Checked, type Diagnostic } from "../../compiler/diagnostic.ts"
import type { Shape } from "../../compiler/ir/graph.ts"
import { type DtypeName, dtypeNames, dtypes, isDtype } from "./dtype.ts"
import { countOf, type StoredTensor } from "./stored.ts"
import { shown } from "./text.ts"

/** The format's own limit is 100 MB; a header of a thousand tensors has 100 KB, and JSON takes many times its text in memory. */
const maxHeader = 2 ** 24

const Entry = t.type({ dtype: t.string, shape: t.array(t.number), data_offsets: t.tuple([t.number, t.number]) })
type Entry = t.TypeOf<typeof Entry>
const Metadata = t.record(t.string, t.string)
type Metadata = Readonly<Record<string, string>>

export interface Header {
  readonly tensors: readonly StoredTensor[]
  readonly metadata: Metadata
}

const again = "Copy or download the file again and compare its size with the source's."
const distrust = "Copy the file again; if it stays so, do not trust its source."

/** The first 8 bytes, read as the header's length: sane, or not safetensors at all. */
export const headerLength = (start: Uint8Array, fileSize: number): number | undefined => {
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength)
  const length = start.length < 8 ? 0 : Number(view.getBigUint64(0, true))
  return length >= 2 && length <= maxHeader && length + 8 <= fileSize ? length : undefined
}

const parseJson = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes))
  } catch {
    return undefined // not JSON, not UTF-8, or nested beyond the stack
  }
}

/** Decodes a header, the JSON alone, of a file with `fileSize` bytes. All that is wrong is said at once. */
export const parseHeader = (file: string, bytes: Uint8Array, fileSize: number): Checked<Header> => {
  const start = 8 + bytes.length
  const problems: Diagnostic[] = []
  const report = (code: "HS3002" | "HS3003" | "HS3004", message: string, help: string) => {
    if (problems.length < 20) problems.push(aboutFile(file, code, message, help))
  }
  const json = parseJson(bytes)
  if (typeof json !== "object" || json === null || Array.isArray(json))
    return left([aboutFile(file, "HS3002", "the header is not a JSON object", again)])

  const tensors: StoredTensor[] = []
  let metadata: Metadata = {}
  for (const [name, value] of Object.entries(json)) {
    if (name === "__metadata__") {
      if (Metadata.is(value)) metadata = value
      else report("HS3002", "the header's metadata is not a table of texts", again)
      continue
    }
    // `is` and not `decode`: a hostile header could make io-ts list millions of errors.
    if (!Entry.is(value))
      report("HS3002", `the header's entry ${quote(name)} is not a dtype, a shape and two offsets`, again)
    else {
      const checked = toStored(name, value, start, fileSize)
      if ("dtype" in checked) tensors.push(checked)
      else
        report(
          checked.code,
          checked.message,
          checked.code === "HS3004" ? `Save it as one of ${dtypeNames.join(", ")}.` : distrust,
        )
    }
  }
  if (problems.length === 0) {
    const flaw = layoutFlaw(tensors, start, fileSize)
    if (flaw !== undefined) report("HS3003", flaw, distrust)
  }
  const [first, ...rest] = problems
  return first === undefined ? right({ tensors, metadata }) : left([first, ...rest])
}

const quote = (name: string): string => `'${shown(name)}'`

const toStored = (
  name: string,
  { dtype, shape, data_offsets: [begin, end] }: Entry,
  start: number,
  fileSize: number,
): StoredTensor | { readonly code: "HS3003" | "HS3004"; readonly message: string } => {
  const wrong = (message: string) => ({ code: "HS3003", message: `${quote(name)} ${message}` }) as const
  if (!isDtype(dtype)) return { code: "HS3004", message: `${quote(name)} has dtype ${quote(dtype)}, which is not read` }
  const count = countOf(shape)
  if (count === undefined) return wrong(`has the impossible shape [${shape.slice(0, 8).join(", ")}]`)
  if (!Number.isSafeInteger(begin) || !Number.isSafeInteger(end) || begin < 0 || end < begin || start + end > fileSize)
    return wrong(`lies at bytes ${begin} to ${end} of the data, and the file has ${fileSize - start} bytes of data`)
  const bytes = count * dtypes[dtype].bytes
  if (end - begin !== bytes)
    return wrong(`has ${end - begin} bytes; its shape [${shape.join(", ")}] in ${dtype} needs ${bytes}`)
  return { name, dtype, shape, at: start + begin, bytes }
}

/** Tensors must cover the data exactly: no overlap, no hole, nothing behind the last. */
const layoutFlaw = (tensors: readonly StoredTensor[], start: number, fileSize: number): string | undefined => {
  let end = start
  for (const { name, at, bytes } of [...tensors].sort((a, b) => a.at - b.at || a.bytes - b.bytes)) {
    if (at < end) return `${quote(name)} overlaps the tensor before it by ${end - at} bytes`
    if (at > end) return `there are ${at - end} bytes between ${quote(name)} and the tensor before it`
    end = at + bytes
  }
  return end === fileSize ? undefined : `there are ${fileSize - end} bytes behind the last tensor`
}

/** What is written: bytes are row-major, little-endian, in the dtype. */
export interface Outgoing {
  readonly name: string
  readonly dtype: DtypeName
  readonly shape: Shape
  readonly bytes: () => Uint8Array | Promise<Uint8Array>
}

export const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  a.name < b.name ? -1 : a.name > b.name ? 1 : 0

/**
 * A file's bytes, piece by piece. The same tensors and metadata give the same bytes whatever their order: wide dtypes
 * first, so that all are aligned, then by name, as the reference implementation does; metadata by key.
 */
export async function* safetensorsOf(
  tensors: readonly Outgoing[],
  metadata: Metadata = {},
): AsyncGenerator<Uint8Array> {
  const ordered = [...tensors].sort((a, b) => dtypes[b.dtype].bytes - dtypes[a.dtype].bytes || byName(a, b))
  const keys = Object.keys(metadata).sort()
  const entries: [string, unknown][] =
    keys.length === 0 ? [] : [["__metadata__", Object.fromEntries(keys.map((key) => [key, metadata[key]]))]]
  let end = 0
  for (const { name, dtype, shape } of ordered) {
    const begin = end
    end += countOf(shape)! * dtypes[dtype].bytes
    entries.push([name, { dtype, shape, data_offsets: [begin, end] }])
  }
  // Not through one object: JavaScript would put names like "0" first.
  const text = `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",")}}`
  const json = new TextEncoder().encode(text)
  const length = Math.ceil(json.length / 8) * 8
  const head = new Uint8Array(8 + length).fill(0x20)
  new DataView(head.buffer).setBigUint64(0, BigInt(length), true)
  head.set(json, 8)
  yield head
  for (const tensor of ordered) yield await tensor.bytes()
}
