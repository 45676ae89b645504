import { createHash } from "node:crypto"
import { expect, test } from "vitest"
import type { Raster } from "../../src/runtime/data/raster.ts"
import { longestSide, resizeBilinear, resizeNearest } from "../../src/runtime/data/resize.ts"
import recorded from "./pillow.json" with { type: "json" }

/** The rule by which the recorded images were made. */
const pattern = (height: number, width: number, channels: 1 | 3): Raster => {
  const data = new Uint8Array(height * width * channels)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++)
        data[(y * width + x) * channels + c] = 7 * x * x + 13 * x * y + 31 * y + 5 * c * x
  return { width, height, channels, data }
}
const sha256 = (data: Uint8Array) => createHash("sha256").update(data).digest("hex")

test.each(recorded.cases)("the bytes of Pillow: $height × $width × $channels to $size", (one) => {
  const image = pattern(one.height, one.width, one.channels as 1 | 3)
  const to = longestSide(image, one.size)
  expect(to).toEqual({ width: one.toWidth, height: one.toHeight })
  const resized = resizeBilinear(image, to)
  expect([...resized.data.slice(0, 12)]).toEqual(one.first)
  expect(sha256(resized.data)).toBe(one.bilinear)
})

test("a mask takes the pixel under each new centre", () => {
  const mask = { width: 3, height: 2, data: Uint8Array.from([1, 0, 1, 0, 1, 0]) }
  expect(resizeNearest(mask, mask).data).toEqual(mask.data)
  expect([...resizeNearest(mask, { width: 6, height: 2 }).data]).toEqual([1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0])
  expect([
    ...resizeNearest(
      { width: 9, height: 1, data: Uint8Array.from([0, 1, 0, 0, 0, 0, 0, 1, 0]) },
      { width: 3, height: 1 },
    ).data,
  ]).toEqual([1, 0, 1])
})
