/**
 * What `hasam run` is fed: checked against the model before anything is compiled, all problems at once.
 */

import { aboutFile, type Diagnostic } from "../../compiler/diagnostic.ts"
import type { Shape, Tensor, Tensors } from "../../compiler/ir/graph.ts"
import type { InputSizes } from "../../compiler/passes/elaborate/index.ts"
import type { ModelData } from "../../dsl/model.ts"

/** Inputs of one run, and the sizes for which a program is compiled. */
export interface RunInputs {
  readonly sizes: InputSizes
  /** What the program is fed, by name. */
  readonly feeds: Tensors
  /** Only with gradients: [batch, 1, height, width], 0…1, at the original size. */
  readonly target?: Tensor
}

type Axis = number | string
const spell = (shape: readonly Axis[]): string => `[${shape.join(", ")}]`

const known = ["image", "original_size", "point_coords", "point_labels", "boxes", "mask_input", "target"]

/** Named axes must agree among all inputs; numbers must match. */
const matches = (shape: Shape, expected: readonly Axis[], axes: Map<string, number>): boolean =>
  shape.length === expected.length &&
  expected.every((axis, i) => {
    if (typeof axis === "number") return shape[i] === axis
    if (!axes.has(axis)) axes.set(axis, shape[i]!)
    return axes.get(axis) === shape[i] && shape[i]! > 0
  })

const finite = (data: Float32Array): boolean => data.every((x) => Number.isFinite(x))

/** Decodes the inputs of a SAM, or of any model with one input `image`. Diagnostics if anything is wrong. */
export const decodeInputs = (
  file: string,
  model: ModelData,
  tensors: Tensors,
  { multimask = false } = {},
): { readonly inputs?: RunInputs; readonly diagnostics: readonly Diagnostic[] } => {
  const diagnostics: Diagnostic[] = []
  const report = (code: "HS5201" | "HS5202" | "HS5203" | "HS5204" | "HS5205", message: string, help: string) => {
    diagnostics.push(aboutFile(file, code, message, help))
  }
  const axes = new Map<string, number>()
  const expect = (name: string, expected: readonly Axis[]): void => {
    const tensor = tensors[name]
    if (tensor === undefined) return
    if (!matches(tensor.shape, expected, axes)) {
      const named = expected.map((axis) =>
        typeof axis === "string" && axes.has(axis) ? `${axis}=${axes.get(axis)}` : axis,
      )
      report(
        "HS5202",
        `'${name}' has shape ${spell(tensor.shape)}, not ${spell(named)}`,
        "Save it in that shape; a batch of one still has its axis.",
      )
    } else if (!finite(tensor.data))
      report("HS5203", `'${name}' has values that are not finite`, "Look for NaN or infinity in what wrote the file.")
  }

  for (const name of Object.keys(tensors))
    if (!known.includes(name)) report("HS5204", `'${name}' is not an input`, `Inputs are ${known.join(", ")}.`)
  const { image, original_size, target } = tensors
  if (image === undefined) {
    report(
      "HS5201",
      "there is no 'image'",
      "Save the image as a float tensor [B, 3, H, W], raw 0…255, under the name 'image'.",
    )
    return { diagnostics }
  }

  if (model.family.kind === "layer") {
    expect("image", ["B", ...model.family.input])
    const [, , height = 1, width = 1] = image.shape
    const sizes: InputSizes = {
      batch: image.shape[0]!,
      height,
      width,
      original: [height, width],
      points: 0,
      boxes: false,
      mask: false,
      multimask,
    }
    return diagnostics.length > 0
      ? { diagnostics }
      : { diagnostics, inputs: { sizes, feeds: { image }, ...(target ? { target } : {}) } }
  }

  const { imageSize, patchSize } = model.family.config
  const grid = 4 * Math.floor(imageSize / patchSize)
  expect("image", ["B", 3, "H", "W"])
  expect("original_size", ["B", 2])
  expect("point_coords", ["B", "N", 2])
  expect("point_labels", ["B", "N"])
  expect("boxes", ["B", 4])
  expect("mask_input", ["B", 1, grid, grid])
  const [batch = 1, , height = 0, width = 0] = image.shape
  if (diagnostics.length === 0 && Math.max(height, width) !== imageSize)
    report(
      "HS5202",
      `the image is ${height} × ${width}; its longer side should be the model's image size, ${imageSize}`,
      `Resize it so that the longer side has ${imageSize} pixels, or compile for another --input-size.`,
    )
  const original = originalSize(original_size, [height, width])
  if (original === undefined)
    report(
      "HS5202",
      "'original_size' is not one positive whole (height, width) for the whole batch",
      "Run images of different original sizes one by one.",
    )
  if ("point_coords" in tensors !== "point_labels" in tensors)
    report(
      "HS5201",
      "'point_coords' and 'point_labels' come together, and one is missing",
      "Save both: (x, y) in pixels, and 1 inside, 0 outside, −1 padding.",
    )
  if (original !== undefined) expect("target", ["B", 1, ...original])
  if (diagnostics.length === 0)
    outside(tensors, height, width, (message) =>
      report("HS5205", message, "Prompts are in the pixels of the resized image, x first."),
    )
  if (diagnostics.length > 0 || original === undefined) return { diagnostics }

  const { point_coords, point_labels, boxes, mask_input } = tensors
  const feeds = Object.fromEntries(
    Object.entries({ image, point_coords, point_labels, boxes, mask_input }).filter(
      ([, tensor]) => tensor !== undefined,
    ),
  ) as Tensors
  const sizes: InputSizes = {
    batch,
    height,
    width,
    original,
    points: point_coords?.shape[1] ?? 0,
    boxes: boxes !== undefined,
    mask: mask_input !== undefined,
    multimask,
  }
  return { diagnostics, inputs: { sizes, feeds, ...(target === undefined ? {} : { target }) } }
}

const originalSize = (
  tensor: Tensor | undefined,
  fallback: readonly [number, number],
): readonly [number, number] | undefined => {
  if (tensor === undefined) return fallback
  const [height, width] = tensor.data as unknown as [number, number]
  const same = tensor.data.every((x, i) => x === (i % 2 === 0 ? height : width))
  return same && Number.isInteger(height) && Number.isInteger(width) && height > 0 && width > 0
    ? [height, width]
    : undefined
}

const outside = (tensors: Tensors, height: number, width: number, report: (message: string) => void): void => {
  const inside = (x: number, y: number) => x >= 0 && y >= 0 && x <= width && y <= height
  const { point_coords, point_labels, boxes } = tensors
  point_labels?.data.forEach((label, i) => {
    const [x, y] = [point_coords!.data[2 * i]!, point_coords!.data[2 * i + 1]!]
    if (![-1, 0, 1].includes(label))
      report(`point ${i} has label ${label}; labels are 1 (inside), 0 (outside) and −1 (padding)`)
    if (label !== -1 && !inside(x, y))
      report(`point ${i}, (${x}, ${y}), lies outside the image of ${width} × ${height} pixels`)
  })
  for (let i = 0; i < (boxes?.data.length ?? 0); i += 4) {
    const [x0, y0, x1, y1] = boxes!.data.slice(i, i + 4) as unknown as [number, number, number, number]
    if (!inside(x0, y0) || !inside(x1, y1))
      report(`box ${i / 4}, (${x0}, ${y0}, ${x1}, ${y1}), lies outside the image of ${width} × ${height} pixels`)
    else if (x1 < x0 || y1 < y0) report(`box ${i / 4}, (${x0}, ${y0}, ${x1}, ${y1}), ends before it begins`)
  }
}
