/**
 * What libvips does not tell of a TIFF: pages that are no thumbnails, significant bits, ImageJ's stacks and display range, and signed 16-bit samples,
 * whose negative values it cuts off: such a file is relabelled as unsigned before it is decoded. (TIFF 6.0, sections 2 and 8.)
 */

interface Entry {
  readonly type: number
  readonly count: number
  /** Where its values lie, and where the entry lies. */
  readonly at: number
}

export interface TiffHeader {
  readonly width: number
  readonly height: number
  /** 1 unsigned, 2 signed, 3 floating point. */
  readonly sampleFormat: number
  readonly bitsPerSample: number
  readonly samples: number
  readonly whiteIsZero: boolean
  /** CIE Lab colours. */
  readonly lab: boolean
  /** The number in the file. */
  readonly compression: number
  /** JPEG or WebP inside. */
  readonly lossy: boolean
  /** All strips or tiles of the first image lie within the file: decoders show those that do not as black, and say nothing. */
  readonly whole: boolean
  /** Images in the file, thumbnails not counted. */
  readonly pages: number
  readonly bits?: number
  readonly window?: readonly [number, number]
  /** Where the sample formats lie: relabelled by `asUnsigned`. */
  readonly formatAt?: { readonly at: number; readonly count: number }
  /** Colours 0xRRGGBB that samples are indices of, and where it is said that they are. */
  readonly palette?: { readonly colours: readonly number[]; readonly at: number }
  readonly little: boolean
}

const sizes: Readonly<Record<number, number>> = {
  ...{ 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 11: 4, 12: 8 },
  ...{ 13: 4, 16: 8, 17: 8, 18: 8 },
}

/** Compressions by the number in the file that are no part of TIFF 6.0, and may not be read: they are told by name. */
export const compressions: Readonly<Record<number, string>> = {
  2: "CCITT",
  3: "CCITT",
  4: "CCITT",
  6: "JPEG",
  7: "JPEG",
  33003: "JPEG 2000",
  33005: "JPEG 2000",
  34712: "JPEG 2000",
  34887: "LERC",
  34925: "LZMA",
  50000: "Zstandard",
  50001: "WebP",
  50002: "JPEG XL",
}
/** Colours that are no red, green and blue. */
const labColours = [8, 9, 10]

const tag = {
  subfile: 254,
  width: 256,
  height: 257,
  bits: 258,
  compression: 259,
  photometric: 262,
  description: 270,
  strips: 273,
  samples: 277,
  stripSizes: 279,
  greatest: 281,
  colours: 320,
  tiles: 324,
  tileSizes: 325,
  format: 339,
} as const

