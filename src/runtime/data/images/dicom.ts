/**
 * DICOM files of one frame (PS3.3 C.7.6.3 pixels, C.8.5.5 ultrasound regions, C.11.2 windows; PS3.5 A transfer syntaxes and G run lengths). The parser is
 * dicom-parser; JPEG frames are decoded by libvips. What is compressed otherwise is refused by its name.
 */
import dicomParser, { type DataSet, type Element } from "dicom-parser"
import { Failed, failed } from "../../../compiler/diagnostic.ts"
import { demandPixels } from "./bounds.ts"
import { type Refuse, unreadable } from "./refuse.ts"
import { readStandard } from "./standard.ts"
import type { Spacing, Stored, Values } from "./stored.ts"

const plain = { implicit: "1.2.840.10008.1.2", explicit: "1.2.840.10008.1.2.1", big: "1.2.840.10008.1.2.2" } as const
const runLengths = "1.2.840.10008.1.2.5"
const jpegBaseline = "1.2.840.10008.1.2.4.50"

/** PS3.6 table A-1. */
const compressed: Readonly<Record<string, string>> = {
  "1.2.840.10008.1.2.1.99": "deflated",
  "1.2.840.10008.1.2.4.51": "compressed as 12-bit JPEG",
  "1.2.840.10008.1.2.4.57": "compressed as lossless JPEG",
  "1.2.840.10008.1.2.4.70": "compressed as lossless JPEG",
  "1.2.840.10008.1.2.4.80": "compressed as JPEG-LS",
  "1.2.840.10008.1.2.4.81": "compressed as JPEG-LS",
  "1.2.840.10008.1.2.4.90": "compressed as JPEG 2000",
  "1.2.840.10008.1.2.4.91": "compressed as JPEG 2000",
  "1.2.840.10008.1.2.4.100": "an MPEG video",
  "1.2.840.10008.1.2.4.102": "an MPEG-4 video",
  "1.2.840.10008.1.2.4.103": "an MPEG-4 video",
  "1.2.840.10008.1.2.4.107": "an HEVC video",
  "1.2.840.10008.1.2.4.110": "compressed as JPEG XL",
  "1.2.840.10008.1.2.4.111": "compressed as JPEG XL",
  "1.2.840.10008.1.2.4.112": "compressed as JPEG XL",
  "1.2.840.10008.1.2.4.201": "compressed as high-throughput JPEG 2000",
  "1.2.840.10008.1.2.4.202": "compressed as high-throughput JPEG 2000",
  "1.2.840.10008.1.2.4.203": "compressed as high-throughput JPEG 2000",
}

const tags = {
  transferSyntax: "x00020010",
  samples: "x00280002",
  photometric: "x00280004",
  planar: "x00280006",
  frames: "x00280008",
  rows: "x00280010",
  columns: "x00280011",
  pixelSpacing: "x00280030",
  allocated: "x00280100",
  stored: "x00280101",
  high: "x00280102",
  signed: "x00280103",
  windowCenter: "x00281050",
  windowWidth: "x00281051",
  intercept: "x00281052",
  slope: "x00281053",
  windowFunction: "x00281056",
  modalityLut: "x00283000",
  voiLut: "x00283010",
  padding: "x00280120",
  paddingLimit: "x00280121",
  regions: "x00186011",
  pixels: "x7fe00010",
} as const

/** The patient's ultrasound regions and pixel spacing: millimetres per pixel, where they are one for the whole image. */
export const dicomSpacing = (data: DataSet): Spacing | undefined => {
  const regions = (data.elements[tags.regions]?.items ?? []).flatMap(({ dataSet }) =>
    // A picture of tissue, in two dimensions, with centimetres on both axes.
    dataSet !== undefined &&
    dataSet.uint16("x00186012") === 1 &&
    dataSet.uint16("x00186014") === 1 &&
    dataSet.uint16("x00186024") === 3 &&
    dataSet.uint16("x00186026") === 3
      ? [{ x: 10 * Math.abs(dataSet.double("x0018602c") ?? 0), y: 10 * Math.abs(dataSet.double("x0018602e") ?? 0) }]
      : [],
  )
  const [first] = regions
  const same = (a: number, b: number) => Math.abs(a - b) <= 1e-6 * Math.abs(a)
  if (first !== undefined)
    return first.x > 0 && first.y > 0 && regions.every(({ x, y }) => same(x, first.x) && same(y, first.y))
      ? first
      : undefined
  const [y, x] = [data.floatString(tags.pixelSpacing, 0), data.floatString(tags.pixelSpacing, 1)]
  return x !== undefined && y !== undefined && x > 0 && y > 0 ? { x, y } : undefined
}

