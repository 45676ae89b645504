/** Products of matrices, and what is made of them: linear layers and adapters. */
import type { Builder, Value } from "../ir/builder.ts"
import { type Array64, array, broadcastStrides, eachOffset, map, zip } from "../ir/evaluate/array.ts"
import { type Shape, sizeOf } from "../ir/graph.ts"
import { broadcast, check, lastOf, planeOf, sameShape, show } from "../ir/shapes.ts"
import { transposed } from "./movement.ts"
import { type Composite, none, type Op, type Reached } from "./op.ts"
import { unbroadcast } from "./pointwise.ts"

export interface Transposed {
  readonly transposeA: boolean
  readonly transposeB: boolean
}

const swapped = (x: Array64): Array64 => {
  const perm = x.shape.map((_, i) => i)
  perm.splice(-2, 2, x.shape.length - 1, x.shape.length - 2)
  return transposed(x, perm)
}
/** out += a [m, k] · b [k, n], with the offsets at which each begins. */
const product = (
  out: Float64Array,
  o: number,
  a: Float64Array,
  ao: number,
  b: Float64Array,
  bo: number,
  m: number,
  k: number,
  n: number,
) => {
  for (let i = 0; i < m; i += 1)
    for (let p = 0; p < k; p += 1) {
      const x = a[ao + i * k + p]!
      if (x === 0) continue
      const row = bo + p * n
      const to = o + i * n
      for (let j = 0; j < n; j += 1) out[to + j]! += x * b[row + j]!
    }
}
/** a · b in float64, either transposed. */
export const multiplied = (a: Array64, b: Array64, { transposeA, transposeB }: Transposed): Array64 => {
  const left = transposeA ? swapped(a) : a
  const right = transposeB ? swapped(b) : b
  const [m, k] = planeOf(left.shape)
  const n = lastOf(right.shape)
  const batch = broadcast(left.shape.slice(0, -2), right.shape.slice(0, -2))
  const out = array([...batch, m, n])
  const rightOffsets: number[] = []
  eachOffset(batch, broadcastStrides(right.shape.slice(0, -2), batch), (_, offset) => rightOffsets.push(offset))
  eachOffset(batch, broadcastStrides(left.shape.slice(0, -2), batch), (i, offset) =>
    product(out.data, i * m * n, left.data, offset * m * k, right.data, rightOffsets[i]! * k * n, m, k, n),
  )
  return out
}

