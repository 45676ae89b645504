import type { Mask, Raster } from "../data/raster.ts"
import { explained } from "./attempt.ts"

export interface PhantomSettings {
  /** Images. Default: 60. */
  readonly count?: number
  /** Their width in pixels; the height is three quarters of it. Default: 256. */
  readonly size?: number
  readonly seed?: number
  readonly on?: (done: number, total: number) => void
}

/** Ultrasound-like images with masks, in a new folder that `train` takes as data. Rejects with `Failed`: HS4001. */
export const phantoms = (out: string, { count = 60, size = 256, seed = 0, on }: PhantomSettings = {}): Promise<void> =>
  explained(async () => {
    const { writePhantoms } = await import("../data/phantoms/index.ts")
    await writePhantoms(out, { n: count, size, seed, ...(on === undefined ? {} : { onProgress: on }) })
  })

/** An image's pixels, 0…255, of any format that hasam reads. Rejects with `Failed`: HS4002, HS4201, HS4208 to HS4211. */
export const readImage = (path: string): Promise<Raster> =>
  explained(async () => {
    const { width, height, channels, data } = await (await import("../data/image.ts")).readImage(path)
    return { width, height, channels, data }
  })

/** A mask as a PNG of 0 and 255, to be written to a file. */
export const maskPng = async ({ width, height, data }: Mask): Promise<Uint8Array> =>
  (await import("../data/images/pngWrite.ts")).pngBytes(
    { width, height },
    data.map((x) => (x === 0 ? 0 : 255)),
  )