const notRead = (path: string, what: string) =>
  failed(
    path,
    "HS4208",
    `the DICOM is ${what}, which is not read`,
    "Decompress it first, with `dcmdjpeg`, `gdcmconv --raw` or pydicom's `decompress()`.",
  )

const parse = (path: string, bytes: Buffer, untilTag?: string): DataSet => {
  try {
    // The parser would inflate all of it first, whatever it grows to.
    const inflater = () => {
      throw notRead(path, "deflated")
    }
    return dicomParser.parseDicom(bytes, { inflater, ...(untilTag === undefined ? {} : { untilTag }) })
  } catch (error) {
    if (error instanceof Failed) throw error
    // The library throws an object where it has read a part.
    throw unreadable(path, error instanceof Error ? error : new Error(messageOf(error)))
  }
}

const messageOf = (error: unknown): string => {
  const inner = (error as { exception?: unknown } | null)?.exception ?? error
  if (inner instanceof RangeError) return "its sequences are nested without end"
  const text = inner instanceof Error ? inner.message : typeof inner === "string" ? inner : "it ends within an element"
  return text.replace(/^dicomParser\.[\w.]*:?\s*/, "")
}

/** Of a file's first bytes. Undefined where they do not say it. */
export const spacingOfDicom = (path: string, head: Buffer): Spacing | undefined => {
  try {
    return dicomSpacing(parse(path, head, tags.pixels))
  } catch {
    return undefined
  }
}

export const readDicom = async (path: string, bytes: Buffer, refuse: Refuse): Promise<Stored> => {
  const data = parse(path, bytes)
  const syntax = data.string(tags.transferSyntax) ?? plain.implicit
  const known = (Object.values(plain) as readonly string[]).includes(syntax)
  const frames = data.intString(tags.frames) ?? 1
  if (frames > 1) throw refuse.frames("DICOM", frames)
  if (!known && syntax !== runLengths && syntax !== jpegBaseline) {
    const what = Object.hasOwn(compressed, syntax) ? compressed[syntax]! : `of the transfer syntax ${syntax}`
    throw notRead(path, what)
  }
  const element = data.elements[tags.pixels]
  const [height, width] = [data.uint16(tags.rows) ?? 0, data.uint16(tags.columns) ?? 0]
  if (element === undefined || width * height === 0) throw refuse.format("a DICOM without an image")
  demandPixels(path, width, height)
  const spacing = dicomSpacing(data)
  const common = { format: "DICOM", ...(spacing === undefined ? {} : { spacing }) }
  try {
    if (syntax === jpegBaseline) {
      const frame = fragmentsOf(data, element)
      const { width: w, height: h, channels, data: pixels } = await readStandard(path, frame, "jpeg", refuse)
      if (w !== width || h !== height) throw new Error(`its JPEG has ${w} × ${h} pixels, not ${width} × ${height}`)
      if (channels === 1) return { ...grey(data, pixels, refuse), width, height, ...common, lossy: true }
      return { width, height, channels, data: pixels, ...common, lossy: true }
    }
    const raw = syntax === runLengths ? unpacked(data, element, width * height) : plainBytes(data, element)
    const samples = samplesOf(data, raw, syntax === plain.big, syntax === runLengths)
    const needed = width * height * (data.uint16(tags.samples) ?? 1)
    const halved = data.string(tags.photometric) === "YBR_FULL_422" && known
    if (samples.length < (halved ? (needed * 2) / 3 : needed)) throw new Error("its pixel data are cut off")
    return { ...coloured(data, samples, width, height, refuse, known), ...common }
  } catch (error) {
    throw unreadable(path, error)
  }
}

const plainBytes = (data: DataSet, { dataOffset, length }: Element): Buffer =>
  Buffer.from(data.byteArray.buffer, data.byteArray.byteOffset + dataOffset, length)

const fragmentsOf = (data: DataSet, { fragments = [] }: Element): Buffer =>
  Buffer.concat(
    fragments.map(({ position, length }) =>
      Buffer.from(data.byteArray.buffer, data.byteArray.byteOffset + position, length),
    ),
  )

/** Segments of PackBits, the most significant byte of each sample first (PS3.5 G): planes of bytes, samples apart. */
const unpacked = (data: DataSet, element: Element, pixels: number): Buffer => {
  const frame = fragmentsOf(data, element)
  const segments = frame.readUInt32LE(0)
  const bytesPerSample = (data.uint16(tags.allocated) ?? 8) / 8
  // PS3.5 G.5: a byte of each sample has a segment, of which there are 15 at most.
  if (segments < 1 || segments > 15) throw new Error(`it has ${segments} run-length segments`)
  const out = Buffer.alloc(pixels * segments)
  for (let s = 0; s < segments; s++) {
    // Bytes of one sample lie beside one another, little end first.
    const [sample, byte] = [Math.floor(s / bytesPerSample), bytesPerSample - 1 - (s % bytesPerSample)]
    const place = (i: number) => (sample * pixels + i) * bytesPerSample + byte
    const end = s + 1 < segments ? frame.readUInt32LE(8 + 4 * s) : frame.length
    let at = frame.readUInt32LE(4 + 4 * s)
    for (let i = 0; i < pixels; ) {
      if (at >= end) throw new Error("its run lengths are cut off")
      const n = frame.readInt8(at++)
      if (n >= 0) for (let j = 0; j <= n && i < pixels; j++) out[place(i++)] = frame[at++] ?? 0
      else if (n > -128) {
        for (let j = 0; j <= -n && i < pixels; j++) out[place(i++)] = frame[at] ?? 0
        at++
      }
    }
  }
  return out
}

