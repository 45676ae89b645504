/**
 * Convolutions. With one group and no dilation tfjs's own kernels run, in NHWC. Everything else is a sum over the taps of
 * the kernel, each a batched product with one group per batch, which is right for any geometry on every engine:
 *
 *   y[o, p] = Σ_tap Σ_c W[o, c, tap] · x[c, p·stride + tap·dilation − padding]
 */
import type { Conv2dAttrs, NodeOf } from "../../../compiler/ir/graph.ts"
import type { Kernels, Value } from "../kernels.ts"
import { add, concat, pad, reshape, spread, strided, sum, transpose } from "./basic.ts"
import { matmul } from "./products.ts"

const toNhwc = (k: Kernels, x: Value): Value => transpose(k, x, [0, 2, 3, 1])
const toNchw = (k: Kernels, x: Value): Value => transpose(k, x, [0, 3, 1, 2])
/** [o, c, h, w] ↔ tfjs's [h, w, c, o]. */
const toHwio = (k: Kernels, weight: Value): Value => transpose(k, weight, [2, 3, 1, 0])
const fromHwio = (k: Kernels, weight: Value): Value => transpose(k, weight, [3, 2, 0, 1])

const plain = ({ dilation, groups }: Conv2dAttrs): boolean => groups === 1 && dilation[0] === 1 && dilation[1] === 1
const tfjsAttrs = ({ stride, padding: [top, left, bottom, right] }: Conv2dAttrs) => ({
  strides: [...stride],
  pad: [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ],
  dataFormat: "NHWC",
  dilations: [1, 1],
})

const taps = (height: number, width: number): readonly (readonly [number, number])[] =>
  Array.from({ length: height * width }, (_, at) => [Math.floor(at / width), at % width])

/** What one tap sees of the padded image: [n, c, h, w] → [n, c, h', w']. */
const seen = (
  k: Kernels,
  padded: Value,
  { stride, dilation }: Conv2dAttrs,
  tap: readonly number[],
  out: readonly number[],
): Value => {
  const rows = strided(k, padded, 2, tap[0]! * dilation[0], stride[0], out[0]!)
  return strided(k, rows, 3, tap[1]! * dilation[1], stride[1], out[1]!)
}
const padImage = (k: Kernels, x: Value, [top, left, bottom, right]: Conv2dAttrs["padding"]): Value =>
  pad(k, x, [0, 0, top, left], [0, 0, bottom, right])
/** One tap of the weight as a matrix per group: [o, c/g, kh, kw] → [g, o/g, c/g]. */
const tapOf = (k: Kernels, weight: Value, groups: number, [i, j]: readonly number[]): Value => {
  const [o, c] = weight.shape as [number, number, number, number]
  const at = strided(k, strided(k, weight, 2, i!, 1, 1), 3, j!, 1, 1)
  return reshape(k, at, [groups, o / groups, c])
}

export const conv2d = (k: Kernels, { attrs, shape }: NodeOf<"conv2d">, x: Value, weight: Value): Value => {
  if (plain(attrs)) {
    const y = k.run("Conv2D", { x: toNhwc(k, x), filter: toHwio(k, weight) }, tfjsAttrs(attrs))
    return toNchw(k, y)
  }
  const [n, o, h, w] = shape as [number, number, number, number]
  const [, , kh, kw] = weight.shape as [number, number, number, number]
  const padded = padImage(k, x, attrs.padding)
  const parts = taps(kh, kw).map((tap) => {
    const image = reshape(k, seen(k, padded, attrs, tap, [h, w]), [n, attrs.groups, x.shape[1]! / attrs.groups, h * w])
    return matmul(k, tapOf(k, weight, attrs.groups, tap), image)
  })
  return reshape(
    k,
    parts.reduce((a, b) => add(k, a, b)),
    [n, o, h, w],
  )
}

export const conv2dInputGrad = (
  k: Kernels,
  { attrs, shape }: NodeOf<"conv2dInputGrad">,
  gradient: Value,
  weight: Value,
): Value => {
  const [n, c, height, width] = shape as [number, number, number, number]
  if (plain(attrs)) {
    const dx = k.run(
      "Conv2DBackpropInput",
      { dy: toNhwc(k, gradient), filter: toHwio(k, weight) },
      { ...tfjsAttrs(attrs), inputShape: [n, height, width, c] },
    )
    return toNchw(k, dx)
  }
  const [, o, h, w] = gradient.shape as [number, number, number, number]
  const [, , kh, kw] = weight.shape as [number, number, number, number]
  const { stride, dilation, groups, padding } = attrs
  const [top, left, bottom, right] = padding
  const full = [height + top + bottom, width + left + right] as const
  const grouped = reshape(k, gradient, [n, groups, o / groups, h * w])
  const parts = taps(kh, kw).map((tap) => {
    const product = matmul(k, tapOf(k, weight, groups, tap), grouped, true)
    const image = reshape(k, product, [n, c, h, w])
    const apart = spread(k, spread(k, image, 2, stride[0]), 3, stride[1])
    const start = [tap[0]! * dilation[0], tap[1]! * dilation[1]] as const
    const after = [full[0] - start[0] - apart.shape[2]!, full[1] - start[1] - apart.shape[3]!] as const
    return pad(k, apart, [0, 0, ...start], [0, 0, ...after])
  })
  const whole = parts.reduce((a, b) => add(k, a, b))
  return strided(k, strided(k, whole, 2, top, 1, height), 3, left, 1, width)
}

export const conv2dWeightGrad = (
  k: Kernels,
  { attrs, shape }: NodeOf<"conv2dWeightGrad">,
  x: Value,
  gradient: Value,
): Value => {
  const [o, c, kh, kw] = shape as [number, number, number, number]
  if (plain(attrs) && k.engine !== "wasm") {
    const dw = k.run(
      "Conv2DBackpropFilter",
      { x: toNhwc(k, x), dy: toNhwc(k, gradient) },
      { ...tfjsAttrs(attrs), filterShape: [kh, kw, c, o] },
    )
    return fromHwio(k, dw)
  }
  const [n, , h, w] = gradient.shape as [number, number, number, number]
  const { groups } = attrs
  const padded = padImage(k, x, attrs.padding)
  const grouped = reshape(k, gradient, [n, groups, o / groups, h * w])
  const parts = taps(kh, kw).map((tap) => {
    const image = reshape(k, seen(k, padded, attrs, tap, [h, w]), [n, groups, c, h * w])
    const product = matmul(k, grouped, image, false, true)
    return reshape(k, sum(k, product, [0]), [o, c, 1])
  })
  return reshape(k, concat(k, parts, 2), [o, c, kh, kw])
}
