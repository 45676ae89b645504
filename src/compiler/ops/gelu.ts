/** GELU, the exact one: x·Φ(x). */
import type { Builder, Value } from "../ir/builder.ts"
import { map, zip } from "../ir/evaluate/array.ts"
import { belongs } from "../ir/shapes.ts"
import { gelu as geluOf, geluSlope } from "./functions.ts"
import { type Composite, none } from "./op.ts"
import { eachNumber } from "./pointwise.ts"

/** Φ(x), the normal distribution function. */
const phi = (b: Builder, x: Value): Value => b.scale(b.shift(b.erf(b.scale(x, Math.SQRT1_2)), 1), 0.5)

export const gelu: Composite<1> = {
  ...eachNumber(none),
  meaning: ([x]) => map(x, geluOf),
  flops: 5,
  gradient: ({ b, x: [x], g }) => [b.geluGrad(x, g)],
  decompose: (b, [x]) => b.mul(x, phi(b, x)),
}
/** x, gradient → g·(Φ(x) + x·φ(x)). */
export const geluGrad: Composite<2> = {
  operands: 2,
  shape: ([x, g]) => {
    belongs(g, x)
    return x
  },
  meaning: ([x, g]) => zip(x, g, (y, slope) => geluSlope(y) * slope),
  flops: 11,
  gradient: "first order only",
  again: true,
  decompose: (b, [x, g]) => {
    const below = phi(b, x)
    const density = b.scale(b.exp(b.scale(b.mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI))
    return b.mul(g, b.add(below, b.mul(x, density)))
  },
  examples: [
    {
      attrs: none,
      inputs: [
        [3, 8],
        [3, 8],
      ],
    },
  ],
  edges: [
    { attrs: none, inputs: [[], []] },
    {
      attrs: none,
      inputs: [
        [1, 5, 1],
        [1, 5, 1],
      ],
    },
  ],
}

export const gelus = { gelu, geluGrad }
