/** How many images a GIF or WebP holds: a browser shows the first of them and says nothing. */

const gif = (bytes: Uint8Array): number => {
  const table = (flags: number): number => ((flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1))
  let at = 13 + table(bytes[10] ?? 0)
  let frames = 0
  while (at < bytes.length) {
    const kind = bytes[at]
    if (kind === 0x2c) {
      frames += 1
      at += 11 + table(bytes[at + 9] ?? 0)
    } else if (kind === 0x21) at += 2
    else break
    // Blocks with their lengths before them, until an empty one.
    while (at < bytes.length && bytes[at] !== 0) at += 1 + (bytes[at] as number)
    at += 1
  }
  return Math.max(1, frames)
}

const webp = (bytes: Uint8Array): number => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let frames = 0
  for (let at = 12; at + 8 <= bytes.length; ) {
    if (String.fromCharCode(...bytes.subarray(at, at + 4)) === "ANMF") frames += 1
    const size = view.getUint32(at + 4, true)
    at += 8 + size + (size % 2)
  }
  return Math.max(1, frames)
}

export const framesOf = (bytes: Uint8Array, format: string): number =>
  format === "gif" ? gif(bytes) : format === "webp" ? webp(bytes) : 1
