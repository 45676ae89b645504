/** A case as a model takes it. Normalisation and padding to a square are the model's. */
import type { Tensor } from "../../compiler/ir/graph.ts"
import type { Point } from "./prompts.ts"
import { scalePoint } from "./prompts.ts"
import type { Mask, Raster } from "./raster.ts"
import { longestSide, resizeBilinear, resizeNearest } from "./resize.ts"

export interface Prepared {
  /** [3, height, width], 0…255; the longer side is the model's image size. Grey in three equal channels. */
  readonly image: Tensor
  /** At the original size. */
  readonly mask: Mask
  /** At the size of `image`, by the nearest pixel. */
  readonly resizedMask: Mask
  /** Height and width of the original, as `original_size` wants them. */
  readonly originalSize: readonly [number, number]
  /** In pixels of `image`. */
  readonly point?: Point
}

/** Resizes image, mask and point so that the longer side has `size` pixels. */
export const prepare = (
  { image, mask, point }: { readonly image: Raster; readonly mask: Mask; readonly point?: Point | undefined },
  size: number,
): Prepared => {
  const to = longestSide(image, size)
  return {
    image: planes(resizeBilinear(image, to)),
    mask,
    resizedMask: resizeNearest(mask, to),
    originalSize: [image.height, image.width],
    ...(point === undefined ? {} : { point: scalePoint(point, image, to) }),
  }
}

/** Interleaved bytes as [3, height, width] floats. */
export const planes = ({ width, height, channels, data }: Raster): Tensor => {
  const n = width * height
  const out = new Float32Array(3 * n)
  for (let c = 0; c < 3; c++) for (let i = 0; i < n; i++) out[c * n + i] = data[channels === 1 ? i : 3 * i + c]!
  return { shape: [3, height, width], data: out }
}
