/** Layer norm over the last axis. */
import type { Builder, Value } from "../ir/builder.ts"
import { array } from "../ir/evaluate/array.ts"
import { type Shape, sizeOf } from "../ir/graph.ts"
import { belongs, check, lastOf, sameShape, show } from "../ir/shapes.ts"
import type { Composite } from "./op.ts"
import { overLast } from "./softmax.ts"

export interface NormAttrs {
  readonly eps: number
}
const rowsOf = (x: Shape): number => sizeOf(x.slice(0, -1))

const moments = (x: Float64Array, from: number, n: number, eps: number): readonly [mean: number, inverse: number] => {
  let mean = 0
  for (let i = from; i < from + n; i += 1) mean += x[i]! / n
  let variance = 0
  for (let i = from; i < from + n; i += 1) variance += (x[i]! - mean) ** 2 / n
  return [mean, 1 / Math.sqrt(variance + eps)]
}
const normal = (b: Builder, x: Value, eps: number) => {
  const axes = overLast(b, x)
  const centred = b.sub(x, b.reduceMean(x, axes))
  const deviation = b.sqrt(b.shift(b.reduceMean(b.mul(centred, centred), axes), eps))
  return { axes, deviation, hat: b.div(centred, deviation) }
}

/** x, gamma, beta. */
export const layerNorm: Composite<3, NormAttrs> = {
  operands: 3,
  shape: ([x, gamma, beta]) => {
    check(
      sameShape(gamma, x.slice(-1)) && sameShape(beta, gamma),
      () => `a norm of ${show(gamma)} does not fit ${show(x)}`,
    )
    return x
  },
  meaning: ([x, gamma, beta], { eps }) => {
    const out = array(x.shape)
    const n = lastOf(x.shape)
    for (let at = 0; at < x.data.length; at += n) {
      const [mean, inverse] = moments(x.data, at, n, eps)
      for (let i = 0; i < n; i += 1)
        out.data[at + i] = (x.data[at + i]! - mean) * inverse * gamma.data[i]! + beta.data[i]!
    }
    return out
  },
  /** Mean, centred, variance, divided, and the affine part; a mean, a mean, a shift and a root for each row. */
  flops: (_, __, shape) => 7 * sizeOf(shape) + 4 * rowsOf(shape),
  gradient: ({ b, x: [x, gamma], attrs, g }) => {
    const all = b.layerNormGrad(x, gamma, g, attrs)
    return [0, 1, 2].map((i) => b.part(all, i))
  },
  decompose: (b, [x, gamma, beta], { eps }) => b.add(b.mul(normal(b, x, eps).hat, gamma), beta),
  examples: [{ attrs: { eps: 1e-6 }, inputs: [[3, 8], [8], [8]] }],
  edges: [
    { attrs: { eps: 0.1 }, inputs: [[3, 1], [1], [1]] },
    { attrs: { eps: 0.1 }, inputs: [[1, 1, 8], [8], [8]] },
    { attrs: { eps: 0.1 }, inputs: [[8], [8], [8]] },
  ],
}
/** x, gamma, gradient → parts dx, dgamma, dbeta. */
export const layerNormGrad: Composite<3, NormAttrs> = {
  operands: 3,
  shape: ([x, gamma, g]) => {
    check(sameShape(gamma, x.slice(-1)), () => `a norm of ${show(gamma)} does not fit ${show(x)}`)
    belongs(g, x)
    return { parts: [x, gamma, gamma] }
  },
  meaning: ([x, gamma, g], { eps }) => {
    const [dx, dgamma, dbeta] = [array(x.shape), array(gamma.shape), array(gamma.shape)]
    const n = lastOf(x.shape)
    for (let at = 0; at < x.data.length; at += n) {
      const [mean, inverse] = moments(x.data, at, n, eps)
      const hat = (i: number) => (x.data[at + i]! - mean) * inverse
      const h = (i: number) => g.data[at + i]! * gamma.data[i]!
      let meanH = 0
      let meanHx = 0
      for (let i = 0; i < n; i += 1) {
        meanH += h(i) / n
        meanHx += (h(i) * hat(i)) / n
        dgamma.data[i]! += g.data[at + i]! * hat(i)
        dbeta.data[i]! += g.data[at + i]!
      }
      for (let i = 0; i < n; i += 1) dx.data[at + i] = inverse * (h(i) - meanH - hat(i) * meanHx)
    }
    return [dx, dgamma, dbeta]
  },
  flops: (_, __, shape) => 16 * sizeOf(shape) + 6 * rowsOf(shape),
  gradient: "first order only",
  again: true,
  decompose: (b, [x, gamma, g], { eps }) => {
    const { axes, deviation, hat } = normal(b, x, eps)
    const h = b.mul(g, gamma)
    const centred = b.sub(h, b.reduceMean(h, axes))
    const dx = b.div(b.sub(centred, b.mul(hat, b.reduceMean(b.mul(h, hat), axes))), deviation)
    const width = lastOf(b.shapeOf(gamma))
    const rows = (y: Value) => b.reshape(y, [sizeOf(b.shapeOf(y)) / width, width])
    const total = (y: Value) => b.reduceSum(rows(y), { axes: [0], keepDims: false })
    return [dx, total(b.mul(g, hat)), total(g)]
  },
  examples: [{ attrs: { eps: 1e-6 }, inputs: [[3, 8], [8], [3, 8]] }],
  edges: [
    { attrs: { eps: 0.1 }, inputs: [[3, 1], [1], [3, 1]] },
    { attrs: { eps: 0.1 }, inputs: [[1, 1, 8], [8], [1, 1, 8]] },
    { attrs: { eps: 0.1 }, inputs: [[8], [8], [8]] },
  ],
}

export const norms = { layerNorm, layerNormGrad }