/** Samples in the order of the file, shifted and signed as the header says. */
const samplesOf = (data: DataSet, raw: Buffer, big: boolean, planes: boolean): Values => {
  const allocated = data.uint16(tags.allocated) ?? 8
  const stored = data.uint16(tags.stored) ?? allocated
  const signed = data.uint16(tags.signed) === 1
  if (![8, 16, 32].includes(allocated)) throw new Error(`its samples have ${allocated} bits`)
  const n = Math.floor((raw.length * 8) / allocated)
  const Type =
    allocated === 8
      ? signed
        ? Int8Array
        : Uint8Array
      : allocated === 16
        ? signed
          ? Int16Array
          : Uint16Array
        : signed
          ? Int32Array
          : Uint32Array
  const out = new Type(n)
  const read =
    allocated === 8
      ? (i: number) => raw[i]!
      : allocated === 16
        ? (i: number) => (big ? raw.readUInt16BE(2 * i) : raw.readUInt16LE(2 * i))
        : (i: number) => (big ? raw.readUInt32BE(4 * i) : raw.readUInt32LE(4 * i))
  // Bits above the high bit may hold overlays; those below it the sample ends with.
  const low = Math.max(0, (data.uint16(tags.high) ?? stored - 1) - stored + 1)
  const span = 2 ** stored
  for (let i = 0; i < n; i++) {
    const bits = Math.floor(read(i) / 2 ** low) % span
    out[i] = signed && bits >= span / 2 ? bits - span : bits
  }
  return planes || data.uint16(tags.planar) === 1 ? interleaved(out, data.uint16(tags.samples) ?? 1) : out
}

const interleaved = (values: Values, channels: number): Values => {
  if (channels === 1) return values
  const out = values.slice()
  const n = Math.floor(values.length / channels)
  for (let i = 0; i < n; i++) for (let c = 0; c < channels; c++) out[channels * i + c] = values[c * n + i]!
  return out
}

/** Grey samples with what the header says of their range. */
const grey = (
  data: DataSet,
  samples: Values,
  refuse: Refuse,
): Pick<Stored, "channels" | "data" | "bits" | "window" | "shownBy" | "lowIsWhite"> => {
  if (data.elements[tags.modalityLut]?.items?.length) throw refuse.format("a DICOM with a modality look-up table")
  const [slope, intercept] = [data.floatString(tags.slope) ?? 1, data.floatString(tags.intercept) ?? 0]
  const rescaled = slope !== 1 || intercept !== 0
  const unpadded = withoutPadding(data, samples)
  const values = rescaled ? Float64Array.from(unpadded, (v) => v * slope + intercept) : unpadded
  const stored = data.uint16(tags.stored) ?? 8
  const signed = data.uint16(tags.signed) === 1
  const window = windowOf(data)
  const by = data.string(tags.windowFunction)
  const shownBy =
    by !== undefined && !by.startsWith("LINEAR")
      ? `the function ${by}`
      : window === undefined && data.elements[tags.voiLut]?.items?.length
        ? "a look-up table"
        : undefined
  const bits = !signed && !rescaled && stored > 8 && stored < 16 ? { bits: stored } : {}
  return {
    channels: 1,
    data: values,
    ...bits,
    ...(window === undefined ? {} : { window }),
    ...(shownBy === undefined ? {} : { shownBy }),
    ...(data.string(tags.photometric) === "MONOCHROME1" ? { lowIsWhite: true } : {}),
  }
}

/** Pixels that are no part of the image are as dark as its darkest: a value that stands for them says nothing of its range (PS3.3 C.7.5.1.1.2). */
const withoutPadding = (data: DataSet, samples: Values): Values => {
  const of = (tag: string) => (data.uint16(tags.signed) === 1 ? data.int16(tag) : data.uint16(tag))
  const padding = data.elements[tags.padding] === undefined ? undefined : of(tags.padding)
  if (padding === undefined) return samples
  const limit = data.elements[tags.paddingLimit] === undefined ? padding : (of(tags.paddingLimit) ?? padding)
  const [low, high] = [Math.min(padding, limit), Math.max(padding, limit)]
  const white = data.string(tags.photometric) === "MONOCHROME1"
  let darkest: number | undefined
  let padded = 0
  for (const v of samples)
    if (v >= low && v <= high) padded++
    else if (darkest === undefined || (white ? v > darkest : v < darkest)) darkest = v
  if (padded === 0 || darkest === undefined) return samples
  return samples.map((v: number) => (v >= low && v <= high ? darkest : v)) as Values
}

