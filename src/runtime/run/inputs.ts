/**
 * What `hasam run` is fed: checked against the model before anything is compiled, all problems at once.
 */

import { aboutFile, type Diagnostic, warned } from "../../compiler/diagnostic.ts"
import type { Shape, Tensor, Tensors } from "../../compiler/ir/graph.ts"
import { elaborate, type InputSizes } from "../../compiler/passes/elaborate/index.ts"
import { targetName, targetShape } from "../../compiler/passes/losses.ts"
import type { ModelData } from "../../dsl/model.ts"
import { type Feed, imageOf, type Takes } from "../../dsl/task.ts"

/** Inputs of one run, and the sizes for which a program is compiled. */
export interface RunInputs {
  readonly sizes: InputSizes
  /** What the program is fed, by name. */
  readonly feeds: Tensors
  /** Only with gradients: what each taught output is compared with. */
  readonly targets: Tensors
}

type Axis = number | string
const spell = (shape: readonly Axis[]): string => `[${shape.join(", ")}]`

/** Named axes must agree among all inputs; numbers must match. */
const matches = (shape: Shape, expected: readonly Axis[], axes: Map<string, number>): boolean =>
  shape.length === expected.length &&
  expected.every((axis, i) => {
    if (typeof axis === "number") return shape[i] === axis
    if (!axes.has(axis)) axes.set(axis, shape[i]!)
    return axes.get(axis) === shape[i] && shape[i]! > 0
  })

const finite = (data: Float32Array): boolean => data.every((x) => Number.isFinite(x))

/** The shape that an input may have: letters are any extent, the same letter the same extent. */
const expected = (_name: string, feed: Feed): readonly Axis[] => {
  switch (feed.kind) {
    case "pixels":
      return feed.padded === "inside" ? ["B", feed.channels, "H", "W"] : ["B", feed.channels, ...feed.size]
    case "points":
      return feed.part === "coords" ? ["B", `N of ${feed.kind}`, 2] : ["B", `N of ${feed.kind}`]
    case "box":
      return ["B", 4]
    case "mask":
      return ["B", 1, ...feed.size]
    case "given":
      return ["B", ...feed.shape]
  }
}

/** Inputs that come together: coordinates and labels of points. */
const lacking = (takes: Takes, tensors: Tensors): readonly (readonly [given: string, missing: string])[] => {
  const points = Object.entries(takes).flatMap(([name, { kind }]) => (kind === "points" ? [name] : []))
  const given = points.filter((name) => name in tensors)
  return given.length === 0
    ? []
    : points.filter((name) => !(name in tensors)).map((name) => [given[0] ?? "", name] as const)
}

