/** TIFF files packed by PackBits (TIFF 6.0, section 9), which the library does not read, as the same files unpacked. */

const packed = 32773
const [compression, strips, tiles] = [259, [273, 279], [324, 325]] as const

/** A run of other bytes, 0 … 127: that many and one; one byte again, −1 … −127; −128 is nothing. */
export const unpackBits = (bytes: Uint8Array): Uint8Array => {
  const out: number[] = []
  for (let i = 0; i < bytes.length; ) {
    const head = ((bytes[i++] as number) << 24) >> 24
    if (head >= 0) {
      for (const end = Math.min(bytes.length, i + head + 1); i < end; i += 1) out.push(bytes[i] as number)
    } else if (head > -128) {
      const value = bytes[i++] ?? 0
      for (let n = 0; n <= -head; n += 1) out.push(value)
    }
  }
  return Uint8Array.from(out)
}

/** Where the first directory's entry of a tag lies; undefined where there is none. */
export const entryAt = (view: DataView, wanted: number): number | undefined => {
  const little = view.getUint16(0) === 0x4949
  const directory = view.getUint32(4, little)
  for (let i = 0; i < view.getUint16(directory, little); i += 1)
    if (view.getUint16(directory + 2 + 12 * i, little) === wanted) return directory + 2 + 12 * i
  return undefined
}

/** The file as it is, or with its strips or tiles behind it, unpacked. */
export const withoutPackBits = (bytes: Uint8Array): Uint8Array => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const little = view.getUint16(0) === 0x4949
  const method = entryAt(view, compression)
  if (method === undefined || view.getUint16(method + 8, little) !== packed) return bytes
  const [places, sizes] = (entryAt(view, tiles[0]) === undefined ? strips : tiles).map((tag) => entryAt(view, tag))
  if (places === undefined || sizes === undefined) return bytes
  const count = view.getUint32(places + 4, little)
  const listed = (entry: number): readonly number[] => {
    const wide = view.getUint16(entry + 2, little) === 4
    const size = wide ? 4 : 2
    const at = count * size <= 4 ? entry + 8 : view.getUint32(entry + 8, little)
    return Array.from({ length: count }, (_, i) =>
      wide ? view.getUint32(at + 4 * i, little) : view.getUint16(at + 2 * i, little),
    )
  }
  const lengths = listed(sizes)
  const parts = listed(places).map((at, i) => unpackBits(bytes.subarray(at, at + (lengths[i] ?? 0))))
  const lists = bytes.length + parts.reduce((sum, { length }) => sum + length, 0)
  const out = new Uint8Array(lists + 8 * count)
  out.set(bytes)
  const writing = new DataView(out.buffer)
  const list = (entry: number, at: number, values: readonly number[]): void => {
    writing.setUint16(entry + 2, 4, little)
    for (const [i, value] of values.entries()) writing.setUint32(at + 4 * i, value, little)
    writing.setUint32(entry + 8, count === 1 ? (values[0] ?? 0) : at, little)
  }
  const offsets: number[] = []
  let end = bytes.length
  for (const part of parts) {
    out.set(part, end)
    offsets.push(end)
    end += part.length
  }
  list(places, lists, offsets)
  list(
    sizes,
    lists + 4 * count,
    parts.map(({ length }) => length),
  )
  writing.setUint16(method + 8, 1, little)
  return out
}