/** [..., m, k] × [..., k, n]; leading axes broadcast. */
export const matmul: Op<2, Transposed, readonly [how?: Partial<Transposed>]> = {
  operands: 2,
  attributes: ({ transposeA = false, transposeB = false } = {}) => ({ transposeA, transposeB }),
  shape: ([a, b], { transposeA, transposeB }) => {
    check(a.length >= 2 && b.length >= 2, () => `a product takes matrices, not ${show(a)} and ${show(b)}`)
    const [m, k] = transposeA ? planeOf(a).toReversed() : planeOf(a)
    const [k2, n] = transposeB ? planeOf(b).toReversed() : planeOf(b)
    check(
      k === k2,
      () => `inner extents differ: ${show(a)}${transposeA ? "ᵀ" : ""} × ${show(b)}${transposeB ? "ᵀ" : ""}`,
    )
    return [...broadcast(a.slice(0, -2), b.slice(0, -2)), m!, n!]
  },
  meaning: ([a, b], attrs) => multiplied(a, b, attrs),
  flops: ([a], { transposeA }, shape) => 2 * sizeOf(shape) * planeOf(a)[transposeA ? 0 : 1],
  gradient: ({ b, x: [x, y], attrs: { transposeA: ta, transposeB: tb }, g, needs }) => {
    const dx = () => (ta ? b.matmul(y, g, { transposeA: tb, transposeB: true }) : b.matmul(g, y, { transposeB: !tb }))
    const dy = () => (tb ? b.matmul(g, x, { transposeA: true, transposeB: ta }) : b.matmul(x, g, { transposeA: !ta }))
    return [
      needs(0) ? unbroadcast(b, dx(), b.shapeOf(x)) : undefined,
      needs(1) ? unbroadcast(b, dy(), b.shapeOf(y)) : undefined,
    ]
  },
  examples: [
    {
      attrs: { transposeA: false, transposeB: false },
      inputs: [
        [2, 3, 4],
        [2, 4, 5],
      ],
    },
    {
      when: "aᵀ",
      attrs: { transposeA: true, transposeB: false },
      inputs: [
        [2, 4, 3],
        [2, 4, 5],
      ],
    },
    {
      when: "bᵀ",
      attrs: { transposeA: false, transposeB: true },
      inputs: [
        [2, 3, 4],
        [2, 5, 4],
      ],
    },
    {
      when: "batches that broadcast",
      attrs: { transposeA: false, transposeB: false },
      inputs: [
        [2, 1, 3, 4],
        [3, 4, 5],
      ],
    },
  ],
  edges: [false, true].flatMap((transposeA) =>
    [false, true].flatMap((transposeB) =>
      [
        [1, 4, 5],
        [3, 1, 5],
        [3, 4, 1],
        [1, 1, 5],
        [1, 4, 1],
        [3, 1, 1],
        [1, 1, 1],
      ].flatMap(([m = 1, k = 1, n = 1]) => {
        const a = transposeA ? [k, m] : [m, k]
        const b = transposeB ? [n, k] : [k, n]
        const batches: readonly (readonly [Shape, Shape])[] = [
          [a, b],
          [[2, ...a], b],
          [
            [2, ...a],
            [2, ...b],
          ],
        ]
        return batches.map((inputs) => ({ attrs: { transposeA, transposeB }, inputs }))
      }),
    ),
  ),
}
export const products = { matmul }

// ---- linear

/** [..., n] → [rows, n] */
const rows = (b: Builder, x: Value): Value => {
  const shape = b.shapeOf(x)
  return b.reshape(x, [sizeOf(shape.slice(0, -1)), lastOf(shape)])
}
/** y = x Wᵀ + c: dx = g W, dW = gᵀ x, dc = Σ g, over all rows. */
const linearGradients = (b: Builder, x: Value, weight: Value, g: Value, needs: (i: number) => boolean) =>
  [
    needs(0) ? b.matmul(g, weight) : undefined,
    needs(1) ? b.matmul(rows(b, g), rows(b, x), { transposeA: true }) : undefined,
    needs(2) ? b.reduceSum(rows(b, g), { axes: [0], keepDims: false }) : undefined,
  ] as const
/** x [..., in] · weightᵀ [in, out] + bias */
const affine = (x: Array64, w: Array64, bias?: Array64): Array64 => {
  const [gives, takes] = planeOf(w.shape)
  const flat = multiplied(array([sizeOf(x.shape) / takes, takes], x.data), w, { transposeA: false, transposeB: true })
  if (bias !== undefined) for (let i = 0; i < flat.data.length; i += 1) flat.data[i]! += bias.data[i % gives]!
  return array([...x.shape.slice(0, -1), gives], flat.data)
}

