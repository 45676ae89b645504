/** An image and what is asked of it, seen otherwise: mirrored, or with prompts as people miss. */
import { surely } from "../../dsl/task.ts"
import type { Box } from "../data/prompts.ts"
import type { Random } from "../data/random.ts"
import type { Raster } from "../data/raster.ts"
import type { MaskPrompt } from "../task/maskPrompt.ts"
import type { Asked } from "./prompts.ts"

export const mirrored = (image: Raster): Raster => {
  const { width, height, channels, data } = image
  const out = new Uint8Array(data.length)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++)
        out[(y * width + x) * channels + c] = data[(y * width + width - 1 - x) * channels + c]!
  return { width, height, channels, data: out }
}
export const mirroredPlanes = (values: Float32Array, width: number): Float32Array => {
  const out = new Float32Array(values.length)
  for (let row = 0; row < values.length; row += width)
    for (let x = 0; x < width; x++) out[row + x] = values[row + width - 1 - x]!
  return out
}
export const mirroredAsked = ({ points, box, mask }: Asked, width: number): Asked => {
  const x = (at: number) => width - 1 - at
  return {
    ...(points === undefined ? {} : { points: points.map((point) => ({ ...point, x: x(point.x) })) }),
    ...(box === undefined ? {} : { box: { ...box, x0: x(box.x1), x1: x(box.x0) } }),
    ...(mask === undefined ? {} : { mask: { ...mask, logits: mirroredPlanes(mask.logits, mask.width) } }),
  }
}

/** A mask moved by whole pixels; what comes in from beyond the border is outside. */
const movedMask = ({ width, height, logits }: MaskPrompt, right: number, down: number): MaskPrompt => {
  const out = new Float32Array(logits.length).fill(-surely)
  for (let y = Math.max(0, down); y < Math.min(height, height + down); y++)
    for (let x = Math.max(0, right); x < Math.min(width, width + right); x++)
      out[y * width + x] = logits[(y - down) * width + x - right]!
  return { width, height, logits: out }
}

/** As people miss: a corner of a box by up to a tenth of its side, a point or a mask by up to 2 % of the image's longer side. */
export const shifted = ({ points, box, mask }: Asked, { width, height }: Raster, random: Random): Asked => {
  const by = (range: number) => (2 * random.uniform() - 1) * range
  const within = (at: number, extent: number) => Math.min(extent - 1, Math.max(0, at))
  const range = 0.02 * Math.max(width, height)
  const movedPoints = points?.map((point) => ({
    ...point,
    x: within(point.x + by(range), width),
    y: within(point.y + by(range), height),
  }))
  const movedBox = ({ x0, y0, x1, y1 }: Box): Box => {
    const [w, h] = [0.1 * (x1 - x0), 0.1 * (y1 - y0)]
    const [a, b] = [within(x0 + by(w), width), within(x1 + by(w), width)]
    const [c, d] = [within(y0 + by(h), height), within(y1 + by(h), height)]
    return { x0: Math.min(a, b), x1: Math.max(a, b), y0: Math.min(c, d), y1: Math.max(c, d) }
  }
  return {
    ...(movedPoints === undefined ? {} : { points: movedPoints }),
    ...(box === undefined ? {} : { box: movedBox(box) }),
    ...(mask === undefined ? {} : { mask: movedMask(mask, Math.round(by(range)), Math.round(by(range))) }),
  }
}
