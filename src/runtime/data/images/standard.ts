/** PNG, JPEG, TIFF, WebP and GIF by sharp: the values that are stored, without colour management, turned as EXIF says. */
import sharp, { type Metadata } from "sharp"
import { demandPixels } from "./bounds.ts"
import type { Format } from "./format.ts"
import { indicesAsGrey, pngHeader } from "./png.ts"
import { type Refuse, unreadable } from "./refuse.ts"
import type { Stored, Values } from "./stored.ts"
import { relabelled, tiffHeader } from "./tiff.ts"

// One image is decoded at a time in each of our own readers; libvips's cache would only hold memory.
sharp.cache(false)

const open = (bytes: Buffer) => sharp(bytes, { failOn: "error", ignoreIcc: true, limitInputPixels: false })

const types = {
  uchar: Uint8Array,
  char: Int8Array,
  ushort: Uint16Array,
  short: Int16Array,
  uint: Uint32Array,
  int: Int32Array,
  float: Float32Array,
  double: Float64Array,
} as const

const namesOf: Readonly<Record<string, string>> = { png: "PNG", jpeg: "JPEG", tiff: "TIFF", webp: "WebP", gif: "GIF" }

/** Bits and kind of a sample, as a person says it. */
const kindOf: Readonly<Record<string, string>> = {
  uchar: "",
  char: "8-bit signed ",
  ushort: "16-bit ",
  short: "16-bit signed ",
  uint: "32-bit ",
  int: "32-bit signed ",
  float: "floating-point ",
}

export const readStandard = async (
  path: string,
  bytes: Buffer,
  format: Format,
  refuse: Refuse,
  { transparency = false } = {},
): Promise<Stored> => {
  const png = format === "png" ? pngHeader(bytes) : undefined
  const tiff = format === "tiff" ? tiffHeader(bytes) : undefined
  const name = namesOf[format] ?? format
  if (png !== undefined) demandPixels(path, png.width, png.height)
  if (tiff !== undefined) {
    demandPixels(path, tiff.width, tiff.height)
    const { bitsPerSample, sampleFormat, samples } = tiff
    const readable = sampleFormat === 3 ? bitsPerSample === 32 : [1, 2, 4, 8, 16, 32].includes(bitsPerSample)
    if (!readable || sampleFormat > 3)
      throw refuse.format(`a TIFF of ${bitsPerSample}-bit ${sampleFormat === 3 ? "floating-point " : ""}samples`)
    if (samples > 4) throw refuse.format(`a TIFF of ${samples} channels`)
  }
  try {
    if (png !== undefined && !png.whole) throw new Error("it ends before its last chunk")
    const metadata = await open(bytes).metadata()
    demandPixels(path, metadata.width, metadata.height)
    // libvips counts a TIFF's thumbnails as pages.
    const frames = tiff?.pages ?? png?.frames ?? metadata.pages ?? 1
    if (frames > 1) throw refuse.frames(name, frames)
    const signed = metadata.depth === "short" && tiff?.sampleFormat === 2
    const palette = png?.palette ?? tiff?.palette?.colours
    const plain = png?.palette ? indicesAsGrey(bytes) : signed || tiff?.palette ? relabelled(bytes, tiff!) : bytes
    const { data, width, height, channels, depth } = await pixelsOf(plain)
    const alpha = metadata.hasAlpha && transparency && data instanceof Uint8Array ? await alphaOf(bytes) : undefined
    const values = signed ? new Int16Array(data.buffer as ArrayBuffer, data.byteOffset, data.length) : data
    // libvips has turned samples whose zero is white; a range is decided on those that are stored.
    const turnedBack = tiff?.whiteIsZero === true && values instanceof Uint16Array
    const orientation = metadata.orientation ?? 1
    // Grey and indices of fewer than 8 bits arrive stretched to 0…255.
    const small = png?.depth ?? tiff?.bitsPerSample ?? 8
    const stretch = small < 8 && channels === 1 ? 255 / (2 ** small - 1) : 1
    return {
      width,
      height,
      channels,
      data: turnedBack
        ? values.map((v) => 65535 - v)
        : palette !== undefined && stretch !== 1
          ? values.map((v) => Math.round(v / stretch))
          : values,
      format: `${kindOf[signed ? "short" : depth] ?? ""}${name}`,
      ...(palette === undefined ? (stretch === 1 ? {} : { stretch }) : { palette }),
      ...(turnedBack ? { lowIsWhite: true } : {}),
      ...(alpha === undefined ? {} : { alpha }),
      ...significant(png?.bits ?? tiff?.bits, values),
      ...(tiff?.window === undefined || values instanceof Uint8Array ? {} : { window: tiff.window }),
      ...(format === "jpeg" || tiff?.lossy === true || (format === "webp" && !isLossless(bytes))
        ? { lossy: true }
        : {}),
      ...(orientation > 1 ? { turned: orientation } : {}),
    }
  } catch (error) {
    throw unreadable(path, error)
  }
}

/**
 * Fewer bits than the type has. PNG wants samples scaled to all of them whatever sBIT says, and most writers do; those that do not have no value
 * beyond their bits.
 */
const significant = (bits: number | undefined, values: Values): { readonly bits?: number } => {
  if (bits === undefined || !(values instanceof Uint16Array) || bits >= 16 || bits <= 1) return {}
  for (let i = 0; i < values.length; i++) if (values[i]! >= 2 ** bits) return { bits: 16 }
  return { bits }
}

const isLossless = (bytes: Buffer): boolean => bytes.includes("VP8L", 12, "latin1")

const pixelsOf = async (bytes: Buffer) => {
  const { space, depth } = await open(bytes).metadata()
  const grey = space === "b-w" || space === "grey16"
  const kind: keyof typeof types = (depth as string) in types ? (depth as keyof typeof types) : "uchar"
  const raw = (image: ReturnType<typeof open>) =>
    image
      .toColourspace(toSpace(space, kind, grey))
      .raw({ depth: kind as "uchar" })
      .toBuffer({ resolveWithObject: true })
  const { data, info } = await raw(open(bytes).autoOrient().removeAlpha())
  const { width, height } = info
  const channels = grey ? (1 as const) : (3 as const)
  const Type = types[kind]
  const values: Values = new Type(data.buffer as ArrayBuffer, data.byteOffset, data.length / Type.BYTES_PER_ELEMENT)
  if (values.length !== width * height * channels) throw new Error(`internal: ${values.length} values`)
  return { data: values, width, height, channels, depth: kind }
}

/** The colour space in which nothing is converted. */
const toSpace = (space: Metadata["space"], depth: string, grey: boolean): string => {
  if (grey) return depth === "ushort" ? "grey16" : "b-w"
  if (space === "scrgb") return "scrgb"
  return depth === "ushort" ? "rgb16" : "srgb"
}

const alphaOf = async (bytes: Buffer): Promise<Uint8Array> => {
  const data = await open(bytes).autoOrient().extractChannel("alpha").toColourspace("b-w").raw().toBuffer()
  return new Uint8Array(data.buffer, data.byteOffset, data.length)
}
