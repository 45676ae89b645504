/** Files of NumPy's savez: a zip archive of .npy arrays, as JAX and TensorFlow models of Google Research come (ViT's R50+ViT-B_16.npz). Not trusted. */
import type { FileHandle } from "node:fs/promises"
import { failed } from "../../compiler/diagnostic.ts"
import type { Shape } from "../../compiler/ir/graph.ts"
import { type DtypeName, dtypes } from "./dtype.ts"
import { readAt, readRaw } from "./read.ts"
import { countOf, type StoredTensor } from "./stored.ts"
import { shown } from "./text.ts"
import type { Member } from "./zipRead.ts"

/** NumPy pads headers to a multiple of 64 bytes; long lists of fields, which are no tensors, make them longer. */
const maxHeader = 65_536

/** What .npy files call the numbers that tensors hold. */
const descriptions: Readonly<Record<string, DtypeName>> = {
  "<f8": "F64",
  "<f4": "F32",
  "<f2": "F16",
  "<i8": "I64",
  "<i4": "I32",
  "<i2": "I16",
  "|i1": "I8",
  "|u1": "U8",
  "|b1": "BOOL",
}

export const isNpz = (names: readonly string[]): boolean =>
  names.length > 0 && names.every((name) => name.endsWith(".npy"))

const broken = (path: string, name: string, why: string) =>
  failed(path, "HS3002", `'${shown(name)}' is no array of NumPy: ${why}`, "Copy the file again.")

interface Npy {
  readonly dtype: DtypeName
  readonly shape: Shape
  readonly fortran: boolean
  /** Where the numbers begin. */
  readonly start: number
}

/** The header of an array: a Python dictionary with three keys, as text. `bytes`: the array's beginning. */
const headerOf = (path: string, name: string, bytes: Uint8Array): Npy => {
  const magic = new TextDecoder("latin1").decode(bytes.subarray(0, 6))
  if (magic !== "\x93NUMPY" || bytes.length < 12) throw broken(path, name, "its first bytes are others")
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const [length, at] = bytes[6] === 1 ? [view.getUint16(8, true), 10] : [view.getUint32(8, true), 12]
  const start = at + length
  if (length > maxHeader || start > bytes.length) throw broken(path, name, `its header has ${length} bytes`)
  const text = new TextDecoder("latin1").decode(bytes.subarray(at, start))
  const description = /'descr':\s*'([^']*)'/.exec(text)?.[1]
  const order = /'fortran_order':\s*(True|False)/.exec(text)?.[1]
  const sides = /'shape':\s*\(([\d,\sL]*)\)/.exec(text)?.[1]
  if (order === undefined || sides === undefined) throw broken(path, name, "its header lacks a shape or an order")
  const dtype = description === undefined ? undefined : descriptions[description]
  if (dtype === undefined)
    throw failed(
      path,
      "HS3004",
      `'${shown(name)}' holds ${description === undefined ? "records" : `numbers of the kind '${shown(description)}'`}`,
      "Save it from NumPy as float32: array.astype('<f4').",
    )
  const shape = sides
    .split(",")
    .map((side) => side.replace("L", "").trim())
    .filter((side) => side !== "")
    .map(Number)
  if (countOf(shape) === undefined)
    throw failed(
      path,
      "HS3003",
      `'${shown(name)}' has the shape [${shape.slice(0, 8).join(", ")}], which no tensor has`,
      "Copy the file again; if it stays so, do not trust its source.",
    )
  return { dtype, shape, fortran: order === "True", start }
}

/** Elements between neighbours on each axis, the first axis running fastest. */
const columnMajor = (shape: Shape): readonly number[] =>
  shape.map((_, i) => shape.slice(0, i).reduce((n, s) => n * s, 1))
const rowMajor = (shape: Shape): readonly number[] => shape.map((_, i) => shape.slice(i + 1).reduce((n, s) => n * s, 1))

/** Every array by its name, without .npy. Throws HS3002, HS3003 and HS3004. */
export const readNpz = async (
  file: FileHandle,
  path: string,
  members: ReadonlyMap<string, Member>,
): Promise<readonly StoredTensor[]> => {
  const tensors: StoredTensor[] = []
  for (const [member, { at, bytes, packed }] of members) {
    const name = member.slice(0, -".npy".length)
    const whole = { name, dtype: "U8" as const, shape: [bytes], at, bytes }
    const beginning = new Uint8Array(Math.min(bytes, maxHeader + 12))
    // What is deflated is unpacked from its beginning on; it is read again when its numbers are.
    const head = packed === undefined ? beginning : await readRaw(file, path, { ...whole, packed })
    if (packed === undefined) await readAt(file, path, beginning, at)
    const { dtype, shape, fortran, start } = headerOf(path, name, head)
    const width = dtypes[dtype].bytes
    const count = countOf(shape)!
    if (bytes !== start + count * width)
      throw failed(
        path,
        "HS3003",
        `'${shown(name)}' has ${bytes - start} bytes of numbers; its header says ${count * width}`,
        "Copy the file again; if it stays so, do not trust its source.",
      )
    const plain = { name, dtype, shape }
    if (count === 0) tensors.push({ ...plain, at, bytes: 0 })
    else if (packed === undefined)
      tensors.push({
        ...plain,
        at: at + start,
        bytes: count * width,
        ...(fortran ? { view: { offset: 0, strides: columnMajor(shape) } } : {}),
      })
    else {
      if (start % width !== 0) throw broken(path, name, `its numbers begin at byte ${start}`)
      const strides = fortran ? columnMajor(shape) : rowMajor(shape)
      tensors.push({ ...plain, at, bytes, packed, view: { offset: start / width, strides } })
    }
  }
  return tensors
}
