/** A mask as NIfTI: with the geometry of its image where that is a NIfTI, else with its spacing, rows running left and columns up as ITK writes images. */
import { promisify } from "node:util"
import { gunzip, gzip } from "node:zlib"
import { imageBytes, mostBytes } from "../data/images/bounds.ts"
import { formatOf } from "../data/images/format.ts"
import type { Spacing } from "../data/images/stored.ts"
import type { Mask } from "../data/raster.ts"

const headerBytes = 352

/** Fields of NIfTI-1 that say where the voxels lie are kept; those that say what they are, are the mask's. */
const withHeader = (header: Buffer, { data }: Mask): Buffer => {
  const little = header.readInt32LE(0) === 348
  const put16 = (value: number, at: number) =>
    little ? header.writeInt16LE(value, at) : header.writeInt16BE(value, at)
  const putFloat = (value: number, at: number) =>
    little ? header.writeFloatLE(value, at) : header.writeFloatBE(value, at)
  put16(2, 70) // unsigned 8 bits
  put16(8, 72)
  putFloat(headerBytes, 108)
  putFloat(1, 112) // slope
  putFloat(0, 116)
  putFloat(0, 124) // display range
  putFloat(0, 128)
  header.fill(0, 348, headerBytes) // no extensions
  return Buffer.concat([header, data])
}

const ownHeader = ({ width, height }: Mask, spacing: Spacing | undefined): Buffer => {
  const header = Buffer.alloc(headerBytes)
  header.writeInt32LE(348, 0)
  ;[2, width, height, 1, 1, 1, 1, 1].forEach((n, i) => header.writeInt16LE(n, 40 + 2 * i))
  const [x, y] = [spacing?.x ?? 1, spacing?.y ?? 1]
  ;[1, x, y, 1].forEach((n, i) => header.writeFloatLE(n, 76 + 4 * i))
  header[123] = spacing === undefined ? 0 : 2 // millimetres
  header.writeInt16LE(1, 254) // sform: scanner
  header.writeFloatLE(-x, 280)
  header.writeFloatLE(-y, 300)
  header.writeFloatLE(1, 320)
  header.write("n+1\0", 344, "latin1")
  return header
}

/** Compressed. */
export const niftiBytes = async (path: string, mask: Mask, spacing: Spacing | undefined): Promise<Buffer> => {
  const bytes = await imageBytes(path)
  const isNifti1 = formatOf(bytes, path) === "nifti"
  const plain = isNifti1 && bytes[0] === 0x1f ? await promisify(gunzip)(bytes, { maxOutputLength: mostBytes }) : bytes
  const known = isNifti1 && plain.toString("latin1", 344, 347) === "n+1"
  const header = known ? Buffer.from(plain.subarray(0, headerBytes)) : ownHeader(mask, spacing)
  return promisify(gzip)(withHeader(header, mask))
}
