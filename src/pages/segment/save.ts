/** What a user takes home: masks as PNG, areas as a table. */
import type { Spacing } from "../../runtime/data/images/stored.ts"
import type { Mask } from "../../runtime/data/raster.ts"
import { areaOf, type Found } from "./regions.ts"

/** Grey values of a mask's PNG: an object is white, classes are their numbers, as data sets hold them. */
export const greyOf = ({ data }: Mask, ofClasses: boolean): Uint8ClampedArray<ArrayBuffer> => {
  const out = new Uint8ClampedArray(4 * data.length)
  data.forEach((value, i) => {
    out.fill(ofClasses ? value : 255 * value, 4 * i, 4 * i + 3)
    out[4 * i + 3] = 255
  })
  return out
}

export const pngOf = (mask: Mask, ofClasses: boolean): Promise<Blob> => {
  const canvas = new OffscreenCanvas(mask.width, mask.height)
  canvas.getContext("2d")?.putImageData(new ImageData(greyOf(mask, ofClasses), mask.width, mask.height), 0, 0)
  return canvas.convertToBlob({ type: "image/png" })
}

const quoted = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

/** Image and masks as they are shown, at the image's own size. */
export const overlayOf = (image: OffscreenCanvas, masks: OffscreenCanvas | undefined): Promise<Blob> => {
  const canvas = new OffscreenCanvas(image.width, image.height)
  const context = canvas.getContext("2d")
  context?.drawImage(image, 0, 0)
  if (masks !== undefined) context?.drawImage(masks, 0, 0)
  return canvas.convertToBlob({ type: "image/png" })
}

/** One line a region or point: image, what, pixels, share of the image, mm² where the file says how large a pixel is, x, y. */
export const tableOf = (
  image: string,
  { width, height }: { readonly width: number; readonly height: number },
  found: readonly Found[],
  spacing?: Spacing,
): string => {
  const rows = found.flatMap(({ regions, points }) => [
    ...regions.map(({ name, pixels }) => [
      name,
      String(pixels),
      (pixels / (width * height)).toFixed(6),
      spacing === undefined ? "" : areaOf(pixels, spacing),
      "",
      "",
    ]),
    ...points.map(({ x, y }) => ["Point", "", "", "", x.toFixed(2), y.toFixed(2)]),
  ])
  const lines = [["image", "name", "pixels", "share", "mm2", "x", "y"], ...rows.map((row) => [image, ...row])]
  return `${lines.map((line) => line.map(quoted).join(",")).join("\n")}\n`
}
