import type { Builder, Value } from "../../ir/builder.ts"
import { sizeOf } from "../../ir/graph.ts"
import { type GradientRule, unbroadcast } from "./rule.ts"

/** [..., n] → [rows, n] */
const rows = (b: Builder, x: Value): Value => {
  const shape = b.shapeOf(x)
  return b.reshape(x, [sizeOf(shape.slice(0, -1)), shape.at(-1)!])
}

export const matmul: GradientRule<"matmul"> = ({ b, node, g, needs }) => {
  const [x, y] = node.inputs as [Value, Value]
  const { transposeA: ta, transposeB: tb } = node.attrs
  const dx = () => (ta ? b.matmul(y, g, { transposeA: tb, transposeB: true }) : b.matmul(g, y, { transposeB: !tb }))
  const dy = () => (tb ? b.matmul(g, x, { transposeA: true, transposeB: ta }) : b.matmul(x, g, { transposeA: !ta }))
  return [
    needs(0) ? unbroadcast(b, dx(), b.shapeOf(x)) : undefined,
    needs(1) ? unbroadcast(b, dy(), b.shapeOf(y)) : undefined,
  ]
}

/** y = x Wᵀ + c: dx = g W, dW = gᵀ x, dc = Σ g, over all rows. */
export const linearGradients = (b: Builder, x: Value, weight: Value, g: Value, needs: (i: number) => boolean) => [
  needs(0) ? b.matmul(g, weight) : undefined,
  needs(1) ? b.matmul(rows(b, g), rows(b, x), { transposeA: true }) : undefined,
  needs(2) ? b.reduceSum(rows(b, g), { axes: [0], keepDims: false }) : undefined,
]
export const linear: GradientRule<"linear"> = ({ b, node, g, needs }) => {
  const [x, weight] = node.inputs as [Value, Value]
  return linearGradients(b, x, weight, g, needs).slice(0, node.inputs.length)
}

/** x + up(relu(down(x))): the hidden features are computed again where they were fused away. */
export const adapter: GradientRule<"adapter"> = ({ b, node, g, needs }) => {
  const [x, down, downBias, up] = node.inputs as [Value, Value, Value, Value]
  const hidden = b.relu(b.linear(x, down, downBias))
  const [, dUp, dUpBias] = linearGradients(b, hidden, up, g, (i) => i > 0 && needs(i + 2))
  if (!needs(0) && !needs(1) && !needs(2)) return [undefined, undefined, undefined, dUp, dUpBias]
  const slope = b.mul(b.matmul(g, up), b.step(hidden))
  const [dx, dDown, dDownBias] = linearGradients(b, x, down, slope, needs)
  return [dx === undefined ? undefined : b.add(g, dx), dDown, dDownBias, dUp, dUpBias]
}

export const conv2d: GradientRule<"conv2d"> = ({ b, node, g, needs }) => {
  const [x, w] = node.inputs as [Value, Value]
  const [, , height, width] = b.shapeOf(x) as [number, number, number, number]
  const [, , kh, kw] = b.shapeOf(w) as [number, number, number, number]
  return [
    needs(0) ? b.conv2dInputGrad(g, w, { ...node.attrs, inputSize: [height, width] }) : undefined,
    needs(1) ? b.conv2dWeightGrad(x, g, { ...node.attrs, kernel: [kh, kw] }) : undefined,
  ]
}

/** The transposed convolution: its gradient is the convolution. */
export const conv2dInputGrad: GradientRule<"conv2dInputGrad"> = ({ b, node, g, needs }) => {
  const [x, w] = node.inputs as [Value, Value]
  const { inputSize: _, ...attrs } = node.attrs
  const [, , kh, kw] = b.shapeOf(w) as [number, number, number, number]
  return [
    needs(0) ? b.conv2d(g, w, attrs) : undefined,
    needs(1) ? b.conv2dWeightGrad(g, x, { ...attrs, kernel: [kh, kw] }) : undefined,
  ]
}
