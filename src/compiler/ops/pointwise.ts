/** Ops on each number, and on each pair of numbers: pairs broadcast as NumPy's do. */
import type { Builder, Value } from "../ir/builder.ts"
import { map, zip } from "../ir/evaluate/array.ts"
import type { Shape } from "../ir/graph.ts"
import { broadcast } from "../ir/shapes.ts"
import { erf as erfOf, sigmoid as sigmoidOf, softplus as softplusOf } from "./functions.ts"
import { type Gradient, type None, none, type Op } from "./op.ts"

/** The shapes that every op on one number is tried on. */
export const eachNumber = <A>(attrs: A): Pick<Op<1, A>, "operands" | "shape" | "flops" | "examples" | "edges"> => ({
  operands: 1,
  shape: ([x]) => x,
  flops: 1,
  examples: [{ attrs, inputs: [[3, 5]] }],
  edges: [
    { attrs, inputs: [[]] },
    { attrs, inputs: [[1]] },
    { attrs, inputs: [[1, 5, 1]] },
  ],
})
const of = (f: (x: number) => number, gradient: Op<1>["gradient"], domain: Op["domain"] = "any"): Op<1> => ({
  ...eachNumber(none),
  meaning: ([x]) => map(x, f),
  gradient,
  domain,
})

export const neg: Op<1> = of(
  (x) => -x,
  ({ b, g }) => [b.neg(g)],
)
export const exp: Op<1> = of(Math.exp, ({ b, y, g }) => [b.mul(g, y)])
export const log: Op<1> = of(Math.log, ({ b, x: [x], g }) => [b.div(g, x)], "positive")
export const sqrt: Op<1> = of(Math.sqrt, ({ b, y, g }) => [b.scale(b.div(g, y), 0.5)], "positive")
export const sin: Op<1> = of(Math.sin, ({ b, x: [x], g }) => [b.mul(g, b.cos(x))])
export const cos: Op<1> = of(Math.cos, ({ b, x: [x], g }) => [b.neg(b.mul(g, b.sin(x)))])
/** 1 − y² */
export const tanh: Op<1> = of(Math.tanh, ({ b, y, g }) => [b.mul(g, b.shift(b.neg(b.mul(y, y)), 1))])
/** 2/√π · e^(−x²) */
export const erf: Op<1> = of(erfOf, ({ b, x: [x], g }) => [
  b.mul(g, b.scale(b.exp(b.neg(b.mul(x, x))), 2 / Math.sqrt(Math.PI))),
])
export const abs: Op<1> = of(
  Math.abs,
  ({ b, x: [x], g }) => [b.mul(g, b.sub(b.step(x), b.step(b.neg(x))))],
  "away from zero",
)
/** y · (1 − y) */
export const sigmoid: Op<1> = of(sigmoidOf, ({ b, y, g }) => [b.mul(g, b.mul(y, b.shift(b.neg(y), 1)))])
/** log(1 + eˣ), without overflow. */
export const softplus: Op<1> = of(softplusOf, ({ b, x: [x], g }) => [b.mul(g, b.sigmoid(x))])
/** Not a number is not made 0: it must be seen. y > 0 where x > 0: x need not be kept. */
export const relu: Op<1> = of(
  (x) => (x <= 0 ? 0 : x),
  ({ b, y, g }) => [b.mul(g, b.step(y))],
  "away from zero",
)
/** 1 where x > 0, else 0. */
export const step: Op<1> = of((x) => (x > 0 ? 1 : 0), "constant", "away from zero")
/** 1 where x is exactly `value`, else 0. */
export const equals: Op<1, { readonly value: number }, readonly [value: number]> = {
  ...eachNumber({ value: 1 }),
  attributes: (value) => ({ value }),
  meaning: ([x], { value }) => map(x, (y) => (y === value ? 1 : 0)),
  gradient: "constant",
}
/** x · by */
export const scale: Op<1, { readonly by: number }, readonly [by: number]> = {
  ...eachNumber({ by: 2 }),
  attributes: (by) => ({ by }),
  fold: (_, [x], { by }) => (by === 1 ? x : undefined),
  meaning: ([x], { by }) => map(x, (y) => y * by),
  gradient: ({ b, attrs, g }) => [b.scale(g, attrs.by)],
}
/** x + by */
export const shift: Op<1, { readonly by: number }, readonly [by: number]> = {
  ...eachNumber({ by: 2 }),
  attributes: (by) => ({ by }),
  fold: (_, [x], { by }) => (by === 0 ? x : undefined),
  meaning: ([x], { by }) => map(x, (y) => y + by),
  gradient: ({ g }) => [g],
}

