/** A brush on masks: what a person corrects by hand goes over what the model said. */
import type { Mask } from "../../runtime/data/raster.ts"

export interface Stroke {
  /** In pixels of the image, x and y alternating. */
  readonly path: readonly number[]
  readonly radius: number
  /** 1 draws, 0 takes away; of classes, their number. */
  readonly value: number
}

/** Discs along the lines between a stroke's points. */
const put = ({ width, height, data }: Mask, { path, radius, value }: Stroke): void => {
  const disc = (x: number, y: number) => {
    const [top, bottom] = [Math.max(0, Math.ceil(y - radius)), Math.min(height - 1, Math.floor(y + radius))]
    for (let v = top; v <= bottom; v += 1) {
      const half = Math.sqrt(Math.max(0, radius * radius - (v - y) * (v - y)))
      const [left, right] = [Math.max(0, Math.ceil(x - half)), Math.min(width - 1, Math.floor(x + half))]
      if (left <= right) data.fill(value, v * width + left, v * width + right + 1)
    }
  }
  for (let i = 0; i + 1 < path.length; i += 2) {
    const [x, y] = [path[i] as number, path[i + 1] as number]
    const [px, py] = i === 0 ? [x, y] : [path[i - 2] as number, path[i - 1] as number]
    const steps = Math.max(1, Math.ceil(Math.hypot(x - px, y - py) / Math.max(0.5, radius / 2)))
    for (let s = 1; s <= steps; s += 1) disc(px + ((x - px) * s) / steps, py + ((y - py) * s) / steps)
  }
}

export const brushed = (mask: Mask, strokes: readonly Stroke[]): Mask => {
  if (strokes.length === 0) return mask
  const out = { ...mask, data: mask.data.slice() }
  for (const stroke of strokes) put(out, stroke)
  return out
}
