/** PNG, JPEG, TIFF, WebP and GIF: the values that are stored, without colour management, turned as EXIF says. */
import { demandPixels } from "./bounds.ts"
import { alphaOf, metadataOf, pixelsOf } from "./decoder.ts"
import type { Format } from "./format.ts"
import { indicesAsGrey, pngHeader } from "./png.ts"
import { type Refuse, unreadable } from "./refuse.ts"
import type { Stored, Values } from "./stored.ts"
import { compressions, relabelled, tiffHeader } from "./tiff.ts"

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
    if (tiff.lab) throw refuse.format("a TIFF of CIE Lab colours")
  }
  try {
    if (png !== undefined && !png.whole) throw new Error("it ends before its last chunk")
    if (tiff !== undefined && !tiff.whole) throw new Error("it ends before its last sample")
    const metadata = await metadataOf(bytes, format)
    demandPixels(path, metadata.width, metadata.height)
    // Without the press's profile nobody can tell which red and green were meant.
    if (metadata.space === "cmyk") throw refuse.format(`a ${name} of CMYK colours`)
    // libvips counts a TIFF's thumbnails as pages.
    const frames = tiff?.pages ?? png?.frames ?? metadata.pages ?? 1
    if (frames > 1) throw refuse.frames(name, frames)
    const signed = metadata.depth === "short" && tiff?.sampleFormat === 2
    const palette = png?.palette ?? tiff?.palette?.colours
    const plain = png?.palette ? indicesAsGrey(bytes) : signed || tiff?.palette ? relabelled(bytes, tiff!) : bytes
    const { data, width, height, channels, depth } = await pixelsOf(plain, format)
    const alpha =
      metadata.hasAlpha && transparency && data instanceof Uint8Array ? await alphaOf(bytes, format) : undefined
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
    const packing = compressions[tiff?.compression ?? 1]
    // The engine that decodes says it in its own words.
    if (packing !== undefined && error instanceof Error && /compression| inside /i.test(error.message))
      throw refuse.format(`a TIFF with ${packing} inside`)
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
