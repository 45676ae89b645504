/** Connected parts of a mask; pixels that touch at a corner belong together. */
import type { Mask } from "./raster.ts"

/** The pixels (row · width + column) of each part, the largest first; of equals the one found first, row by row. */
export const components = ({ width, height, data }: Mask): readonly (readonly number[])[] => {
  const seen = new Uint8Array(data.length)
  const found: number[][] = []
  for (let start = 0; start < data.length; start++) {
    if (data[start] === 0 || seen[start] === 1) continue
    const pixels = [start]
    seen[start] = 1
    for (let i = 0; i < pixels.length; i++) {
      const [x, y] = [pixels[i]! % width, Math.floor(pixels[i]! / width)]
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++)
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          const p = v * width + u
          if (data[p] === 0 || seen[p] === 1) continue
          seen[p] = 1
          pixels.push(p)
        }
    }
    found.push(pixels)
  }
  return found.sort((a, b) => b.length - a.length)
}
