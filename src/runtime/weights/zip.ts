/** A zip archive of stored members as torch.save lays it out: numbers on multiples of 64 bytes, so that they can be mapped. */
import * as zlib from "node:zlib"

export interface ZipMember {
  readonly name: string
  readonly bytes: () => Uint8Array | Promise<Uint8Array>
}

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1
  return c
})
const slowCrc = (bytes: Uint8Array): number => {
  let c = 0xffffffff
  for (let i = 0; i < bytes.length; i++) c = table[(c ^ bytes[i]!) & 255]! ^ (c >>> 8)
  return (c ^ 0xffffffff) >>> 0
}
/** Node has its own only since 20.15. */
const crc32: (bytes: Uint8Array) => number = (zlib as { crc32?: (bytes: Uint8Array) => number }).crc32 ?? slowCrc

const alignment = 64

/** Little-endian fields: [bytes, value]. */
const fields = (...list: readonly (readonly [2 | 4, number])[]): Uint8Array => {
  const out = new Uint8Array(list.reduce((sum, [size]) => sum + size, 0))
  const view = new DataView(out.buffer)
  let at = 0
  for (const [size, value] of list) {
    if (size === 2) view.setUint16(at, value, true)
    else view.setUint32(at, value, true)
    at += size
  }
  return out
}

/** What a local header and an entry of the directory have in common; date 1980-01-01, so that bytes are reproducible. */
const shared = (crc: number, length: number, name: Uint8Array, extra: number) =>
  [
    [2, 20], // version needed
    [2, 0x800], // names are UTF-8
    [2, 0], // stored
    [2, 0], // time
    [2, 33], // date
    [4, crc],
    [4, length],
    [4, length],
    [2, name.length],
    [2, extra],
  ] as const

/** The archive's bytes, piece by piece, one member in memory at a time. Archives over 4 GiB are the caller's to refuse. */
export async function* zipOf(members: readonly ZipMember[]): AsyncGenerator<Uint8Array> {
  const directory: Uint8Array[] = []
  let at = 0
  for (const member of members) {
    const name = new TextEncoder().encode(member.name)
    const bytes = await member.bytes()
    const crc = crc32(bytes)
    const unpadded = at + 30 + name.length + 4
    const padding = (alignment - (unpadded % alignment)) % alignment
    const extra = new Uint8Array(4 + padding).fill(0x5a, 4) // "FB", as PyTorch pads
    extra.set(fields([2, 0x4246], [2, padding]))
    const header = fields([4, 0x04034b50], ...shared(crc, bytes.length, name, extra.length))
    directory.push(
      fields(
        [4, 0x02014b50],
        [2, 20],
        ...shared(crc, bytes.length, name, 0),
        [2, 0], // comment
        [2, 0], // disk
        [2, 0],
        [4, 0],
        [4, at],
      ),
      name,
    )
    yield header
    yield name
    yield extra
    yield bytes
    at += header.length + name.length + extra.length + bytes.length
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0)
  yield* directory
  yield fields([4, 0x06054b50], [2, 0], [2, 0], [2, members.length], [2, members.length], [4, size], [4, at], [2, 0])
}

/** Bytes of the archive that zipOf writes, from the lengths of its members. */
export const zipLength = (members: readonly { readonly name: string; readonly length: number }[]): number => {
  const lengthOf = (name: string) => new TextEncoder().encode(name).length
  const local = members.reduce((at, { name, length }) => {
    const unpadded = at + 30 + lengthOf(name) + 4
    return unpadded + ((alignment - (unpadded % alignment)) % alignment) + length
  }, 0)
  return members.reduce((at, { name }) => at + 46 + lengthOf(name), local) + 22
}
