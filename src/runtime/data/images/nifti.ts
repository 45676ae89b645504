/**
 * NIfTI files of one slice, as ITK and nnU-Net read them: the first axis runs along a row, the second down the columns, in the order of the file.
 * The header is read by nifti-reader-js. Which way the patient lies is kept, so that a mask of another orientation is not laid over its image.
 */

import { promisify } from "node:util"
import { gunzip } from "node:zlib"
import { isNIFTI, type NIFTI1, type NIFTI2, readHeader } from "nifti-reader-js"
import { demandPixels, mostBytes, tooLarge } from "./bounds.ts"
import { type Refuse, unreadable } from "./refuse.ts"
import type { Spacing, Stored, Values } from "./stored.ts"

const types = {
  2: Uint8Array,
  4: Int16Array,
  8: Int32Array,
  16: Float32Array,
  64: Float64Array,
  256: Int8Array,
  512: Uint16Array,
  768: Uint32Array,
} as const
const rgb24 = 128

/** xyzt_units: metres, millimetres, micrometres. */
const perUnit: Readonly<Record<number, number>> = { 1: 1000, 2: 1, 3: 0.001 }

export const readNifti = async (path: string, file: Buffer, refuse: Refuse): Promise<Stored> => {
  const bytes = file[0] === 0x1f && file[1] === 0x8b ? await unpacked(path, file) : file
  const header = headerOf(path, bytes)
  const extents = extentsOf(header)
  const axes = extents.flatMap((n, axis) => (n > 1 ? [axis] : []))
  const [u = 0, v = u === 0 ? 1 : 0] = axes
  if (axes.length > 2)
    throw refuse.frames(
      "NIfTI",
      axes.slice(2).reduce((n, axis) => n * extents[axis]!, 1),
    )
  const [width, height] = [extents[u]!, extents[v] ?? 1]
  demandPixels(path, width, height)
  const code = header.datatypeCode
  const channels = code === rgb24 ? 3 : 1
  if (code !== rgb24 && !(code in types)) throw refuse.format(`a NIfTI of the data type ${code}`)
  const n = width * height * channels
  try {
    const Type = code === rgb24 ? Uint8Array : types[code as keyof typeof types]
    const from = header.vox_offset
    const size = n * Type.BYTES_PER_ELEMENT
    if (!(from >= 348) || bytes.length < from + size) throw new Error("its voxels are cut off")
    const own = Buffer.from(bytes.subarray(from, from + size))
    if (!header.littleEndian && Type.BYTES_PER_ELEMENT > 1) swap(own, Type.BYTES_PER_ELEMENT)
    const stored: Values = new Type(own.buffer as ArrayBuffer, own.byteOffset, n)
    const [slope, intercept] = [header.scl_slope, header.scl_inter]
    const rescaled =
      Number.isFinite(slope) && slope !== 0 && (slope !== 1 || (intercept !== 0 && Number.isFinite(intercept)))
    const spacing = spacingAlong(header, u, v)
    const shown = header.cal_max > header.cal_min ? { window: [header.cal_min, header.cal_max] as const } : {}
    return {
      width,
      height,
      channels,
      data: rescaled ? Float64Array.from(stored, (x) => x * slope + intercept) : stored,
      format: "NIfTI",
      ...shown,
      ...(spacing === undefined ? {} : { spacing }),
      axes: directionOf(header, u) + directionOf(header, v),
    }
  } catch (error) {
    throw unreadable(path, error)
  }
}

/** Of a file's first bytes, not compressed. */
export const spacingOfNifti = async (path: string, head: Buffer): Promise<Spacing | undefined> => {
  try {
    const bytes = head[0] === 0x1f && head[1] === 0x8b ? await unpacked(path, head, true) : head
    const header = headerOf(path, bytes)
    const axes = header.dims.slice(1, 1 + header.dims[0]!).flatMap((n, axis) => (n > 1 ? [axis] : []))
    return spacingAlong(header, axes[0] ?? 0, axes[1] ?? 1)
  } catch {
    return undefined
  }
}

/** Of the axes that a header counts; one that it says nothing of is 1 long. */
const extentsOf = ({ dims }: NIFTI1 | NIFTI2): readonly number[] =>
  dims.slice(1, 1 + Math.max(2, dims[0]!)).map((n) => Math.max(1, n))

const unpacked = async (path: string, file: Buffer, part = false): Promise<Buffer> => {
  const most = part ? mostBytes : Math.min(mostBytes, await saidSize(path, file))
  try {
    // 2: Z_SYNC_FLUSH, so that a part can be unpacked as far as it goes.
    return await promisify(gunzip)(file, { maxOutputLength: most, ...(part ? { finishFlush: 2 } : {}) })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_BUFFER_TOO_LARGE") throw unreadable(path, error)
    throw most < mostBytes
      ? unreadable(path, new Error("it unpacks to more than its header says"))
      : tooLarge(path, mostBytes + 1)
  }
}
/** Bytes that a packed file's header speaks of, and some for what others put behind them. Nothing is known where its beginning cannot be unpacked by itself. */
const saidSize = async (path: string, file: Buffer): Promise<number> => {
  let header: NIFTI1 | NIFTI2
  try {
    header = headerOf(path, await unpacked(path, file.subarray(0, 2 ** 12), true))
  } catch {
    return mostBytes
  }
  const bits = Math.max(8, header.numBitsPerVoxel)
  return Math.max(0, header.vox_offset) + (extentsOf(header).reduce((n, extent) => n * extent, 1) * bits) / 8 + 2 ** 20
}

const headerOf = (path: string, bytes: Buffer): NIFTI1 | NIFTI2 => {
  const own = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + Math.min(bytes.length, 2 ** 16)) as ArrayBuffer
  if (!isNIFTI(own)) throw unreadable(path, new Error("it has no NIfTI header"))
  try {
    const header = readHeader(own)
    const [axes = 0, ...extents] = header.dims
    if (!(axes >= 1 && axes <= 7)) throw new Error(`its header says that it has ${axes} axes`)
    if (extents.slice(0, axes).some((n) => n < 0))
      throw new Error(`its header says that it is ${extents.slice(0, axes).join(" × ")}`)
    return header
  } catch (error) {
    throw unreadable(path, error)
  }
}

const swap = (bytes: Buffer, size: number): void =>
  void (size === 2 ? bytes.swap16() : size === 4 ? bytes.swap32() : bytes.swap64())

/** Undefined where the file does not say in which unit it is. */
const spacingAlong = ({ pixDims, xyzt_units }: NIFTI1 | NIFTI2, u: number, v: number): Spacing | undefined => {
  const unit = perUnit[xyzt_units & 7]
  const [x, y] = [Math.abs(pixDims[u + 1] ?? 0), Math.abs(pixDims[v + 1] ?? 0)]
  return unit !== undefined && x > 0 && y > 0 ? { x: x * unit, y: y * unit } : undefined
}

/** The patient's side towards which an axis runs most. */
const directionOf = ({ affine }: NIFTI1 | NIFTI2, axis: number): string => {
  const column = [0, 1, 2].map((row) => affine[row]?.[axis] ?? 0)
  const most = column.reduce((best, x, i) => (Math.abs(x) > Math.abs(column[best]!) ? i : best), 0)
  return (["RL", "AP", "SI"][most] ?? "RL")[column[most]! >= 0 ? 0 : 1]!
}
