/**
 * Windows bitmaps without compression: rows of whole 32-bit words, the lowest first unless the height is negative. Palette files give their indices.
 * (The libraries on npm mix up channels of palette files or lack depths; what is read here is a table of rows.)
 */
import { demandPixels } from "./bounds.ts"
import { type Refuse, unreadable } from "./refuse.ts"
import type { Stored } from "./stored.ts"

const compressions: Readonly<Record<number, string>> = {
  1: "a run-length encoded BMP",
  2: "a run-length encoded BMP",
  4: "a BMP that holds a JPEG",
  5: "a BMP that holds a PNG",
}
/** Red, green, blue of 16 bits, where the file gives no masks. */
const fiveBits = [0x7c00, 0x3e0, 0x1f] as const

export const readBmp = (path: string, bytes: Buffer, refuse: Refuse): Stored => {
  try {
    const header = bytes.readUInt32LE(14)
    if (header < 40) throw refuse.format("an OS/2 BMP")
    const [width, signedRows] = [bytes.readInt32LE(18), bytes.readInt32LE(22)]
    const height = Math.abs(signedRows)
    if (width <= 0 || height === 0) throw new Error(`it says that it is ${width} × ${height} pixels`)
    demandPixels(path, width, height)
    const [depth, compression] = [bytes.readUInt16LE(28), bytes.readUInt32LE(30)]
    if (Object.hasOwn(compressions, compression)) throw refuse.format(compressions[compression]!)
    if (![1, 4, 8, 16, 24, 32].includes(depth)) throw new Error(`its pixels have ${depth} bits`)
    const stride = Math.ceil((width * depth) / 32) * 4
    const start = bytes.readUInt32LE(10)
    if (bytes.length < start + stride * height) throw new Error("it is cut off")
    const row = (y: number) => start + stride * (signedRows < 0 ? y : height - 1 - y)
    const common = { width, height, format: "BMP" }
    if (depth <= 8) {
      const data = new Uint8Array(width * height)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) {
          const bit = x * depth
          data[y * width + x] = (bytes[row(y) + (bit >> 3)]! >> (8 - depth - (bit & 7))) & (2 ** depth - 1)
        }
      return { ...common, channels: 1, data, palette: paletteOf(bytes, 14 + header, depth) }
    }
    const masks = compression === 3 || compression === 6 ? [54, 58, 62].map((at) => bytes.readUInt32LE(at)) : fiveBits
    const data = new Uint8Array(3 * width * height)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const at = row(y) + (x * depth) / 8
        const out = 3 * (y * width + x)
        if (depth === 24 || (depth === 32 && compression === 0))
          for (let c = 0; c < 3; c++) data[out + c] = bytes[at + 2 - c]!
        else {
          const value = depth === 16 ? bytes.readUInt16LE(at) : bytes.readUInt32LE(at)
          for (let c = 0; c < 3; c++) data[out + c] = channelOf(value, masks[c]!)
        }
      }
    return { ...common, channels: 3, data }
  } catch (error) {
    throw unreadable(path, error instanceof RangeError ? new Error("it ends within its header") : error)
  }
}

/** The bits under a mask, as 0…255. */
const channelOf = (value: number, mask: number): number => {
  if (mask === 0) return 0
  const low = mask & -mask
  const most = (mask >>> 0) / (low >>> 0)
  return Math.round((255 * ((value & mask) >>> 0)) / (low >>> 0) / most)
}

/** Blue, green, red and a zero, behind the header. */
const paletteOf = (bytes: Buffer, at: number, depth: number): readonly number[] =>
  Array.from({ length: Math.min(2 ** depth, bytes.readUInt32LE(46) || 2 ** depth) }, (_, i) =>
    bytes.readUIntLE(at + 4 * i, 3),
  )
