/** Image, masks with their outlines, and what was asked, at the image's own size. */
import type { Question } from "../../runtime/browser/question.ts"
import type { Mask } from "../../runtime/data/raster.ts"
import type { Found } from "./regions.ts"

/** Mixes a region's colour over pixels, red, green, blue, alpha; its border in full. `thick`: of the border, in pixels. */
export const paint = (pixels: Uint8ClampedArray, { mask, regions }: Found, thick: number): void => {
  if (mask === undefined) return
  const colours = new Map(regions.map(({ value, colour }) => [value, colour]))
  const { width, height, data } = mask
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      const at = y * width + x
      const value = data[at] as number
      const colour = colours.get(value)
      if (colour === undefined) continue
      const share = isBorder(mask, x, y, value, thick) ? 1 : 0.35
      for (let c = 0; c < 3; c += 1)
        pixels[4 * at + c] = (1 - share) * (pixels[4 * at + c] as number) + share * (colour[c] as number)
    }
}
const isBorder = ({ width, height, data }: Mask, x: number, y: number, value: number, thick: number): boolean => {
  const other = (u: number, v: number) => u < 0 || v < 0 || u >= width || v >= height || data[v * width + u] !== value
  return other(x - thick, y) || other(x + thick, y) || other(x, y - thick) || other(x, y + thick)
}

export interface Scene {
  readonly image: ImageBitmap
  readonly found: readonly Found[]
  readonly question: Question
  /** A box that is being dragged. */
  readonly dragged?: NonNullable<Question["box"]> | undefined
  /** Where the keyboard's cross is. */
  readonly cross?: { readonly x: number; readonly y: number } | undefined
}

/** Pixels of the image that one pixel of the screen shows. */
const zoomOf = (canvas: HTMLCanvasElement): number => Math.max(1, canvas.width / Math.max(1, canvas.clientWidth))

export const draw = (canvas: HTMLCanvasElement, { image, found, question, dragged, cross }: Scene): void => {
  const context = canvas.getContext("2d", { willReadFrequently: true })
  if (context === null) return
  const zoom = zoomOf(canvas)
  context.drawImage(image, 0, 0)
  if (found.some(({ mask }) => mask !== undefined)) {
    const shown = context.getImageData(0, 0, canvas.width, canvas.height)
    for (const one of found) paint(shown.data, one, Math.max(1, Math.round(zoom)))
    context.putImageData(shown, 0, 0)
  }
  // Of an image that is enlarged, marks are still half a pixel of it or more.
  const unit = Math.max(0.5, canvas.width / Math.max(1, canvas.clientWidth))
  const line = (path: () => void, colour: string) => {
    for (const [style, wide] of [
      ["#000", 4],
      [colour, 2],
    ] as const) {
      context.beginPath()
      context.strokeStyle = style
      context.lineWidth = wide * unit
      path()
      context.stroke()
    }
  }
  const box = dragged ?? question.box
  if (box !== undefined) line(() => context.rect(box[0], box[1], box[2] - box[0], box[3] - box[1]), "#fff")
  for (const { x, y, inside } of question.points) {
    context.beginPath()
    context.fillStyle = inside ? "#1fd655" : "#ff4f5e"
    context.arc(x + 0.5, y + 0.5, 6 * unit, 0, 2 * Math.PI)
    context.fill()
    context.lineWidth = 2 * unit
    context.strokeStyle = "#fff"
    context.stroke()
  }
  const plus =
    ({ x, y }: { readonly x: number; readonly y: number }, long: number) =>
    () => {
      context.moveTo(x + 0.5 - long, y + 0.5)
      context.lineTo(x + 0.5 + long, y + 0.5)
      context.moveTo(x + 0.5, y + 0.5 - long)
      context.lineTo(x + 0.5, y + 0.5 + long)
    }
  for (const { points } of found) for (const at of points) line(plus(at, 10 * unit), "#ffe14d")
  if (cross !== undefined) line(plus(cross, 14 * unit), "#fff")
}
