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

/** Resizes image, mask and point to where the network sees them. */
export const prepare = (
  {
    image,
    mask,
    point,
    centre,
  }: {
    readonly image: Raster
    readonly mask: Mask
    readonly point?: Point | undefined
    readonly centre?: Point | undefined
  },
  pixels: Pixels,
): Prepared => {
  const to = fittedSize(pixels, image)
  return {
    ...fitted(image, pixels),
    mask,
    resizedMask: resizeNearest(mask, to),
    ...(point === undefined ? {} : { point: scalePoint(point, image, to) }),
    ...(centre === undefined ? {} : { centre: scalePoint(centre, image, to) }),
  }
}
