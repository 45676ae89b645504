/** runtime/data/images/decoder.ts in a page: PNG and TIFF in JavaScript, to the last bit of 16; JPEG, WebP and GIF by the browser. */
import { decode as decodePng } from "fast-png"
import { decode as decodeTiff, type TiffIfd } from "tiff"
import type { About, Decoded } from "../../runtime/data/images/decoder.ts"
import type { Format } from "../../runtime/data/images/format.ts"
import type { Values } from "../../runtime/data/images/stored.ts"
import { compressions } from "../../runtime/data/images/tiff.ts"
import { framesOf } from "./frames.ts"
import { orientationOf, upright } from "./orientation.ts"
import { entryAt, withoutPackBits } from "./packbits.ts"

/** Samples of fewer than 8 bits, packed in rows that begin with a byte. */
const unpacked = (packed: ArrayLike<number>, width: number, height: number, bits: number): Uint8Array => {
  const out = new Uint8Array(width * height)
  const row = Math.ceil((width * bits) / 8)
  const perByte = 8 / bits
  for (let i = 0; i < out.length; i += 1) {
    const [x, y] = [i % width, Math.floor(i / width)]
    const byte = packed[y * row + Math.floor(x / perByte)] ?? 0
    out[i] = (byte >> (8 - bits * ((x % perByte) + 1))) & (2 ** bits - 1)
  }
  return out
}
/** Without what comes after grey, or after red, green and blue. */
const opaque = <V extends Values>(data: V, channels: number): { readonly data: V; readonly channels: 1 | 3 } => {
  const kept = channels >= 3 ? 3 : 1
  if (kept === channels) return { data, channels: kept }
  const n = data.length / channels
  const out = data.slice(0, n * kept) as V
  for (let i = 0; i < n; i += 1) for (let c = 0; c < kept; c += 1) out[kept * i + c] = data[channels * i + c] as number
  return { data: out, channels: kept }
}

const png = (bytes: Buffer): Decoded & { readonly alpha?: Uint8Array } => {
  const { width, height, depth, channels, data, transparency } = decodePng(bytes, { checkCrc: true })
  const orientation = orientationOf(bytes, "png")
  const turned = <V extends Values>(values: V, of: 1 | 3) => upright({ width, height, data: values }, of, orientation)
  if (depth < 8) {
    const stretch = 255 / (2 ** depth - 1)
    const values = unpacked(data, width, height, depth).map((v) => Math.round(v * stretch))
    return { ...turned(values, 1), channels: 1, depth: "uchar" }
  }
  const values = data as Uint8Array | Uint16Array
  const plain = opaque(values, channels)
  const alpha =
    channels % 2 === 0 && values instanceof Uint8Array
      ? values.filter((_, i) => i % channels === channels - 1)
      : values instanceof Uint8Array && transparency !== undefined
        ? alphaOfKey(plain.data as Uint8Array, plain.channels, transparency)
        : undefined
  return {
    ...turned(plain.data, plain.channels),
    channels: plain.channels,
    depth: depth === 16 ? "ushort" : "uchar",
    ...(alpha === undefined ? {} : { alpha: turned(alpha, 1).data }),
  }
}
/** A colour that the chunk tRNS says is transparent. */
const alphaOfKey = (data: Uint8Array, channels: number, key: ArrayLike<number>): Uint8Array => {
  const out = new Uint8Array(data.length / channels)
  for (let i = 0; i < out.length; i += 1) {
    let same = true
    for (let c = 0; c < channels; c += 1) same &&= data[channels * i + c] === key[c]
    out[i] = same ? 0 : 255
  }
  return out
}

