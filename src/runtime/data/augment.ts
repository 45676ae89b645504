/** Augmentation: one affine map for image and mask, and a gain for the image. What it draws depends on seed, epoch and case alone. */
import type { Augmentation } from "../../dsl/training.ts"
import type { Point } from "./prompts.ts"
import { stream } from "./random.ts"
import { area, type Mask, type Raster } from "./raster.ts"

export interface Draw {
  readonly flip: boolean
  /** Degrees, clockwise as seen. */
  readonly rotation: number
  /** Above 1 enlarges. */
  readonly scale: number
  readonly gain: number
}

/** Always draws all four, so that one option does not shift another's numbers. */
export const draw = ({ flip, rotation, scale, gain }: Augmentation, seed: number, epoch: number, id: string): Draw => {
  const random = stream(seed, "augment", epoch, id)
  return {
    flip: random.uniform() < 0.5 && flip,
    rotation: random.between(-rotation, rotation),
    scale: random.between(1 - scale, 1 + scale),
    gain: random.between(1 - gain, 1 + gain),
  }
}

export interface Pixels {
  readonly image: Raster
  readonly mask: Mask
  /** In pixels of the image: goes where its pixel goes. */
  readonly point?: Point | undefined
}

/**
 * The map is about the image's centre: flipped left to right, scaled, turned. The image is sampled bilinearly, the mask at the nearest pixel;
 * outside the image is 0. A draw that would move all of a mask, or the point, out of sight keeps its gain only.
 */
export const augmentWith = <P extends Pixels>(pixels: P, { flip, rotation, scale, gain }: Draw): P => {
  const { image, mask, point } = pixels
  const brighter = (raster: Raster): Raster =>
    gain === 1 ? raster : { ...raster, data: raster.data.map((x) => Math.min(255, Math.round(x * gain))) }
  const still = { ...pixels, image: brighter(image) }
  if (!flip && rotation === 0 && scale === 1) return still
  const { width, height } = image
  const angle = (rotation * Math.PI) / 180
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const [cx, cy] = [(width - 1) / 2, (height - 1) / 2]
  // Where each new pixel comes from: the inverse of flip, then scale, then turn.
  const xs = (x: number, y: number) => {
    const u = (cos * (x - cx) + sin * (y - cy)) / scale
    return cx + (flip ? -u : u)
  }
  const ys = (x: number, y: number) => cy + (cos * (y - cy) - sin * (x - cx)) / scale
  const to = ({ x, y }: Point): Point => {
    const [u, v] = [flip ? cx - x : x - cx, y - cy]
    return { x: cx + scale * (cos * u - sin * v), y: cy + scale * (sin * u + cos * v) }
  }
  const moved = sampleMask(mask, xs, ys)
  const target = point === undefined ? undefined : to(point)
  const lost =
    target !== undefined && !(target.x >= 0 && target.y >= 0 && target.x <= width - 1 && target.y <= height - 1)
  if (lost || (area(moved) === 0 && area(mask) > 0)) return still
  return {
    ...pixels,
    image: brighter(sampleImage(image, xs, ys)),
    mask: moved,
    ...(target === undefined ? {} : { point: target }),
  }
}

type From = (x: number, y: number) => number

const sampleMask = ({ width, height, data }: Mask, xs: From, ys: From): Mask => {
  const out = new Uint8Array(data.length)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [u, v] = [Math.round(xs(x, y)), Math.round(ys(x, y))]
      if (u >= 0 && v >= 0 && u < width && v < height) out[y * width + x] = data[v * width + u]!
    }
  return { width, height, data: out }
}

const sampleImage = (image: Raster, xs: From, ys: From): Raster => {
  const { width, height, channels, data } = image
  const out = new Uint8Array(data.length)
  const at = (u: number, v: number, c: number) =>
    u < 0 || v < 0 || u >= width || v >= height ? 0 : data[(v * width + u) * channels + c]!
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [u, v] = [xs(x, y), ys(x, y)]
      const [u0, v0] = [Math.floor(u), Math.floor(v)]
      const [du, dv] = [u - u0, v - v0]
      for (let c = 0; c < channels; c++) {
        const top = at(u0, v0, c) * (1 - du) + at(u0 + 1, v0, c) * du
        const bottom = at(u0, v0 + 1, c) * (1 - du) + at(u0 + 1, v0 + 1, c) * du
        out[(y * width + x) * channels + c] = Math.round(top * (1 - dv) + bottom * dv)
      }
    }
  return { width, height, channels, data: out }
}
