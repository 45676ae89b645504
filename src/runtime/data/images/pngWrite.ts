/** PNG files whose values are exactly those given: grey of 8 or 16 bits, or indices of a palette. (PNG, third edition, section 11.) */
import { deflateSync } from "node:zlib"
import { crc32 } from "./png.ts"

const chunk = (type: string, data: Uint8Array): Buffer => {
  const out = Buffer.alloc(data.length + 12)
  out.writeUInt32BE(data.length, 0)
  out.write(type, 4, "latin1")
  out.set(data, 8)
  out.writeUInt32BE(crc32(out.subarray(4, data.length + 8)), data.length + 8)
  return out
}

export const pngBytes = (
  { width, height }: { readonly width: number; readonly height: number },
  values: Uint8Array | Uint16Array,
  palette?: readonly number[],
): Buffer => {
  const wide = values instanceof Uint16Array
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header[8] = wide ? 16 : 8
  header[9] = palette === undefined ? 0 : 3
  const row = width * (wide ? 2 : 1) + 1
  const raw = Buffer.alloc(row * height)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const v = values[y * width + x]!
      if (wide) raw.writeUInt16BE(v, y * row + 1 + 2 * x)
      else raw[y * row + 1 + x] = v
    }
  const colours = Buffer.from((palette ?? []).flatMap((c) => [c >> 16, (c >> 8) & 255, c & 255]))
  return Buffer.concat([
    Buffer.from("89504e470d0a1a0a", "hex"),
    chunk("IHDR", header),
    ...(palette === undefined ? [] : [chunk("PLTE", colours)]),
    chunk("IDAT", deflateSync(raw)),
    chunk("IEND", new Uint8Array(0)),
  ])
}
