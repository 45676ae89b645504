/** The surface of a mask, as MONAI, MedPy and SciPy's erosion have it. */
import type { Mask } from "../data/raster.ts"

/** Pixels inside with a neighbour above, below, left or right that is outside; beyond the image's edge counts as outside. */
export const surface = ({ width, height, data }: Mask): Mask => {
  const out = new Uint8Array(data.length)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const p = y * width + x
      if (data[p] === 0) continue
      const inner =
        x > 0 &&
        y > 0 &&
        x < width - 1 &&
        y < height - 1 &&
        data[p - 1] === 1 &&
        data[p + 1] === 1 &&
        data[p - width] === 1 &&
        data[p + width] === 1
      out[p] = inner ? 0 : 1
    }
  return { width, height, data: out }
}