export const pointwise = {
  neg,
  exp,
  log,
  sqrt,
  sin,
  cos,
  tanh,
  erf,
  abs,
  sigmoid,
  softplus,
  relu,
  step,
  equals,
  scale,
  shift,
}

// ---- of two numbers

/** Sums a gradient over the axes on which its operand was repeated. */
export const unbroadcast = (b: Builder, g: Value, shape: Shape): Value => {
  const from = b.shapeOf(g)
  const lead = from.length - shape.length
  const axes = from.flatMap((extent, i) => (i < lead || (shape[i - lead] === 1 && extent !== 1) ? [i] : []))
  return axes.length === 0 ? g : b.reshape(b.reduceSum(g, { axes, keepDims: true }), shape)
}
const pairShapes: readonly (readonly [Shape, Shape])[] = [
  [[3, 5], []],
  [
    [1, 1],
    [1, 1],
  ],
  [
    [3, 1],
    [1, 5],
  ],
  [
    [2, 1, 3],
    [4, 1],
  ],
]
/** What all ops on two numbers have in common. */
export const eachPair = {
  operands: 2,
  shape: ([x, y]: readonly [Shape, Shape]) => broadcast(x, y),
  flops: 1,
  examples: [{ attrs: none, inputs: [[3, 5], [5]] }],
  edges: pairShapes.map((inputs) => ({ attrs: none, inputs })),
} as const satisfies Partial<Op<2>>
type OfBoth = (b: Builder, x: Value, y: Value, g: Value, quotient: Value) => readonly [() => Value, () => Value]
const ofPair = (f: (x: number, y: number) => number, slopes: OfBoth, domain: Op["domain"] = "any"): Op<2> => {
  const gradient: Gradient<2, None> = ({ b, x: [x, y], y: value, g, needs }) => {
    const [dx, dy] = slopes(b, x, y, g, value)
    return [
      needs(0) ? unbroadcast(b, dx(), b.shapeOf(x)) : undefined,
      needs(1) ? unbroadcast(b, dy(), b.shapeOf(y)) : undefined,
    ]
  }
  return { ...eachPair, meaning: ([x, y]) => zip(x, y, f), gradient, domain }
}

export const add: Op<2> = ofPair(
  (x, y) => x + y,
  (_b, _x, _y, g) => [() => g, () => g],
)
export const sub: Op<2> = ofPair(
  (x, y) => x - y,
  (b, _x, _y, g) => [() => g, () => b.neg(g)],
)
export const mul: Op<2> = ofPair(
  (x, y) => x * y,
  (b, x, y, g) => [() => b.mul(g, y), () => b.mul(g, x)],
)
export const div: Op<2> = ofPair(
  (x, y) => x / y,
  (b, _, y, g, quotient) => {
    const dx = b.div(g, y)
    return [() => dx, () => b.neg(b.mul(dx, quotient))]
  },
  "away from zero",
)
/** Where both are equal, each takes half of the gradient: as in PyTorch. */
export const maximum: Op<2> = ofPair(
  Math.max,
  (b, x, y, g) => {
    const difference = b.sub(x, y)
    const [first, second] = [b.step(difference), b.step(b.neg(difference))]
    // (1 + [own larger] − [other larger]) / 2
    const share = (own: Value, other: Value) => b.scale(b.shift(b.sub(own, other), 1), 0.5)
    return [() => b.mul(g, share(first, second)), () => b.mul(g, share(second, first))]
  },
  "distinct",
)

export const pairs = { add, sub, mul, div, maximum }
