/**
 * Image files as pixels of 0…255, and mask files as the values that they hold. What a file's values mean is decided from what it says and holds, not from
 * its type (images/window.ts); what cannot be read or decided is refused by its name.
 */
import { isLeft } from "fp-ts/lib/Either.js"
import { failed } from "../../compiler/diagnostic.ts"
import { readBmp } from "./images/bmp.ts"
import { imageBytes } from "./images/bounds.ts"
import { readDicom, spacingOfDicom } from "./images/dicom.ts"
import { formatOf, otherFormatOf, unreadFormat } from "./images/format.ts"
import { readNifti, spacingOfNifti } from "./images/nifti.ts"
import { refuse, unreadable } from "./images/refuse.ts"
import { readStandard } from "./images/standard.ts"
import type { Spacing, Stored, Values } from "./images/stored.ts"
import { type Range, type Window, windowed } from "./images/window.ts"
import type { Raster } from "./raster.ts"

/** Throws HS4002, HS4201, HS4208, HS4210, HS4211. */
const readStored = async (path: string, options: { readonly transparency?: boolean } = {}): Promise<Stored> => {
  const bytes = await imageBytes(path)
  const no = refuse(path)
  const format = formatOf(bytes, path)
  if (format === "dicom") return readDicom(path, bytes, no)
  if (format === "nifti") return readNifti(path, bytes, no)
  if (format === "bmp") return readBmp(path, bytes, no)
  if (format !== undefined) return readStandard(path, bytes, format, no, options)
  const other = otherFormatOf(bytes) ?? unreadFormat(path)
  if (other !== undefined)
    throw no.format(other === "video" ? "a video" : `${/^[AEIO]|^H[DE]/.test(other) ? "an" : "a"} ${other} file`)
  throw unreadable(path, new Error(bytes.length === 0 ? "the file is empty" : "it is of no known image format"))
}

/** Colour images whose channels are equal everywhere become grey. */
const greyIfEqual = (stored: Stored): Stored => {
  const { data, channels, width, height } = stored
  if (channels === 1) return stored
  for (let i = 0; i < data.length; i += 3) if (data[i] !== data[i + 1] || data[i] !== data[i + 2]) return stored
  const grey = data.slice(0, width * height)
  for (let i = 0; i < grey.length; i++) grey[i] = data[3 * i]!
  return { ...stored, channels: 1, data: grey }
}

/** Grey that a lossy format has tinted: by the channel that the eye sees best. */
const greyIfNearly = (stored: Stored): Stored => {
  const { data, channels, lossy, width, height } = stored
  if (channels === 1 || lossy !== true) return stored
  for (let i = 0; i < data.length; i += 3) {
    const [r, g, b] = [data[i]!, data[i + 1]!, data[i + 2]!]
    if (Math.max(r, g, b) - Math.min(r, g, b) > tint) return stored
  }
  return { ...stored, channels: 1, data: Uint8Array.from({ length: width * height }, (_, i) => data[3 * i + 1]!) }
}

const tint = 24

/** Indices as the colours that they stand for. */
const looked = (stored: Stored): Stored => {
  const { palette, data, ...rest } = stored
  if (palette === undefined) return stored
  const out = new Uint8Array(3 * data.length)
  for (let i = 0; i < data.length; i++) {
    const colour = palette[data[i]!] ?? 0
    out[3 * i] = colour >> 16
    out[3 * i + 1] = (colour >> 8) & 255
    out[3 * i + 2] = colour & 255
  }
  return { ...rest, channels: 3, data: out }
}

/** An image as a model is given it, and what was found on the way. */
export interface Picture extends Raster {
  /** The stored values that are 0 and 255. */
  readonly range: Range
  readonly format: string
  readonly spacing?: Spacing
  readonly turned?: number
  readonly axes?: string
}

/** An image's pixels, 0…255. Throws HS4002, HS4201, HS4208 to HS4211. */
export const readImage = async (path: string, options: { readonly window?: Window } = {}): Promise<Picture> => {
  const stored = greyIfEqual(looked(await readStored(path)))
  const result = windowed(stored, options.window)
  if (isLeft(result))
    throw failed(
      path,
      "HS4209",
      `it cannot be told which values of the image are black and white: ${result.left} (${stored.format})`,
      "Say it with --window LOW,HIGH, as --window 0,4095 for 12 bits; --window image takes each image's own least and greatest.",
    )
  const { width, height, channels, format, spacing, turned, axes } = stored
  return {
    width,
    height,
    channels,
    ...result.right,
    format,
    ...(spacing === undefined ? {} : { spacing }),
    ...(turned === undefined ? {} : { turned }),
    ...(axes === undefined ? {} : { axes }),
  }
}

/** A mask file's values before it is decided what is foreground. */
export interface Labels {
  readonly width: number
  readonly height: number
  /** Grey values as stored, palette indices, or colours as 0xRRGGBB. */
  readonly values: ArrayLike<number>
  readonly kind: "grey" | "palette" | "colour"
  /** The colours that indices stand for. */
  readonly palette?: readonly number[]
  readonly lossy?: boolean
  readonly turned?: number
  readonly axes?: string
}

/** Throws HS4002, HS4201, HS4208, HS4210, HS4211. */
export const readLabels = async (path: string): Promise<Labels> => {
  const stored = greyIfNearly(greyIfEqual(await readStored(path, { transparency: true })))
  const { width, height, channels, data, palette, lossy, turned, axes, alpha, stretch = 1 } = stored
  const rest = {
    width,
    height,
    ...(lossy === true ? { lossy } : {}),
    ...(turned === undefined ? {} : { turned }),
    ...(axes === undefined ? {} : { axes }),
  }
  // Of one colour everywhere: what is drawn lies in the transparency.
  if (alpha !== undefined && constant(data, channels) && !constant(alpha, 1))
    return { ...rest, values: alpha, kind: "grey" }
  if (channels === 3) {
    const values = new Uint32Array(width * height)
    for (let i = 0; i < values.length; i++)
      values[i] = (data[3 * i]! << 16) | (data[3 * i + 1]! << 8) | data[3 * i + 2]!
    return { ...rest, values, kind: "colour" }
  }
  const values = stretch === 1 ? data : data.map((v: number) => Math.round(v / stretch))
  return { ...rest, values, kind: palette ? "palette" : "grey", ...(palette === undefined ? {} : { palette }) }
}

const constant = (data: Values, channels: number): boolean => {
  for (let i = channels; i < data.length; i++) if (data[i] !== data[i % channels]) return false
  return true
}

/** Of DICOM and NIfTI, from a file's header alone. */
export const readSpacing = async (path: string): Promise<Spacing | undefined> => {
  const head = await imageBytes(path, 2 ** 17)
  const format = formatOf(head, path)
  return format === "dicom" ? spacingOfDicom(path, head) : format === "nifti" ? spacingOfNifti(path, head) : undefined
}
