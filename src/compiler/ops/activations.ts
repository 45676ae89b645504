/** Activations, powers and clipping: composites of simpler ops on each number. */
import type { Builder, Value } from "../ir/builder.ts"
import { map, zip } from "../ir/evaluate/array.ts"
import type { Shape } from "../ir/graph.ts"
import { check } from "../ir/shapes.ts"
import { sigmoid } from "./functions.ts"
import { type Composite, none } from "./op.ts"
import { eachNumber, eachPair, unbroadcast } from "./pointwise.ts"

/** x·σ(x), which is called swish too. */
export const silu: Composite<1> = {
  ...eachNumber(none),
  meaning: ([x]) => map(x, (y) => y * sigmoid(y)),
  flops: 2,
  /** σ + y·(1 − σ) */
  gradient: ({ b, x: [x], y, g }) => {
    const s = b.sigmoid(x)
    return [b.mul(g, b.add(s, b.mul(y, b.shift(b.neg(s), 1))))]
  },
  decompose: (b, [x]) => b.mul(x, b.sigmoid(x)),
  domain: "wide",
}

/** x where it is positive, slope·x elsewhere. */
export const leakyRelu: Composite<1, { readonly slope: number }, readonly [slope: number]> = {
  ...eachNumber({ slope: 0.1 }),
  attributes: (slope) => ({ slope }),
  meaning: ([x], { slope }) => map(x, (y) => (y > 0 ? y : slope * y)),
  flops: 4,
  gradient: ({ b, x: [x], attrs: { slope }, g }) => [b.mul(g, b.shift(b.scale(b.step(x), 1 - slope), slope))],
  decompose: (b, [x], { slope }) => b.add(b.scale(b.relu(x), 1 - slope), b.scale(x, slope)),
  domain: "away from zero",
}

export interface Bounds {
  readonly low: number
  readonly high: number
}
/** 1 between the bounds, else 0. */
const inside = (b: Builder, x: Value, { low, high }: Bounds): Value =>
  b.mul(b.step(b.shift(x, -low)), b.step(b.shift(b.neg(x), high)))

/** x, but no less than `low` and no more than `high`; at the bounds the gradient is 0, as ReLU6's. */
export const clip: Composite<1, Bounds, readonly [low: number, high: number]> = {
  ...eachNumber({ low: -0.5, high: 0.4 }),
  attributes: (low, high) => ({ low, high }),
  shape: ([x], { low, high }) => {
    check(low < high && Number.isFinite(high - low), () => `nothing lies between ${low} and ${high}`)
    return x
  },
  meaning: ([x], { low, high }) => map(x, (y) => Math.min(Math.max(y, low), high)),
  flops: 4,
  gradient: ({ b, x: [x], attrs, g }) => [b.mul(g, inside(b, x, attrs))],
  decompose: (b, [x], { low, high }) => b.minimum(b.maximum(x, b.scalar(low)), b.scalar(high)),
}
/** x·clip(x + 3, 0, 6)/6 */
export const hardswish: Composite<1> = {
  ...eachNumber(none),
  meaning: ([x]) => map(x, (y) => (y * Math.min(Math.max(y + 3, 0), 6)) / 6),
  flops: 7,
  gradient: ({ b, x: [x], g }) => {
    const gate = b.clip(b.shift(x, 3), 0, 6)
    return [b.mul(g, b.scale(b.add(gate, b.mul(x, inside(b, x, { low: -3, high: 3 }))), 1 / 6))]
  },
  decompose: (b, [x]) => b.scale(b.mul(x, b.clip(b.shift(x, 3), 0, 6)), 1 / 6),
  domain: "wide",
}

/** Powers with whole exponents are products, so that x may be negative. */
const power = (b: Builder, x: Value, exponent: number): Value => {
  if (exponent === 1) return x
  if (exponent < 0) return b.div(b.scalar(1), power(b, x, -exponent))
  if (exponent === 0.5) return b.sqrt(x)
  if (!Number.isInteger(exponent) || exponent > 64) return b.exp(b.scale(b.log(x), exponent))
  const half = power(b, x, Math.floor(exponent / 2))
  const square = b.mul(half, half)
  return exponent % 2 === 0 ? square : b.mul(square, x)
}
const exponents = [2, 3, -1, -2, 0.5, 1.7] as const
/** x to a power that is known before the program runs; not a number where x is negative and the exponent is not whole. */
export const pow: Composite<1, { readonly exponent: number }, readonly [exponent: number]> = {
  ...eachNumber({ exponent: 2 }),
  attributes: (exponent) => ({ exponent }),
  fold: (_, [x], { exponent }) => (exponent === 1 ? x : undefined),
  shape: ([x], { exponent }) => {
    check(Number.isFinite(exponent) && exponent !== 0, () => `${exponent} is not an exponent`)
    return x
  },
  meaning: ([x], { exponent }) => map(x, (y) => y ** exponent),
  gradient: ({ b, x: [x], attrs: { exponent }, g }) => [b.mul(g, b.scale(b.pow(x, exponent - 1), exponent))],
  decompose: (b, [x], { exponent }) => power(b, x, exponent),
  domain: "positive",
  examples: exponents.map((exponent) => ({ when: `exponent ${exponent}`, attrs: { exponent }, inputs: [[3, 5]] })),
}

/** The smaller of two; where both are equal, each takes half of the gradient. */
export const minimum: Composite<2> = {
  ...eachPair,
  meaning: ([x, y]) => zip(x, y, Math.min),
  flops: 4,
  gradient: ({ b, x: [x, y], g, needs }) => {
    const difference = b.sub(y, x)
    const [first, second] = [b.step(difference), b.step(b.neg(difference))]
    const share = (own: Value, other: Value) => b.scale(b.shift(b.sub(own, other), 1), 0.5)
    const given = (own: Value, other: Value, shape: Shape) => unbroadcast(b, b.mul(g, share(own, other)), shape)
    return [
      needs(0) ? given(first, second, b.shapeOf(x)) : undefined,
      needs(1) ? given(second, first, b.shapeOf(y)) : undefined,
    ]
  },
  decompose: (b, [x, y]) => b.neg(b.maximum(b.neg(x), b.neg(y))),
  domain: "distinct",
}

export const activations = { silu, leakyRelu, clip, hardswish, pow, minimum }