/** Undefined where the first directory is damaged: the decoder will say so. A BigTIFF has the same entries with wider numbers. */
export const tiffHeader = (bytes: Buffer): TiffHeader | undefined => {
  const little = bytes[0] === 0x49
  const u16 = (at: number) => (little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at))
  const u32 = (at: number) => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at))
  const u64 = (at: number) => Number(little ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at))
  try {
    const big = u16(2) === 43
    if (!big && u16(2) !== 42) return undefined
    const wide = big ? u64 : u32
    const [counter, entrySize, pointer] = big ? [8, 20, 8] : [2, 12, 4]
    const directory = (from: number) => {
      const entries = new Map<number, Entry>()
      const n = Math.min(big ? u64(from) : u16(from), 10_000)
      for (let i = 0; i < n; i++) {
        const at = from + counter + entrySize * i
        const [type, count] = [u16(at + 2), wide(at + 4)]
        const inside = (sizes[type] ?? 1) * count <= pointer
        const value = at + 4 + pointer
        entries.set(u16(at), { type, count, at: inside ? value : wide(value) })
      }
      return { entries, next: wide(from + counter + entrySize * n) }
    }
    const readers: Readonly<Record<number, (at: number) => number>> = { 3: u16, 4: u32, 16: u64 }
    const numberOf = (entry: Entry | undefined): number | undefined =>
      entry === undefined ? undefined : readers[entry.type]?.(entry.at)

    const listOf = (entry: Entry | undefined): readonly number[] =>
      Array.from({ length: Math.min(entry?.count ?? 0, bytes.length) }, (_, i) => {
        const { type, at } = entry!
        return readers[type]?.(at + (sizes[type] ?? 1) * i) ?? 0
      })
    const start = wide(big ? 8 : 4)
    const first = directory(start)
    const value = (key: number) => numberOf(first.entries.get(key))
    let pages = 0
    const seen = new Set<number>()
    for (let at = start; at !== 0 && !seen.has(at) && seen.size < 10_000; ) {
      seen.add(at)
      const { entries, next } = directory(at)
      // Bit 0: a reduced image; bit 2: a transparency mask.
      if (((numberOf(entries.get(tag.subfile)) ?? 0) & 5) === 0) pages++
      at = next
    }
    const [places, extents] = (
      first.entries.has(tag.tiles) ? [tag.tiles, tag.tileSizes] : [tag.strips, tag.stripSizes]
    ).map((key) => listOf(first.entries.get(key)))
    const text = first.entries.get(tag.description)
    const description =
      text === undefined ? "" : bytes.toString("latin1", text.at, text.at + Math.min(text.count, 4096))
    const imageJ = description.startsWith("ImageJ=")
    const ofImageJ = (name: string) =>
      imageJ ? Number(new RegExp(`^${name}=(.*)$`, "m").exec(description)?.[1] ?? Number.NaN) : Number.NaN
    const [low, high, images] = [ofImageJ("min"), ofImageJ("max"), ofImageJ("images")]
    const format = first.entries.get(tag.format)
    const map = first.entries.get(tag.colours)
    const entries = (map?.count ?? 0) / 3
    const colour = (i: number, c: number) => u16(map!.at + 2 * (c * entries + i)) >> 8
    const colours =
      value(tag.photometric) === 3 && map !== undefined
        ? Array.from({ length: entries }, (_, i) => (colour(i, 0) << 16) | (colour(i, 1) << 8) | colour(i, 2))
        : undefined
    // Some writers put the greatest value of this image here; only a depth is believed.
    const depth = Math.log2((value(tag.greatest) ?? 0) + 1)
    return {
      width: value(tag.width) ?? 0,
      height: value(tag.height) ?? 0,
      sampleFormat: numberOf(format) ?? 1,
      bitsPerSample: value(tag.bits) ?? 1,
      samples: value(tag.samples) ?? 1,
      lossy: [6, 7, 34892, 50001].includes(value(tag.compression) ?? 1),
      // A size may be left out where there is one strip; a tile of no bytes is empty on purpose.
      whole: places!.every((at, i) => at + (extents![i] ?? 1) <= bytes.length),
      whiteIsZero: value(tag.photometric) === 0,
      lab: labColours.includes(value(tag.photometric) ?? 1),
      compression: value(tag.compression) ?? 1,
      pages: Number.isFinite(images) ? Math.max(pages, images) : pages,
      ...(Number.isInteger(depth) && depth >= 8 && depth < 16 ? { bits: depth } : {}),
      ...(low < high ? { window: [low, high] as const } : {}),
      ...(format === undefined ? {} : { formatAt: { at: format.at, count: format.count } }),
      ...(colours === undefined ? {} : { palette: { colours, at: first.entries.get(tag.photometric)!.at } }),
      little,
    }
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** The same samples, called unsigned, and grey where they are indices. */
export const relabelled = (bytes: Buffer, { formatAt, palette, sampleFormat, little }: TiffHeader): Buffer => {
  const out = Buffer.from(bytes)
  const put = (at: number) => void (little ? out.writeUInt16LE(1, at) : out.writeUInt16BE(1, at))
  if (sampleFormat === 2) for (let i = 0; i < (formatAt?.count ?? 0); i++) put(formatAt!.at + 2 * i)
  if (palette !== undefined) put(palette.at)
  return out
}