const depths: Readonly<Record<string, string>> = {
  Uint8Array: "uchar",
  Uint16Array: "ushort",
  Float32Array: "float",
  Float64Array: "double",
}
/** TIFF's compressions that the library undoes: none, LZW, zlib (both numbers), and PackBits, which is undone before it. */
const known = [1, 5, 8, 32946, 32773]
const asPng = "is not read in a browser: save it as PNG"
const tiff = (bytes: Buffer): Decoded & { readonly alpha?: Uint8Array } => {
  const orientation = orientationOf(bytes, "tiff") ?? 1
  if (bytes[2] === 43 || bytes[3] === 43) throw new Error(`a BigTIFF ${asPng}`)
  const [about] = decodeTiff(bytes, { pages: [0], ignoreImageData: true }) as [TiffIfd]
  const packing = about.compression ?? 1
  if (!known.includes(packing))
    throw new Error(`a TIFF with ${compressions[packing] ?? `compression ${packing}`} inside ${asPng}`)
  const { bitsPerSample: bits, sampleFormat } = about as {
    readonly bitsPerSample?: number
    readonly sampleFormat: number
  }
  if (bits === undefined) throw new Error(`a TIFF that leaves out how many bits a sample has ${asPng}`)
  if (bits === 32 && sampleFormat !== 3) throw new Error(`a TIFF of 32-bit integers ${asPng}`)
  const channels = about.samplesPerPixel
  // Of tiles with several channels and of planes the library does not know, and does not say so.
  if (channels > 1 && (about.tiled || about.planarConfiguration === 2))
    throw new Error(`a TIFF of colours in tiles or planes ${asPng}`)
  // Differences begin anew in each tile, which the library does not know either.
  if (about.predictor === 3 || (about.tiled && about.predictor === 2))
    throw new Error(
      `a TIFF of ${about.tiled ? "tiles" : "floating-point samples"} that are stored as differences ${asPng}`,
    )
  const readable = withoutPackBits(orientation === 1 ? bytes : withoutOrientation(bytes))
  const [page] = decodeTiff(readable, { pages: [0] }) as [TiffIfd]
  const { width, height } = page
  const raw = page.data as Uint8Array | Uint16Array | Float32Array
  const stretched = bits === 1 ? (raw as Uint8Array).map((v) => 255 * v) : raw
  const plain = opaque(stretched, channels)
  const alpha =
    channels % 2 === 0 && raw instanceof Uint8Array ? raw.filter((_, i) => i % channels === channels - 1) : undefined
  return {
    ...upright({ width, height, data: plain.data }, plain.channels, orientation),
    channels: plain.channels,
    depth: page.sampleFormat === 2 && raw instanceof Uint16Array ? "short" : (depths[raw.constructor.name] ?? "uchar"),
    ...(alpha === undefined ? {} : { alpha }),
  }
}
/** The library refuses what is turned; it is turned here. */
const withoutOrientation = (bytes: Buffer): Uint8Array => {
  const out = new Uint8Array(bytes)
  const view = new DataView(out.buffer)
  const entry = entryAt(view, 274)
  if (entry !== undefined) view.setUint16(entry + 8, 1, view.getUint16(0) === 0x4949)
  return out
}

const ofBrowser = async (bytes: Buffer): Promise<Decoded & { readonly alpha?: Uint8Array }> => {
  const bitmap = await createImageBitmap(new Blob([bytes as Uint8Array<ArrayBuffer>]), {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  })
  const { width, height } = bitmap
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true })
  if (context === null) throw new Error("the browser has no memory for it")
  context.drawImage(bitmap, 0, 0)
  bitmap.close()
  const { data } = context.getImageData(0, 0, width, height)
  const rgb = new Uint8Array(3 * width * height)
  const alpha = new Uint8Array(width * height)
  for (let i = 0; i < alpha.length; i += 1) {
    for (let c = 0; c < 3; c += 1) rgb[3 * i + c] = data[4 * i + c] as number
    alpha[i] = data[4 * i + 3] as number
  }
  return { width, height, channels: 3, data: rgb, depth: "uchar", alpha }
}

/** The last file: what it says of itself, its pixels and its transparency are asked for one after the other. */
let last: { readonly bytes: Buffer; readonly decoded: ReturnType<typeof ofBrowser> } | undefined
const decoded = (bytes: Buffer, format: Format): ReturnType<typeof ofBrowser> => {
  if (last?.bytes === bytes) return last.decoded
  const one = (async () => (format === "png" ? png(bytes) : format === "tiff" ? tiff(bytes) : ofBrowser(bytes)))()
  last = { bytes, decoded: one }
  return one
}

export const metadataOf = async (bytes: Buffer, format: Format): Promise<About> => {
  // Indices of a palette are read from a copy that calls them grey; here its alpha and depth are of no interest.
  const { width, height, depth, alpha } = await decoded(bytes, format)
  return {
    width,
    height,
    orientation: orientationOf(bytes, format),
    hasAlpha: alpha?.some((v) => v !== 255) ?? false,
    depth,
    pages: framesOf(bytes, format),
  }
}
export const pixelsOf = async (bytes: Buffer, format: Format): Promise<Decoded> => {
  const { alpha: _, ...pixels } = await decoded(bytes, format)
  last = undefined
  return pixels
}
export const alphaOf = async (bytes: Buffer, format: Format): Promise<Uint8Array> => {
  const { alpha } = await decoded(bytes, format)
  last = undefined
  if (alpha === undefined) throw new Error("internal: no transparency")
  return alpha
}
