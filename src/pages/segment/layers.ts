/** The image and the masks over it, each painted once at the image's own size, however often the canvas is drawn. */
import type { Mask, Raster } from "../../runtime/data/raster.ts"
import type { Found } from "./regions.ts"

/** −1 … 1, 0 as it is. */
export interface Levels {
  readonly brightness: number
  readonly contrast: number
}
export const plain: Levels = { brightness: 0, contrast: 0 }

/** What each of 256 values is shown as; only on the screen: the model sees the image as it is. */
export const shownAs = ({ brightness, contrast }: Levels): Uint8ClampedArray => {
  const slope = contrast >= 0 ? 1 / Math.max(0.02, 1 - contrast) : 1 + contrast
  return Uint8ClampedArray.from({ length: 256 }, (_, v) => (v - 127.5) * slope + 127.5 + 255 * brightness)
}

const surface = (width: number, height: number): OffscreenCanvas => new OffscreenCanvas(width, height)
const put = (canvas: OffscreenCanvas, pixels: Uint8ClampedArray<ArrayBuffer>): OffscreenCanvas => {
  const context = canvas.getContext("2d")
  if (context === null) throw new Error("This browser has no memory for the image.")
  context.putImageData(new ImageData(pixels, canvas.width, canvas.height), 0, 0)
  return canvas
}

export const imageLayer = ({ width, height, channels, data }: Raster, levels: Levels): OffscreenCanvas => {
  const shown = shownAs(levels)
  const pixels = new Uint8ClampedArray(4 * width * height)
  for (let i = 0; i < width * height; i += 1) {
    for (let c = 0; c < 3; c += 1) pixels[4 * i + c] = shown[data[channels === 1 ? i : 3 * i + c] as number] as number
    pixels[4 * i + 3] = 255
  }
  return put(surface(width, height), pixels)
}

const isBorder = ({ width, height, data }: Mask, x: number, y: number, value: number, thick: number): boolean => {
  const other = (u: number, v: number) => u < 0 || v < 0 || u >= width || v >= height || data[v * width + u] !== value
  return other(x - thick, y) || other(x + thick, y) || other(x, y - thick) || other(x, y + thick)
}
/** A region's colour over pixels, its border in full. */
const paint = (pixels: Uint8ClampedArray, { mask, regions }: Found, thick: number): void => {
  if (mask === undefined) return
  const colours = new Map(regions.map(({ value, colour }) => [value, colour]))
  const { width, height, data } = mask
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      const at = y * width + x
      const value = data[at] as number
      const colour = value === 0 ? undefined : colours.get(value)
      if (colour === undefined) continue
      const border = isBorder(mask, x, y, value, thick)
      const before = pixels[4 * at + 3] as number
      if (before === 255 && !border) continue
      for (let c = 0; c < 3; c += 1) pixels[4 * at + c] = colour[c] as number
      pixels[4 * at + 3] = border ? 255 : 90
    }
}
/** `thick`: of borders, in pixels of the image. Undefined where there is no mask. */
export const maskLayer = (
  { width, height }: { readonly width: number; readonly height: number },
  found: readonly Found[],
  thick: number,
): OffscreenCanvas | undefined => {
  if (found.every(({ mask }) => mask === undefined)) return undefined
  const pixels = new Uint8ClampedArray(4 * width * height)
  for (const one of found) paint(pixels, one, thick)
  return put(surface(width, height), pixels)
}
