/** Inputs of a run: HS5201 to HS5206. */
import { expect, test } from "vitest"
import type { Tensor, Tensors } from "../../src/compiler/ir/graph.ts"
import { sam } from "../../src/dsl/index.ts"
import { decodeInputs } from "../../src/runtime/run/inputs.ts"

const model = sam({ imageSize: 32, patchSize: 8, width: 16, depth: 1, heads: 2, globalBlocks: [0], outChannels: 16 }).data
const filled = (shape: readonly number[], value = 1): Tensor => ({ shape, data: new Float32Array(shape.reduce((n, x) => n * x, 1)).fill(value) })
const good: Tensors = { image: filled([1, 3, 32, 24], 7), point_coords: filled([1, 2, 2], 5), point_labels: filled([1, 2]) }
const told = (tensors: Record<string, Tensor | undefined>) => {
  const given = Object.fromEntries(Object.entries(tensors).filter(([, tensor]) => tensor !== undefined)) as Tensors
  const { inputs, diagnostics } = decodeInputs("in.safetensors", model, given)
  return { inputs, text: diagnostics.map(({ code, message }) => `${code}: ${message}`) }
}

test("good inputs are taken, with their sizes", () => {
  const { inputs, text } = told(good)
  expect(text).toEqual([])
  expect(inputs?.sizes).toEqual({
    batch: 1,
    inputs: { image: [3, 32, 24], point_coords: [2, 2], point_labels: [2] },
    flags: [],
    extents: { original_size: [32, 24] },
  })
})
test("HS5201: no image; coordinates without labels", () => {
  expect(told({ ...good, image: undefined }).text).toEqual(["HS5201: there is no 'image'"])
  expect(told({ ...good, point_labels: undefined }).text[0]).toMatch(/^HS5201: 'point_coords' and 'point_labels' come together/)
})
test("HS5202: shapes that do not fit the model, or one another; all at once", () => {
  const { text, inputs } = told({ ...good, boxes: filled([4]), mask_input: filled([1, 1, 8, 8]), point_labels: filled([1, 3]) })
  expect(inputs).toBeUndefined()
  expect(text).toEqual([
    "HS5202: 'point_labels' has shape [1, 3], not [B=1, N=2]",
    "HS5202: 'boxes' has shape [4], not [B=1, 4]",
    "HS5202: 'mask_input' has shape [1, 1, 8, 8], not [B=1, 1, 16, 16]",
  ])
  expect(told({ ...good, image: filled([1, 3, 30, 24]) }).text).toEqual([
    "HS5202: the image is 30 × 24; its longer side should be the model's image size, 32",
  ])
  expect(told({ ...good, original_size: filled([1, 2], 0.5) }).text[0]).toMatch(/^HS5202: 'original_size'/)
  expect(told({ ...good, target: filled([1, 1, 31, 24]) }).text[0]).toMatch(/^HS5202: 'target' has shape \[1, 1, 31, 24\]/)
})
test("HS5203: values that are not finite", () => {
  expect(told({ ...good, image: filled([1, 3, 32, 24], Number.NaN) }).text).toEqual(["HS5203: 'image' has values that are not finite"])
})
test("HS5204: a tensor that is no input", () => {
  expect(told({ ...good, points: filled([1]) }).text).toEqual(["HS5204: 'points' is not an input of SAM"])
})
test("HS5205: prompts outside the image, labels that do not exist, boxes the wrong way round", () => {
  expect(told({ ...good, point_coords: filled([1, 2, 2], 30) }).text).toHaveLength(2)
  expect(told({ ...good, point_labels: filled([1, 2], 2) }).text[0]).toBe("HS5205: point 0 has label 2; labels are 1 (inside), 0 (outside) and −1 (padding)")
  const boxes = { shape: [1, 4], data: Float32Array.of(9, 9, 3, 12) }
  expect(told({ ...good, boxes }).text).toEqual(["HS5205: box 0, (9, 9, 3, 12), ends before it begins"])
})
test("HS5206: an image in 0…1 is told, and run", () => {
  const { inputs, text } = told({ ...good, image: filled([1, 3, 32, 24], 0.7) })
  expect(inputs).toBeDefined()
  expect(text).toEqual(["HS5206: 'image' holds no value over 1, and 0…255 is what it should hold: to the model it is black"])
  expect(told({ ...good, image: filled([1, 3, 32, 24], 0) }).text).toEqual([])
})
