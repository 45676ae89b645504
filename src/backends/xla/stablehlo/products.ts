/** Products of matrices and convolutions: what precision changes. */
import type { Conv2dAttrs, Shape } from "../../../compiler/ir/graph.ts"
import type { Rule } from "./rule.ts"
import { list, tensorType } from "./text.ts"
import type { Writer } from "./writer.ts"

interface Dot {
  /** Axes that run along in both operands. */
  readonly batch?: number
  readonly contract: readonly [number, number]
  readonly to: Shape
}
/** Operands as they are, to the last bit of float32. */
export const exactDot = (w: Writer, a: string, as: Shape, b: string, bs: Shape, dot: Dot): string =>
  written(w, a, as, b, bs, dot, "f32", true)

const written = (
  w: Writer,
  a: string,
  as: Shape,
  b: string,
  bs: Shape,
  { batch = 0, contract, to }: Dot,
  element: "f32" | "bf16",
  exact: boolean,
): string => {
  const leading = list(Array.from({ length: batch }, (_, axis) => axis))
  const batching = batch === 0 ? "" : `batching_dims = ${leading} x ${leading}, `
  const precision = exact && element === "f32" ? ", precision = [HIGHEST, HIGHEST]" : ""
  return w.op(
    `stablehlo.dot_general ${a}, ${b}, ${batching}contracting_dims = [${contract[0]}] x [${contract[1]}]${precision} : (${tensorType(as, element)}, ${tensorType(bs, element)}) -> ${tensorType(to)}`,
  )
}

export const matmul: Rule<"matmul"> = ({ w, node: { attrs, shape: to }, inputs: [a, b], shapes: [as, bs] }) => {
  const { transposeA, transposeB } = attrs
  const element = w.operand as "f32" | "bf16"
  const [left, right] = [w.rounded(a!, as!), w.rounded(b!, bs!)]
  // One matrix for all rows.
  if (bs!.length === 2 && !transposeA)
    return written(w, left, as!, right, bs!, { contract: [as!.length - 1, transposeB ? 1 : 0], to }, element, w.exact)
  const leading = to.slice(0, -2)
  const [at, bt] = [as!, bs!].map((shape): Shape => [...leading, ...shape.slice(-2)]) as [Shape, Shape]
  const n = leading.length
  const contract = [transposeA ? n : n + 1, transposeB ? n + 1 : n] as const
  const [x, y] = [w.broadcast(left, as!, at, element), w.broadcast(right, bs!, bt, element)]
  return written(w, x, at, y, bt, { batch: n, contract, to }, element, w.exact)
}

interface Window {
  /** Which axes of image, weight and result are batch, channels and space. */
  readonly layout: string
  readonly stride?: readonly number[]
  /** [low, high] of height and of width. */
  readonly pad: readonly (readonly [number, number])[]
  readonly spread?: readonly number[]
  readonly dilation?: readonly number[]
  readonly reverse?: boolean
  readonly groups?: number
  readonly batchGroups?: number
}
const one = [1, 1]

const convolution = (w: Writer, x: string, xs: Shape, weight: string, ws: Shape, to: Shape, window: Window): string => {
  const {
    layout,
    stride = one,
    pad,
    spread = one,
    dilation = one,
    reverse = false,
    groups = 1,
    batchGroups = 1,
  } = window
  const high = "#stablehlo<precision HIGHEST>"
  const precision = w.exact && w.operand === "f32" ? `, precision_config = [${high}, ${high}]` : ""
  const element = w.operand
  return w.op(
    `stablehlo.convolution(${w.rounded(x, xs)}, ${w.rounded(weight, ws)}) dim_numbers = ${layout}, window = {stride = ${list(stride)}, pad = ${list(pad.map(list))}, lhs_dilate = ${list(spread)}, rhs_dilate = ${list(dilation)}${reverse ? ", reverse = [true, true]" : ""}} {batch_group_count = ${batchGroups} : i64, feature_group_count = ${groups} : i64${precision}} : (${tensorType(xs, element)}, ${tensorType(ws, element)}) -> ${tensorType(to)}`,
  )
}

export const conv2d: Rule<"conv2d"> = ({ w, node, inputs: [x, weight], shapes: [xs, ws] }) => {
  const { stride, padding, dilation, groups } = node.attrs
  const [top, left, bottom, right] = padding
  return convolution(w, x!, xs!, weight!, ws!, node.shape, {
    layout: "[b, f, 0, 1]x[o, i, 0, 1]->[b, f, 0, 1]",
    stride,
    pad: [
      [top, bottom],
      [left, right],
    ],
    dilation,
    groups,
  })
}

/** [o, i, kh, kw] with o in groups → [o / groups, groups · i, kh, kw]: the gradient's channels are the groups' outputs. */
const byGroup = (
  w: Writer,
  weight: string,
  [o, i, kh, kw]: Shape,
  groups: number,
): { weight: string; shape: Shape } => {
  const shape = [o! / groups, groups * i!, kh!, kw!]
  if (groups === 1) return { weight, shape }
  const split = [groups, o! / groups, i!, kh!, kw!]
  const turned = w.transpose(w.reshape(weight, [o!, i!, kh!, kw!], split), split, [1, 0, 2, 3, 4])
  return { weight: w.reshape(turned, [split[1]!, groups, i!, kh!, kw!], shape), shape }
}

/** The transposed convolution: the gradient spread by the stride, with the kernel turned round. */
export const inputGrad = (
  w: Writer,
  g: string,
  gs: Shape,
  weight: string,
  ws: Shape,
  to: Shape,
  { stride, padding, dilation, groups, inputSize }: Conv2dAttrs & { readonly inputSize: readonly [number, number] },
): string => {
  const pad = [0, 1].map((axis) => {
    const reach = dilation[axis]! * (ws[axis + 2]! - 1)
    const low = reach - padding[axis]!
    const spread = (gs[axis + 2]! - 1) * stride[axis]! + 1
    return [low, inputSize[axis]! - spread - low + reach] as const
  })
  const turned = byGroup(w, weight, ws, groups)
  return convolution(w, g, gs, turned.weight, turned.shape, to, {
    layout: "[b, f, 0, 1]x[i, o, 0, 1]->[b, f, 0, 1]",
    pad,
    spread: stride,
    dilation,
    reverse: true,
    groups,
  })
}
export const conv2dInputGrad: Rule<"conv2dInputGrad"> = ({ w, node, inputs: [g, weight], shapes: [gs, ws] }) =>
  inputGrad(w, g!, gs!, weight!, ws!, node.shape, node.attrs)

/** The image by the gradient, with batch and channels exchanged, and stride and dilation. */
export const conv2dWeightGrad: Rule<"conv2dWeightGrad"> = ({ w, node, inputs: [x, g], shapes: [xs, gs] }) => {
  const { stride, padding, dilation, groups, kernel } = node.attrs
  const pad = [0, 1].map((axis) => {
    const reach = (kernel[axis]! - 1) * dilation[axis]! + (gs![axis + 2]! - 1) * stride[axis]! + 1
    return [padding[axis]!, reach - xs![axis + 2]! - padding[axis]!] as const
  })
  return convolution(w, x!, xs!, g!, gs!, node.shape, {
    layout: "[f, b, 0, 1]x[i, o, 0, 1]->[f, b, 0, 1]",
    stride: dilation,
    pad,
    dilation: stride,
    batchGroups: groups,
  })
}
