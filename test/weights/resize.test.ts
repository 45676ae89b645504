import { expect, test } from "vitest"
import { resizeAbsolute, resizeRelative } from "../../src/runtime/weights/index.ts"
import { json } from "./tools.ts"

const near = (found: Float32Array, expected: readonly number[]) => {
  expect(found.length).toBe(expected.length)
  found.forEach((x, i) =>
    expect(Math.abs(x - expected[i]!), `${i}`).toBeLessThanOrEqual(6e-8 * Math.max(1, Math.abs(expected[i]!))),
  )
}

test("absolute positions, as PyTorch interpolates them", async () => {
  const { absolute, to } = await json("resized.json")
  for (const { size, values } of to) {
    const resized = resizeAbsolute({ shape: [1, 5, 4, 3], data: Float32Array.from(absolute) }, size[0], size[1])
    expect(resized.shape).toEqual([1, ...size, 3])
    near(resized.data, values)
  }
})

test("relative positions, as get_rel_pos interpolates them", async () => {
  const { relative, rows } = await json("resized.json")
  for (const { rows: n, values } of rows) {
    const resized = resizeRelative({ shape: [9, 2], data: Float32Array.from(relative) }, n)
    expect(resized.shape).toEqual([n, 2])
    near(resized.data, values)
  }
})

test("shared memory stays shared", () => {
  const data = new Float32Array(new SharedArrayBuffer(8))
  expect(resizeRelative({ shape: [1, 2], data }, 3).data.buffer).toBeInstanceOf(SharedArrayBuffer)
})
