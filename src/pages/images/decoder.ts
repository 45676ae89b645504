/** runtime/data/images/decoder.ts in a page: PNG and TIFF in JavaScript, to the last bit of 16; JPEG, WebP and GIF by the browser. */
import { decode as decodePng } from "fast-png"
import { fromArrayBuffer } from "geotiff"
import type { About, Decoded } from "../../runtime/data/images/decoder.ts"
import type { Format } from "../../runtime/data/images/format.ts"
import type { Values } from "../../runtime/data/images/stored.ts"
import { compressions } from "../../runtime/data/images/tiff.ts"
import { framesOf } from "./frames.ts"
import { orientationOf, upright } from "./orientation.ts"

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

/** Types of samples in libvips's words. */
const depths: Readonly<Record<string, string>> = {
  Uint8Array: "uchar",
  Int8Array: "char",
  Uint16Array: "ushort",
  Int16Array: "short",
  Uint32Array: "uint",
  Int32Array: "int",
  Float32Array: "float",
  Float64Array: "double",
}
const [whiteIsZero, yCbCr] = [0, 6]

/** Zero is black, and few bits fill 0…255, as libvips gives them. */
const brightened = (raw: Values, bits: number, photometric: number): Values => {
  const stretch = bits < 8 ? 255 / (2 ** bits - 1) : 1
  const stretched = stretch === 1 ? raw : raw.map((v) => Math.round(v * stretch))
  if (photometric !== whiteIsZero || !(raw instanceof Uint8Array || raw instanceof Uint16Array)) return stretched
  const most = raw instanceof Uint8Array ? 255 : 65_535
  return stretched.map((v) => most - v)
}

/** Compressions that are undone here: none, LZW, JPEG, zlib (both numbers), PackBits. */
const undone = [1, 5, 7, 8, 32946, 32773]
const asPng = "is not read in a browser: save it as PNG"

/** In words: the library reads beyond the end of a file that was cut off, or throws what is no error. */
const damage = (problem: unknown): Error => {
  if (!(problem instanceof Error)) return new Error("its samples cannot be unpacked")
  return problem instanceof RangeError ? new Error("it ends before its last sample") : problem
}

const rethrown = (problem: unknown): never => {
  throw damage(problem)
}
const tiff = async (bytes: Buffer): Promise<Decoded & { readonly alpha?: Uint8Array }> => {
  const file = await fromArrayBuffer(new Uint8Array(bytes).buffer)
  const image = await file.getImage(0)
  const { fileDirectory: about } = image
  if (!about.hasTag("BitsPerSample")) throw new Error(`a TIFF that leaves out how many bits a sample has ${asPng}`)
  const packing = Number(about.getValue("Compression") ?? 1)
  if (!undone.includes(packing))
    throw new Error(`a TIFF with ${compressions[packing] ?? `compression ${packing}`} inside ${asPng}`)
  const [width, height, samples] = [image.getWidth(), image.getHeight(), image.getSamplesPerPixel()]
  const photometric = Number(about.getValue("PhotometricInterpretation") ?? 1)
  const read = photometric === yCbCr ? image.readRGB({ interleave: true }) : image.readRasters({ interleave: true })
  const raw = (await read) as unknown as Values
  if (raw.length !== width * height * samples) throw new Error("it ends before its last sample")
  const plain = opaque(brightened(raw, image.getBitsPerSample(0), photometric), samples)
  const alpha =
    samples % 2 === 0 && raw instanceof Uint8Array ? raw.filter((_, i) => i % samples === samples - 1) : undefined
  const turned = <V extends Values>(data: V, channels: 1 | 3) =>
    upright({ width, height, data }, channels, orientationOf(bytes, "tiff"))
  return {
    ...turned(plain.data, plain.channels),
    channels: plain.channels,
    depth: depths[raw.constructor.name] ?? "uchar",
    ...(alpha === undefined ? {} : { alpha: turned(alpha, 1).data }),
  }
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
  const one = (async () =>
    format === "png" ? png(bytes) : format === "tiff" ? tiff(bytes).catch(rethrown) : ofBrowser(bytes))()
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
