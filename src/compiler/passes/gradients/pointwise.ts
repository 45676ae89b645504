import type { Value } from "../../ir/builder.ts"
import { type GradientRule, unbroadcast } from "./rule.ts"

type Unary =
  | "neg"
  | "exp"
  | "log"
  | "sqrt"
  | "sin"
  | "cos"
  | "tanh"
  | "erf"
  | "abs"
  | "sigmoid"
  | "softplus"
  | "relu"
  | "scale"
  | "shift"
type Binary = "add" | "sub" | "mul" | "div" | "maximum"

export const unary: { readonly [K in Unary]: GradientRule<K> } = {
  neg: ({ b, g }) => [b.neg(g)],
  exp: ({ b, y, g }) => [b.mul(g, y)],
  log: ({ b, node, g }) => [b.div(g, node.inputs[0]!)],
  sqrt: ({ b, y, g }) => [b.scale(b.div(g, y), 0.5)],
  sin: ({ b, node, g }) => [b.mul(g, b.cos(node.inputs[0]!))],
  cos: ({ b, node, g }) => [b.neg(b.mul(g, b.sin(node.inputs[0]!)))],
  // 1 − y²
  tanh: ({ b, y, g }) => [b.mul(g, b.shift(b.neg(b.mul(y, y)), 1))],
  // 2/√π · e^(−x²)
  erf: ({ b, node, g }) => {
    const x = node.inputs[0]!
    return [b.mul(g, b.scale(b.exp(b.neg(b.mul(x, x))), 2 / Math.sqrt(Math.PI)))]
  },
  abs: ({ b, node, g }) => {
    const x = node.inputs[0]!
    return [b.mul(g, b.sub(b.step(x), b.step(b.neg(x))))]
  },
  // y · (1 − y)
  sigmoid: ({ b, y, g }) => [b.mul(g, b.mul(y, b.shift(b.neg(y), 1)))],
  softplus: ({ b, node, g }) => [b.mul(g, b.sigmoid(node.inputs[0]!))],
  // y > 0 where x > 0: x need not be kept.
  relu: ({ b, y, g }) => [b.mul(g, b.step(y))],
  scale: ({ b, node, g }) => [b.scale(g, node.attrs.by)],
  shift: ({ g }) => [g],
}

export const binary: { readonly [K in Binary]: GradientRule<K> } = {
  add: ({ b, node: { inputs }, g, needs }) =>
    inputs.map((x, i) => (needs(i) ? unbroadcast(b, g, b.shapeOf(x)) : undefined)),
  sub: ({ b, node: { inputs }, g, needs }) => [
    needs(0) ? unbroadcast(b, g, b.shapeOf(inputs[0]!)) : undefined,
    needs(1) ? unbroadcast(b, b.neg(g), b.shapeOf(inputs[1]!)) : undefined,
  ],
  mul: ({ b, node: { inputs }, g, needs }) => {
    const [x, y] = inputs as [number, number]
    return [
      needs(0) ? unbroadcast(b, b.mul(g, y), b.shapeOf(x)) : undefined,
      needs(1) ? unbroadcast(b, b.mul(g, x), b.shapeOf(y)) : undefined,
    ]
  },
  div: ({ b, node: { inputs }, y: quotient, g, needs }) => {
    const [x, y] = inputs as [number, number]
    const dx = b.div(g, y)
    return [
      needs(0) ? unbroadcast(b, dx, b.shapeOf(x)) : undefined,
      needs(1) ? unbroadcast(b, b.neg(b.mul(dx, quotient)), b.shapeOf(y)) : undefined,
    ]
  },
  /** Where both are equal, each takes half: as in PyTorch. */
  maximum: ({ b, node: { inputs }, g, needs }) => {
    const [x, y] = inputs as [number, number]
    const difference = b.sub(x, y)
    const [first, second] = [b.step(difference), b.step(b.neg(difference))]
    // (1 + [own larger] − [other larger]) / 2
    const share = (own: Value, other: Value) => b.scale(b.shift(b.sub(own, other), 1), 0.5)
    return [
      needs(0) ? unbroadcast(b, b.mul(g, share(first, second)), b.shapeOf(x)) : undefined,
      needs(1) ? unbroadcast(b, b.mul(g, share(second, first)), b.shapeOf(y)) : undefined,
    ]
  },
}
