/**
 * Pooling of [n, c, h, w]. Every channel is an image of its own with one channel: no transposition.
 */
import { type NodeOf, type PoolAttrs, sizeOf } from "../../../compiler/ir/graph.ts"
import type { Kernels, Value } from "../kernels.ts"
import { add, equal, mul, pad, reshape, scalar, spread, strided, sub } from "./basic.ts"

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

/**
 * The first maximum of a window takes its gradient. Only tfjs's CPU kernel keeps that promise (webgpu's takes the last of
 * equals, wasm's is wrong without ties too), so elsewhere: tap by tap, what equals the maximum and is not yet taken.
 */
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
  const dx =
    k.engine === "cpu"
      ? k.run("MaxPoolGrad", { dy, input, output }, tfjsAttrs(attrs))
      : tapByTap(k, attrs, input, output, dy)
  return reshape(k, unpad(k, dx, attrs.padding, height, width), shape)
}

const tapByTap = (k: Kernels, { kernel, stride }: PoolAttrs, input: Value, output: Value, dy: Value): Value => {
  const [, fullHeight, fullWidth] = input.shape as [number, number, number, number]
  const [, h, w] = output.shape as [number, number, number, number]
  let free: Value | undefined
  let dx: Value | undefined
  for (let i = 0; i < kernel[0]; i++)
    for (let j = 0; j < kernel[1]; j++) {
      const seen = strided(k, strided(k, input, 1, i, stride[0], h), 2, j, stride[1], w)
      const equals = equal(k, seen, output)
      const takes = free ? mul(k, equals, free) : equals
      free = sub(k, free ?? scalar(k, 1), takes)
      const apart = spread(k, spread(k, mul(k, takes, dy), 1, stride[0]), 2, stride[1])
      const after = [fullHeight - i - apart.shape[1]!, fullWidth - j - apart.shape[2]!] as const
      const placed = pad(k, apart, [0, i, j, 0], [0, ...after, 0])
      dx = dx ? add(k, dx, placed) : placed
    }
  return dx!
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
