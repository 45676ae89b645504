/**
 * Image files (PNG, JPEG, TIFF and what else sharp reads) as the values that are stored: no colour management, no rotation by
 * EXIF, no alpha. Images of 16 bits keep the upper byte. Of several pages the first is read.
 */
import sharp from "sharp"
import { failed } from "../../compiler/diagnostic.ts"
import { readBytes } from "../files.ts"
import { indicesAsGrey, isPng, pngHeader } from "./png.ts"
import type { Raster } from "./raster.ts"

// One image is decoded at a time in each of our own readers; libvips's cache would only hold memory.
sharp.cache(false)

/** Endings of files that are taken for images when a folder is read. */
export const isImageName = (name: string): boolean => /\.(png|jpe?g|tiff?|bmp|webp)$/i.test(name)

interface Stored {
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3
  readonly data: Uint8Array | Uint16Array
}

const open = (bytes: Buffer) => sharp(bytes, { failOn: "error", ignoreIcc: true })

const decode = async (path: string, bytes: Buffer): Promise<Stored> => {
  try {
    if (isPng(bytes) && !pngHeader(bytes).whole) throw new Error("it ends before its last chunk")
    const { space, depth } = await open(bytes).metadata()
    const grey = space === "b-w" || space === "grey16"
    const deep = depth === "ushort"
    const pixels = open(bytes)
      .removeAlpha()
      .toColourspace(grey ? (deep ? "grey16" : "b-w") : deep ? "rgb16" : "srgb")
    const { data, info } = await pixels.raw({ depth: deep ? "ushort" : "uchar" }).toBuffer({ resolveWithObject: true })
    const { width, height } = info
    const channels = grey ? 1 : 3
    const values = deep
      ? new Uint16Array(data.buffer, data.byteOffset, data.length / 2)
      : new Uint8Array(data.buffer, data.byteOffset, data.length)
    if (values.length !== width * height * channels) throw new Error(`internal: ${values.length} values`)
    return { width, height, channels, data: values }
  } catch (error) {
    throw failed(
      path,
      "HS4201",
      `the image cannot be read: ${why(error)}`,
      "The file may be cut off or of another format: copy it again, or leave it out.",
    )
  }
}

const why = (error: unknown): string => {
  const [line = ""] = (error instanceof Error ? error.message : String(error)).split("\n")
  return line.replace(/^Input buffer/i, "the file").replace(/^Vips/, "")
}

/** Colour images whose channels are equal everywhere become grey. */
const greyIfEqual = (stored: Stored): Stored => {
  const { data, channels, width, height } = stored
  if (channels === 1) return stored
  for (let i = 0; i < data.length; i += 3) if (data[i] !== data[i + 1] || data[i] !== data[i + 2]) return stored
  const grey = data instanceof Uint16Array ? new Uint16Array(width * height) : new Uint8Array(width * height)
  for (let i = 0; i < grey.length; i++) grey[i] = data[3 * i]!
  return { width, height, channels: 1, data: grey }
}

/** An image's pixels, 0…255. Throws HS4002, HS4201. */
export const readImage = async (path: string): Promise<Raster> => {
  const { data, ...rest } = greyIfEqual(await decode(path, await readBytes(path)))
  return { ...rest, data: data instanceof Uint16Array ? Uint8Array.from(data, (x) => x >> 8) : data }
}

/** A mask file's values before it is decided what is foreground. */
export interface Labels {
  readonly width: number
  readonly height: number
  /** Grey values as stored, palette indices, or colours as 0xRRGGBB. */
  readonly values: ArrayLike<number>
  readonly kind: "grey" | "palette" | "colour"
}

/** Throws HS4002, HS4201. */
export const readLabels = async (path: string): Promise<Labels> => {
  const bytes = await readBytes(path)
  const header = isPng(bytes) ? pngHeader(bytes) : undefined
  const palette = header?.palette === true && header.whole
  const { width, height, channels, data } = greyIfEqual(await decode(path, palette ? indicesAsGrey(bytes) : bytes))
  if (channels === 3) {
    const values = new Uint32Array(width * height)
    for (let i = 0; i < values.length; i++)
      values[i] = (data[3 * i]! << 16) | (data[3 * i + 1]! << 8) | data[3 * i + 2]!
    return { width, height, values, kind: "colour" }
  }
  // Grey of fewer than 8 bits arrives stretched to 0…255.
  const stretch = header !== undefined && header.depth < 8 ? 255 / (2 ** header.depth - 1) : 1
  const values = stretch === 1 ? data : data.map((x: number) => Math.round(x / stretch))
  return { width, height, values, kind: palette ? "palette" : "grey" }
}