/** The first window; its ends as PS3.3 C.11.2.1.2 defines them. */
const windowOf = (data: DataSet): readonly [number, number] | undefined => {
  const [center, width] = [data.floatString(tags.windowCenter, 0), data.floatString(tags.windowWidth, 0)]
  if (center === undefined || width === undefined || !(width > 1)) return undefined
  const exact = data.string(tags.windowFunction) === "LINEAR_EXACT"
  return exact
    ? [center - width / 2, center + width / 2]
    : [center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2]
}

const coloured = (
  data: DataSet,
  samples: Values,
  width: number,
  height: number,
  refuse: Refuse,
  uncompressed: boolean,
): Omit<Stored, "format"> => {
  const photometric = data.string(tags.photometric) ?? "MONOCHROME2"
  const n = width * height
  const size = { width, height }
  if (photometric.startsWith("MONOCHROME")) return { ...size, ...grey(data, samples.subarray(0, n), refuse) }
  if (photometric === "PALETTE COLOR") return { ...size, ...looked(data, samples.subarray(0, n)) }
  if (!(samples instanceof Uint8Array)) throw refuse.format(`a DICOM of ${photometric} with more than 8 bits`)
  if (photometric === "RGB") return { ...size, channels: 3, data: samples.subarray(0, 3 * n) }
  if (photometric === "YBR_FULL") return { ...size, channels: 3, data: rgbOf(samples.subarray(0, 3 * n)) }
  if (photometric === "YBR_FULL_422")
    return { ...size, channels: 3, data: rgbOf(uncompressed ? doubled(samples, n) : samples.subarray(0, 3 * n)) }
  throw refuse.format(`a DICOM of the photometric interpretation ${photometric}`)
}

/** Y Y Cb Cr of two pixels as Y Cb Cr of each (PS3.3 C.7.6.3.1.2). */
const doubled = (samples: Uint8Array, n: number): Uint8Array => {
  const out = new Uint8Array(3 * n)
  for (let i = 0; i < n; i++) {
    const pair = 4 * (i >> 1)
    out[3 * i] = samples[pair + (i & 1)]!
    out[3 * i + 1] = samples[pair + 2]!
    out[3 * i + 2] = samples[pair + 3]!
  }
  return out
}

/** PS3.3 C.7.6.3.1.2, which is JFIF's. */
const rgbOf = (ybr: Uint8Array): Uint8Array => {
  const out = new Uint8ClampedArray(ybr.length)
  for (let i = 0; i < ybr.length; i += 3) {
    const [y, b, r] = [ybr[i]!, ybr[i + 1]! - 128, ybr[i + 2]! - 128]
    out[i] = y + 1.402 * r
    out[i + 1] = y - 0.344136 * b - 0.714136 * r
    out[i + 2] = y + 1.772 * b
  }
  return new Uint8Array(out.buffer)
}

/** Look-up tables of red, green and blue; 16 bits are shown by their upper 8. */
const looked = (data: DataSet, samples: Values): Pick<Stored, "channels" | "data"> => {
  const table = (descriptor: string, entries: string) => {
    const count = data.uint16(descriptor, 0) || 65536
    const first = data.uint16(descriptor, 1) ?? 0
    const wide = (data.uint16(descriptor, 2) ?? 8) > 8
    const element = data.elements[entries]
    if (element === undefined) throw new Error("its palette is missing")
    const bytes = plainBytes(data, element)
    return (v: number) => {
      const i = Math.min(count - 1, Math.max(0, v - first))
      return wide || bytes.length >= 2 * count
        ? bytes.length > 2 * i + 1
          ? level(bytes.readUInt16LE(2 * i), wide)
          : 0
        : (bytes[i] ?? 0)
    }
  }
  const [red, green, blue] = [
    table("x00281101", "x00281201"),
    table("x00281102", "x00281202"),
    table("x00281103", "x00281203"),
  ]
  const out = new Uint8Array(3 * samples.length)
  for (let i = 0; i < samples.length; i++) {
    const v = samples[i]!
    out[3 * i] = red(v)
    out[3 * i + 1] = green(v)
    out[3 * i + 2] = blue(v)
  }
  return { channels: 3, data: out }
}

const level = (v: number, wide: boolean): number => (wide ? v >> 8 : v & 255)
