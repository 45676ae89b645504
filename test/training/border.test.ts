import { expect, test } from "vitest"
import { resnet } from "../../examples/localizer/index.ts"
import type { Backend } from "../../src/backends/backend.ts"
import { centre, model, pixels, point } from "../../src/dsl/index.ts"
import type { Sample } from "../../src/runtime/data/reader.ts"
import { locate } from "../../src/runtime/evaluation/cases.ts"
import { predictor } from "../../src/runtime/training/predict.ts"

const sample: Sample = {
  case: { id: "a", image: "a.png", mask: { kind: "files", paths: [] } },
  image: { shape: [3, 64, 32], data: new Float32Array(3 * 64 * 32) },
  mask: { width: 8, height: 16, data: new Uint8Array(8 * 16).fill(1) },
  resizedMask: { width: 32, height: 64, data: new Uint8Array(32 * 64).fill(1) },
  originalSize: [16, 8],
}
const giving = (x: number, y: number): Backend => ({
  name: "stub",
  compile: async () => ({
    load: async () => undefined,
    run: async () => ({ point: { shape: [1, 2], data: Float32Array.of(x, y) } }),
    read: async () => ({}),
    dispose: async () => undefined,
  }),
})

/** The image fills the left half of the square: x from 0 to 0.5 of it are pixels 0 to 7. */
test.each([
  [0.25, 0.5, { x: 3.5, y: 7.5, hit: true }],
  [0.49, 0.99, { hit: true }],
  // Beyond the border, and right of it within the padding: misses, though the whole image is foreground. As prompts they lie inside.
  [0.55, 0.5, { x: 7, y: 7.5, hit: false }],
  [0.25, 1.2, { x: 3.5, y: 15, hit: false }],
  [-0.1, 0.5, { x: 0, y: 7.5, hit: false }],
])("a predicted point (%d, %d) of the square", async (x, y, expected) => {
  const { data } = model(resnet(4), {
    name: "narrow",
    takes: { image: pixels({ size: 64 }) },
    teaches: { point: point() },
  })
  const points = await predictor(giving(x, y), data, {}, centre)
  async function* samples() {
    yield sample
  }
  expect(await locate(points, samples())).toMatchObject([{ id: "a", ...expected }])
})
