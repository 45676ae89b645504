/** A case as a model takes it: fitted to what the network sees. Normalisation is the program's; padding comes with the batch. */
import type { Tensor } from "../../compiler/ir/graph.ts"
import type { Pixels } from "../../dsl/task.ts"
import { type Fitted, fittedSize, planes } from "../task/pixels.ts"
import type { Point } from "./prompts.ts"
import { scalePoint } from "./prompts.ts"
import type { Mask, Raster } from "./raster.ts"
import { resizeBilinear, resizeNearest } from "./resize.ts"

export interface Prepared {
  /** [channels, height, width], 0…255, as large as it lies in what the network sees. */
  readonly image: Tensor
  /** At the original size. */
  readonly mask: Mask
  /** At the size of `image`, by the nearest pixel. */
  readonly resizedMask: Mask
  /** Height and width of the original. */
  readonly originalSize: readonly [number, number]
  /** In pixels of `image`. */
  readonly point?: Point
  /** The mask's centre, in pixels of `image`, where a model is taught it, whatever it is asked by. */
  readonly centre?: Point
}

/** An image as the network sees it, without its padding. */
export const fitted = (image: Raster, pixels: Pixels): Fitted => ({
  image: planes(resizeBilinear(image, fittedSize(pixels, image)), pixels.channels),
  originalSize: [image.height, image.width],
})

/** An image and its mask as large as the network sees them, in bytes: what does not change from epoch to epoch. */
export interface Resized {
  readonly image: Raster
  /** At the original size. */
  readonly mask: Mask
  readonly resizedMask: Mask
}
export const resizedTo = (image: Raster, mask: Mask, pixels: Pixels): Resized => {
  const to = fittedSize(pixels, image)
  return { image: resizeBilinear(image, to), mask, resizedMask: resizeNearest(mask, to) }
}

/** A sample of what is resized; points are in pixels of the original. */
export const prepare = (
  { image, mask, resizedMask }: Resized,
  { point, centre }: { readonly point?: Point | undefined; readonly centre?: Point | undefined },
  { channels }: Pick<Pixels, "channels">,
): Prepared => ({
  image: planes(image, channels),
  originalSize: [mask.height, mask.width],
  mask,
  resizedMask,
  ...(point === undefined ? {} : { point: scalePoint(point, mask, resizedMask) }),
  ...(centre === undefined ? {} : { centre: scalePoint(centre, mask, resizedMask) }),
})