/** x [..., in] of two axes or more, weight [out, in], optionally bias [out]. */
export const linear: Composite<readonly [2, 3]> = {
  operands: [2, 3],
  shape: ([x, w, bias]) => {
    check(x.length >= 2 && w.length === 2 && lastOf(x) === w[1], () => `a weight ${show(w)} does not fit ${show(x)}`)
    const [gives] = planeOf(w)
    check(
      bias === undefined || sameShape(bias, [gives]),
      () => `a bias ${show(bias ?? [])} does not fit a weight ${show(w)}`,
    )
    return [...x.slice(0, -1), gives]
  },
  meaning: ([x, w, bias]) => affine(x, w, bias),
  flops: ([x, , bias], _, shape) => 2 * sizeOf(shape) * lastOf(x) + (bias === undefined ? 0 : sizeOf(shape)),
  gradient: ({ b, x: [x, weight], g, needs }) => linearGradients(b, x, weight, g, needs),
  decompose: (b, [x, w, bias]) => {
    const y = b.matmul(x, w, { transposeB: true })
    return bias === undefined ? y : b.add(y, bias)
  },
  examples: [{ attrs: none, inputs: [[3, 8], [5, 8], [5]] }],
  edges: [
    { attrs: none, inputs: [[3, 8], [1, 8], [1]] },
    { attrs: none, inputs: [[3, 1], [5, 1], [5]] },
    { attrs: none, inputs: [[1, 1, 8], [5, 8], [5]] },
    { attrs: none, inputs: [[2, 3, 8], [1, 8], [1]] },
    { attrs: none, inputs: [[1, 1], [1, 1], [1]] },
    {
      attrs: none,
      inputs: [
        [2, 3, 1],
        [5, 1],
      ],
    },
    {
      attrs: none,
      inputs: [
        [3, 8],
        [1, 8],
      ],
    },
  ],
}
export const linears = { linear }

// ---- adapter

const adapterGradient = ({ b, x: [x, down, downBias, up], g, needs }: Reached<5, object>) => {
  // The hidden features are computed again where they were fused away.
  const hidden = b.relu(b.linear(x, down, downBias))
  const [, dUp, dUpBias] = linearGradients(b, hidden, up, g, (i) => i > 0 && needs(i + 2))
  if (!needs(0) && !needs(1) && !needs(2)) return [undefined, undefined, undefined, dUp, dUpBias]
  const slope = b.mul(b.matmul(g, up), b.step(hidden))
  const [dx, dDown, dDownBias] = linearGradients(b, x, down, slope, needs)
  return [dx === undefined ? undefined : b.add(g, dx), dDown, dDownBias, dUp, dUpBias]
}

/** x + up(relu(down(x))): x [..., d], down [r, d], its bias [r], up [d, r], its bias [d]. */
export const adapter: Composite<5> = {
  operands: 5,
  shape: ([x, down, downBias, up, upBias]) => {
    const d = lastOf(x)
    const [r = 0] = down
    const fits =
      x.length >= 2 &&
      sameShape(down, [r, d]) &&
      sameShape(downBias, [r]) &&
      sameShape(up, [d, r]) &&
      sameShape(upBias, [d])
    check(fits, () => `an adapter ${show(down)}, ${show(up)} does not fit ${show(x)}`)
    return x
  },
  meaning: ([x, down, downBias, up, upBias]) => {
    const hidden = map(affine(x, down, downBias), (h) => Math.max(h, 0))
    return zip(x, affine(hidden, up, upBias), (a, b) => a + b)
  },
  flops: ([x, down]) => {
    const [rank, width] = planeOf(down)
    return sizeOf(x.slice(0, -1)) * (4 * rank * width + 2 * rank + 2 * width)
  },
  gradient: adapterGradient,
  decompose: (b, [x, down, downBias, up, upBias]) =>
    b.add(x, b.linear(b.relu(b.linear(x, down, downBias)), up, upBias)),
  domain: "away from zero",
  examples: [
    { when: "rank up to 4096", attrs: none, inputs: [[3, 8], [2, 8], [2], [8, 2], [8]] },
    { when: "higher rank", attrs: none, inputs: [[3, 8], [4100, 8], [4100], [8, 4100], [8]] },
  ],
  edges: [
    { attrs: none, inputs: [[3, 8], [1, 8], [1], [8, 1], [8]] },
    { attrs: none, inputs: [[3, 1], [2, 1], [2], [1, 2], [1]] },
    { attrs: none, inputs: [[1, 1, 8], [1, 8], [1], [8, 1], [8]] },
    { attrs: none, inputs: [[1, 1], [1, 1], [1], [1, 1], [1]] },
  ],
}
export const adapters = { adapter }
