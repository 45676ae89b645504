/**
 * Mask files keep class numbers in a palette's indices. libvips (under sharp) looks the colours up and forgets the indices, so such a
 * file is relabelled as grey before it is decoded: colour type 0 for 3, and only the chunks that hold pixels.
 * Depth, filters, interlacing and checksums are left to the library. (PNG, third edition, sections 5 and 11.2.)
 */

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

export const isPng = (bytes: Buffer): boolean => bytes.subarray(0, 8).equals(signature)

interface Chunk {
  readonly type: string
  /** Length, type, data and checksum. */
  readonly bytes: Buffer
}

/** Up to the last whole chunk: a file that is cut off has no IEND. */
const chunksOf = (bytes: Buffer): readonly Chunk[] => {
  const chunks: Chunk[] = []
  let at = 8
  while (at + 12 <= bytes.length) {
    const end = at + 12 + bytes.readUInt32BE(at)
    if (end > bytes.length) break
    chunks.push({ type: bytes.toString("latin1", at + 4, at + 8), bytes: bytes.subarray(at, end) })
    at = end
  }
  return chunks
}

export interface PngHeader {
  readonly width: number
  readonly height: number
  /** Bits of a sample. */
  readonly depth: number
  /** The palette's colours, 0xRRGGBB, where samples are indices. */
  readonly palette?: readonly number[]
  /** Significant bits (chunk sBIT). */
  readonly bits?: number
  /** Frames of an animation; 1 of any other. */
  readonly frames: number
  /** Whether the file is there to its end. */
  readonly whole: boolean
}

/** What the chunks before the pixels say. */
export const pngHeader = (bytes: Buffer): PngHeader => {
  const chunks = chunksOf(bytes)
  const header = chunks[0]?.type === "IHDR" && chunks[0].bytes.length >= 25 ? chunks[0].bytes : undefined
  const data = (type: string) => chunks.find((chunk) => chunk.type === type)?.bytes.subarray(8, -4)
  const colours = header?.[17] === 3 ? data("PLTE") : undefined
  const significant = data("sBIT")
  const animation = data("acTL")
  return {
    width: header?.readUInt32BE(8) ?? 0,
    height: header?.readUInt32BE(12) ?? 0,
    depth: header?.[16] ?? 8,
    ...(colours === undefined ? {} : { palette: coloursOf(colours) }),
    ...(significant === undefined || significant.length === 0 ? {} : { bits: Math.max(...significant) }),
    frames: animation !== undefined && animation.length >= 4 ? animation.readUInt32BE(0) : 1,
    whole: chunks.at(-1)?.type === "IEND",
  }
}

const coloursOf = (bytes: Buffer): readonly number[] =>
  Array.from({ length: Math.floor(bytes.length / 3) }, (_, i) => bytes.readUIntBE(3 * i, 3))

/** What is kept of a palette file: pixels, and how they are turned. */
const kept = ["IHDR", "IDAT", "IEND", "eXIf"]

/** A palette PNG as the grey PNG of its indices. */
export const indicesAsGrey = (bytes: Buffer): Buffer => {
  const [header, ...rest] = chunksOf(bytes)
    .filter(({ type }) => kept.includes(type))
    .map((chunk) => chunk.bytes)
  const grey = Buffer.from(header ?? [])
  grey[17] = 0
  grey.writeUInt32BE(crc32(grey.subarray(4, grey.length - 4)), grey.length - 4)
  return Buffer.concat([signature, grey, ...rest])
}

/** node:zlib has it only from Node 20.15 on. */
export const crc32 = (bytes: Buffer): number => {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return (crc ^ 0xffffffff) >>> 0
}
