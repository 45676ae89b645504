/** Pooling and its gradients. */
import type { Shape } from "../../../compiler/ir/graph.ts"
import { sizeOf } from "../../../compiler/ir/graph.ts"
import type { Rule } from "./rule.ts"
import { tensorType } from "./text.ts"
import type { Writer } from "./writer.ts"

interface Window {
  readonly kernel: readonly [number, number]
  readonly stride: readonly [number, number]
  /** Of height and width: before and after. */
  readonly pad: readonly (readonly [number, number])[]
  /** Distance of neighbours once x is spread. */
  readonly spread?: readonly [number, number]
}

const pooled = (w: Writer, name: "add" | "maximum", x: string, xs: Shape, to: Shape, window: Window): string => {
  const { kernel, stride, pad, spread = [1, 1] } = window
  const init = w.fill(name === "add" ? 0 : Number.NEGATIVE_INFINITY, [])
  const padding = `[[0, 0], [0, 0], ${pad.map(([low, high]) => `[${low}, ${high}]`).join(", ")}]`
  const each = (values: readonly number[]) => `array<i64: 1, 1, ${values.join(", ")}>`
  return w.op(
    `"stablehlo.reduce_window"(${x}, ${init}) <{window_dimensions = ${each(kernel)}, window_strides = ${each(stride)}, base_dilations = ${each(spread)}, padding = dense<${padding}> : tensor<4x2xi64>}> ({ ^bb0(%a: tensor<f32>, %b: tensor<f32>): %s = stablehlo.${name} %a, %b : tensor<f32> stablehlo.return %s : tensor<f32> }) : (${tensorType(xs)}, tensor<f32>) -> ${tensorType(to)}`,
  )
}
const sides = ([top, left, bottom, right]: readonly [number, number, number, number]) =>
  [
    [top, bottom],
    [left, right],
  ] as const

export const maxPool2d: Rule<"maxPool2d"> = ({ w, node: { attrs, shape }, inputs: [x], shapes: [xs] }) =>
  pooled(w, "maximum", x!, xs!, shape, { ...attrs, pad: sides(attrs.padding) })

export const avgPool2d: Rule<"avgPool2d"> = ({ w, node: { attrs, shape }, inputs: [x], shapes: [xs] }) => {
  const sum = pooled(w, "add", x!, xs!, shape, { ...attrs, pad: sides(attrs.padding) })
  return w.binary("divide", sum, w.fill(sizeOf(attrs.kernel), shape), shape)
}

/** Each gradient's share in all of its window: a sum over the windows that hold a pixel, of the gradient spread by the stride. */
export const avgPool2dGrad: Rule<"avgPool2dGrad"> = ({ w, node: { attrs, shape }, inputs: [g], shapes: [gs] }) => {
  const { kernel, stride, padding, inputSize } = attrs
  const pad = [0, 1].map((axis) => {
    const low = kernel[axis]! - 1 - padding[axis]!
    const spread = (gs![axis + 2]! - 1) * stride[axis]! + 1
    return [low, inputSize[axis]! + kernel[axis]! - 1 - spread - low] as const
  })
  const sum = pooled(w, "add", g!, gs!, shape, { kernel, stride: [1, 1], pad, spread: stride })
  return w.binary("divide", sum, w.fill(sizeOf(kernel), shape), shape)
}

/**
 * The first maximum of each window takes the gradient. For each place in a window: where the pixel there is the maximum and none before
 * it was, the window's gradient, put back at the pixel. Nothing is scattered, so the order of additions is fixed;
 * select_and_scatter has none on a GPU, and XLA refuses it where results must not change from run to run.
 */
export const maxPool2dGrad: Rule<"maxPool2dGrad"> = ({
  w,
  node: { attrs, shape: xs },
  inputs: [x, g],
  shapes: [, gs],
}) => {
  const { kernel, stride, padding } = attrs
  const pad = sides(padding)
  const most = pooled(w, "maximum", x!, xs, gs!, { ...attrs, pad })
  const [low, high] = [0, 1].map((side) => [0, 0, ...pad.map((of) => of[side]!)]) as [number[], number[]]
  const padded = w.pad(x!, xs, { low, high }, Number.NEGATIVE_INFINITY)
  const paddedShape = xs.map((extent, i) => extent + low[i]! + high[i]!)
  const strides = [1, 1, ...stride]
  const nothing = w.fill(0, gs!)
  let free = w.fill(1, gs!)
  let sum: string | undefined
  for (let row = 0; row < kernel[0]; row++)
    for (let column = 0; column < kernel[1]; column++) {
      const at = [0, 0, row, column]
      const ends = at.map((start, i) => start + (gs![i]! - 1) * strides[i]! + 1)
      const pixel = w.slice(padded, paddedShape, at, ends, strides)
      const taken = w.binary("multiply", w.compare("EQ", pixel, most, gs!), free, gs!)
      free = w.binary("subtract", free, taken, gs!)
      const share = w.select(w.holds("GT", taken, nothing, gs!), g!, nothing, gs!)
      const back = w.pad(share, gs!, {
        low: at.map((start, i) => start - low[i]!),
        high: at.map((_, i) => paddedShape[i]! - ends[i]! - high[i]!),
        interior: strides.map((step) => step - 1),
      })
      sum = sum === undefined ? back : w.binary("add", sum, back, xs)
    }
  return sum!
}
