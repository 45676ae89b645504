/**
 * Decoding by sharp: values as they are stored, turned upright. Pages have a decoder of their own with the same functions
 * (src/pages/images/decoder.ts); what the values mean is decided elsewhere, for both.
 */
import sharp, { type Metadata } from "sharp"
import type { Format } from "./format.ts"
import type { Values } from "./stored.ts"

/** What is asked of a file before its pixels. */
export interface About {
  readonly width: number
  readonly height: number
  /** Frames, or what libvips takes for pages. */
  readonly pages?: number | undefined
  /** EXIF's or TIFF's. */
  readonly orientation?: number | undefined
  readonly hasAlpha: boolean
  readonly depth: string
  /** What the samples are, in libvips's words. */
  readonly space?: string | undefined
}
export interface Decoded {
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3
  readonly data: Values
  /** Of a sample, in libvips's words. */
  readonly depth: string
}

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

export const metadataOf = (bytes: Buffer, _format: Format): Promise<About> => open(bytes).metadata()

/** Grey and indices of fewer than 8 bits are stretched to 0…255; samples whose zero is white are turned. */
export const pixelsOf = async (bytes: Buffer, _format: Format): Promise<Decoded> => {
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

export const alphaOf = async (bytes: Buffer, _format: Format): Promise<Uint8Array> => {
  const data = await open(bytes).autoOrient().extractChannel("alpha").toColourspace("b-w").raw().toBuffer()
  return new Uint8Array(data.buffer, data.byteOffset, data.length)
}
