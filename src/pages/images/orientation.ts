/** The orientation tag of EXIF (tag 274), 1 … 8, which JPEG has in its APP1 and PNG in the chunk eXIf; and pixels turned by it. */
import type { Values } from "../../runtime/data/images/stored.ts"

/** Of a TIFF structure that begins at `at`. */
const ofTiff = (bytes: Uint8Array, at: number): number | undefined => {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, bytes.byteLength - at)
  const little = view.getUint16(0) === 0x4949
  const directory = view.getUint32(4, little)
  const n = view.getUint16(directory, little)
  for (let i = 0; i < n; i += 1) {
    const entry = directory + 2 + 12 * i
    if (view.getUint16(entry, little) === 274) return view.getUint16(entry + 8, little)
  }
  return undefined
}

const find = (bytes: Uint8Array, text: string, most: number): number => {
  const wanted = [...text].map((c) => c.charCodeAt(0))
  for (let i = 0; i + wanted.length < Math.min(most, bytes.length); i += 1)
    if (wanted.every((c, j) => bytes[i + j] === c)) return i
  return -1
}

/** Undefined where the file says none, or says it in a way that is damaged. */
export const orientationOf = (bytes: Uint8Array, format: string): number | undefined => {
  try {
    const exif =
      format === "tiff" ? -6 : format === "png" ? find(bytes, "eXIf", 2 ** 16) - 2 : find(bytes, "Exif\0\0", 2 ** 16)
    if (format !== "tiff" && exif < 0) return undefined
    const found = ofTiff(bytes, exif + 6)
    return found !== undefined && found >= 1 && found <= 8 ? found : undefined
  } catch {
    return undefined
  }
}

interface Pixels<V extends Values> {
  readonly width: number
  readonly height: number
  readonly data: V
}
/** Upright, from a file that is turned as its tag says (TIFF 6.0: 2 mirrored, 3 by half, 4 upside down, 5 … 8 with rows as columns). */
export const upright = <V extends Values>(pixels: Pixels<V>, channels: number, orientation = 1): Pixels<V> => {
  if (orientation === 1) return pixels
  const { width: w, height: h, data } = pixels
  const sideways = orientation >= 5
  const [width, height] = sideways ? [h, w] : [w, h]
  const out = data.slice() as V
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      const [u, v] = sideways ? [y, x] : [x, y]
      const right = [2, 3, 7, 8].includes(orientation)
      const down = [3, 4, 6, 7].includes(orientation)
      const from = (down ? h - 1 - v : v) * w + (right ? w - 1 - u : u)
      for (let c = 0; c < channels; c += 1) out[(y * width + x) * channels + c] = data[from * channels + c] as number
    }
  return { width, height, data: out }
}
