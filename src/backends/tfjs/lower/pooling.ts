/**
 * Pooling of [n, c, h, w]. Every channel is an image of its own with one channel: no transposition, and wasm's MaxPoolGrad,
 * wrong for more channels, is right for one.
 */
import { type NodeOf, type PoolAttrs, sizeOf } from "../../../compiler/ir/graph.ts"
import type { Kernels, Value } from "../kernels.ts"
import { pad, reshape, strided } from "./basic.ts"

const asImages = (k: Kernels, x: Value): Value => {
  const [n, c, h, w] = x.shape as [number, number, number, number]
  return reshape(k, x, [n * c, h, w, 1])
}
const tfjsAttrs = ({ kernel, stride }: PoolAttrs) => ({ filterSize: [...kernel], strides: [...stride], pad: "valid" })
const padImages = (k: Kernels, x: Value, [top, left, bottom, right]: PoolAttrs["padding"], fill: number): Value =>
  pad(k, x, [0, top, left, 0], [0, bottom, right, 0], fill)
const unpad = (k: Kernels, x: Value, [top, left]: PoolAttrs["padding"], height: number, width: number): Value =>
  strided(k, strided(k, x, 1, top, 1, height), 2, left, 1, width)

/** Less than any activation: padding never wins. Infinity would make the gradient's comparison NaN. */
const lowest = -3.4e38

export const maxPool2d = (k: Kernels, { attrs, shape }: NodeOf<"maxPool2d">, x: Value): Value => {
  const padded = padImages(k, asImages(k, x), attrs.padding, lowest)
  return reshape(k, k.run("MaxPool", { x: padded }, tfjsAttrs(attrs)), shape)
}

export const maxPool2dGrad = (
  k: Kernels,
  { attrs, shape }: NodeOf<"maxPool2dGrad">,
  x: Value,
  gradient: Value,
): Value => {
  const [height, width] = shape.slice(2) as [number, number]
  const input = padImages(k, asImages(k, x), attrs.padding, lowest)
  const output = k.run("MaxPool", { x: input }, tfjsAttrs(attrs))
  const dy = reshape(k, gradient, output.shape)
  const dx = k.run("MaxPoolGrad", { dy, input, output }, tfjsAttrs(attrs))
  return reshape(k, unpad(k, dx, attrs.padding, height, width), shape)
}

export const avgPool2d = (k: Kernels, { attrs, shape }: NodeOf<"avgPool2d">, x: Value): Value => {
  const padded = padImages(k, asImages(k, x), attrs.padding, 0)
  return reshape(k, k.run("AvgPool", { x: padded }, tfjsAttrs(attrs)), shape)
}

export const avgPool2dGrad = (k: Kernels, { attrs, shape }: NodeOf<"avgPool2dGrad">, gradient: Value): Value => {
  const [height, width] = shape.slice(2) as [number, number]
  const [top, left, bottom, right] = attrs.padding
  const images = sizeOf(shape.slice(0, 2))
  const full = [images, height + top + bottom, width + left + right, 1]
  const dy = asImages(k, gradient)
  // tfjs asks for the input, but only for its shape.
  const input = k.constant(`zeros ${full}`, full, () => new Float32Array(sizeOf(full)))
  const dx = k.run("AvgPoolGrad", { dy, input }, tfjsAttrs(attrs))
  return reshape(k, unpad(k, dx, attrs.padding, height, width), shape)
}