/** Decodes the inputs that a model takes, and the targets of what it teaches. Diagnostics if anything is wrong. */
export const decodeInputs = (
  file: string,
  model: ModelData,
  tensors: Tensors,
  { flags = [], training = false }: { readonly flags?: readonly string[]; readonly training?: boolean } = {},
): { readonly inputs?: RunInputs; readonly diagnostics: readonly Diagnostic[] } => {
  const diagnostics: Diagnostic[] = []
  const report = (code: "HS5201" | "HS5202" | "HS5203" | "HS5204" | "HS5205", message: string, help: string) => {
    diagnostics.push(aboutFile(file, code, message, help))
  }
  const axes = new Map<string, number>()
  const expect = (name: string, shape: readonly Axis[]): void => {
    const tensor = tensors[name]
    if (tensor === undefined) return
    if (!matches(tensor.shape, shape, axes)) {
      const named = shape.map((axis) =>
        typeof axis === "string" && axes.has(axis)
          ? `${axis.split(" ")[0]}=${axes.get(axis)}`
          : `${axis}`.split(" ")[0]!,
      )
      report(
        "HS5202",
        `'${name}' has shape ${spell(tensor.shape)}, not ${spell(named)}`,
        "Save it in that shape; a batch of one still has its axis.",
      )
    } else if (!finite(tensor.data))
      report("HS5203", `'${name}' has values that are not finite`, "Look for NaN or infinity in what wrote the file.")
  }

  const network = model.network.kind === "module" ? model.network : undefined
  const extents = network?.extents ?? []
  const known = [...Object.keys(model.takes), ...extents]
  const targets = Object.keys(model.teaches).map((output) => targetName(model.teaches, output))
  for (const name of Object.keys(tensors))
    if (![...known, ...targets].includes(name))
      report("HS5204", `'${name}' is not an input of ${model.name}`, `Inputs are ${[...known, ...targets].join(", ")}.`)
  for (const flag of flags)
    if (!(network?.flags ?? []).includes(flag))
      report(
        "HS5204",
        `${model.name} has no flag '${flag}'`,
        `Flags are ${(network?.flags ?? []).join(", ") || "none"}.`,
      )

  const optional = new Set(network?.single ? [] : (network?.optional ?? []))
  const needed = Object.entries(model.takes).filter(([name]) => !optional.has(name) && tensors[name] === undefined)
  for (const [name, feed] of needed)
    report(
      "HS5201",
      `there is no '${name}'`,
      `Save it as a float tensor ${spell(expected(name, feed).map((axis) => `${axis}`.split(" ")[0]!))}${feed.kind === "pixels" ? ", raw 0…255," : ""} under the name '${name}'.`,
    )
  if (needed.length > 0) return { diagnostics }

  for (const [name, feed] of Object.entries(model.takes)) expect(name, expected(name, feed))
  for (const name of extents) expect(name, ["B", 2])
  const image = imageOf(model.takes)
  const [batch = 1, , height = 0, width = 0] = tensors[image?.name ?? Object.keys(model.takes)[0] ?? ""]?.shape ?? []
  if (diagnostics.length === 0 && image?.pixels.padded === "inside") {
    const [h, w] = image.pixels.size
    if (height > h || width > w || (height !== h && width !== w))
      report(
        "HS5202",
        `the image is ${height} × ${width}; its longer side should be the model's image size, ${h === w ? h : `${h} × ${w}`}`,
        `Resize it so that the longer side has ${Math.max(h, w)} pixels, or compile for another --input-size.`,
      )
  }
  const sizes = Object.fromEntries(extents.map((name) => [name, originalSize(tensors[name], [height, width])] as const))
  for (const [name, size] of Object.entries(sizes))
    if (size === undefined)
      report(
        "HS5202",
        `'${name}' is not one positive whole (height, width) for the whole batch`,
        "Run images of different original sizes one by one.",
      )
  for (const [given, missing] of lacking(model.takes, tensors))
    report(
      "HS5201",
      `'${given}' and '${missing}' come together, and one is missing`,
      "Save both: (x, y) in pixels, and 1 inside, 0 outside, −1 padding.",
    )
  if (diagnostics.length === 0)
    outside(model.takes, tensors, height, width, (message) =>
      report("HS5205", message, "Prompts are in the pixels of the resized image, x first."),
    )
  const feeds = Object.fromEntries(Object.entries(tensors).filter(([name]) => name in model.takes))
  const found: InputSizes = {
    batch,
    inputs: Object.fromEntries(Object.entries(feeds).map(([name, { shape }]) => [name, shape.slice(1)])),
    flags,
    extents: sizes as InputSizes["extents"],
  }
  if (diagnostics.length > 0) return { diagnostics }
  // The shapes of targets are those of the outputs that they are compared with, here and now.
  const { builder, outputs } = elaborate(model, found, { training })
  for (const [output, taught] of Object.entries(model.teaches)) {
    const value = outputs[output]
    if (value !== undefined) expect(targetName(model.teaches, output), targetShape(taught, builder.shapeOf(value)))
  }
  if (diagnostics.length > 0) return { diagnostics }
  const faint = image === undefined ? undefined : tensors[image.name]
  if (faint?.data.some((x) => x > 0) && faint.data.every((x) => x <= 1))
    diagnostics.push(
      warned(
        file,
        "HS5206",
        `'${image!.name}' holds no value over 1, and 0…255 is what it should hold: to the model it is black`,
        "Multiply it by 255; normalisation is the model's.",
      ),
    )
  const given = Object.fromEntries(Object.entries(tensors).filter(([name]) => targets.includes(name)))
  return { diagnostics, inputs: { sizes: found, feeds, targets: given } }
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

const outside = (
  takes: Takes,
  tensors: Tensors,
  height: number,
  width: number,
  report: (message: string) => void,
): void => {
  const inside = (x: number, y: number) => x >= 0 && y >= 0 && x <= width && y <= height
  const of = (holds: (feed: Feed) => boolean): Tensor | undefined => {
    const name = Object.entries(takes).find(([, feed]) => holds(feed))?.[0]
    return name === undefined ? undefined : tensors[name]
  }
  const coords = of((feed) => feed.kind === "points" && feed.part === "coords")
  const labels = of((feed) => feed.kind === "points" && feed.part === "labels")
  const boxes = of((feed) => feed.kind === "box")
  labels?.data.forEach((label, i) => {
    const [x, y] = [coords!.data[2 * i]!, coords!.data[2 * i + 1]!]
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
