/** A file that a browser can show, as pixels: no colour is converted, nothing is turned but what the file says. */
import type { Raster } from "../../runtime/data/raster.ts"

export interface Picture {
  readonly name: string
  readonly bitmap: ImageBitmap
  readonly raster: Raster
}

const most = 2 ** 27

/** Fails in words for what is no image, or too large. */
export const pictureOf = async (file: File): Promise<Picture> => {
  const bitmap = await createImageBitmap(file, { colorSpaceConversion: "none", premultiplyAlpha: "none" }).catch(() => {
    throw new Error(`${file.name} is no image that this browser reads. Save it as PNG or JPEG.`)
  })
  const { width, height } = bitmap
  if (width * height > most)
    throw new Error(
      `${file.name} has ${width} × ${height} pixels, more than ${most.toLocaleString("en")}. Save a smaller copy.`,
    )
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true })
  if (context === null) throw new Error("This browser has no memory for the image.")
  context.drawImage(bitmap, 0, 0)
  const { data } = context.getImageData(0, 0, width, height)
  const rgb = new Uint8Array(3 * width * height)
  for (let i = 0; i < width * height; i += 1) for (let c = 0; c < 3; c += 1) rgb[3 * i + c] = data[4 * i + c] as number
  return { name: file.name, bitmap, raster: { width, height, channels: 3, data: rgb } }
}
