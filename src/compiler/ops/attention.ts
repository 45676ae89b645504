/** Attention, plain and with decomposed relative positions on a grid of tokens. Gradients compute the probabilities again. */
import { type Array64, array, map } from "../ir/evaluate/array.ts"
import { type Shape, sizeOf } from "../ir/graph.ts"
import { belongs, check, type Image, sameShape, show } from "../ir/shapes.ts"
import * as pieces from "./attentionPieces.ts"
import type { Composite } from "./op.ts"
import { multiplied } from "./products.ts"
import { softmaxEach, softmaxOf, softmaxSlope } from "./softmax.ts"

export interface AttentionAttrs {
  readonly scale: number
}
/** Tokens lie on a grid, row by row: token t is at (t div width, t mod width). */
export interface RelPosAttrs {
  readonly scale: number
  readonly height: number
  readonly width: number
}

// ---- shapes and counts

const outputShape = (q: Shape, k: Shape, v: Shape): Shape => {
  const [b, h, n, d] = q as Image
  const fits =
    q.length === 4 &&
    k.length === 4 &&
    v.length === 4 &&
    d === k[3] &&
    k[2] === v[2] &&
    sameShape(q.slice(0, 2), k.slice(0, 2)) &&
    sameShape(k.slice(0, 2), v.slice(0, 2))
  check(
    fits,
    () => `attention takes q [b, h, n, d], k [b, h, m, d], v [b, h, m, e], not ${show(q)}, ${show(k)}, ${show(v)}`,
  )
  return [b, h, n, (v as Image)[3]]
}
const checkGrid = ({ height, width }: RelPosAttrs, q: Shape, tableH: Shape, tableW: Shape): void => {
  const [, , n, d] = q as Image
  check(n === height * width, () => `${n} tokens do not make a grid of ${height} × ${width}`)
  const fits = sameShape(tableH, [2 * height - 1, d]) && sameShape(tableW, [2 * width - 1, d])
  check(
    fits,
    () =>
      `relative positions for ${height} × ${width} are [${2 * height - 1}, ${d}] and [${2 * width - 1}, ${d}], not ${show(tableH)} and ${show(tableW)}`,
  )
}

const forwardFlops = (q: Shape, v: Shape): number => {
  const [b, h, n, d] = q as Image
  const [, , m, e] = v as Image
  return b * h * n * (2 * m * (d + e) + d + softmaxEach * m)
}
/** Scores again, then dv, dp, dq and dk; ds = p · (dp − Σ g·out); q and dq scaled. */
const backwardFlops = (q: Shape, v: Shape): number => {
  const [b, h, n, d] = q as Image
  const [, , m, e] = v as Image
  return b * h * n * (2 * m * (3 * d + 2 * e) + (softmaxEach + 2) * m + 2 * d + 2 * e)
}
/** q times a row of each table for each other row and column. */
const positionFlops = (q: Shape, { height, width }: RelPosAttrs): number => 2 * sizeOf(q) * (height + width)
/** Two numbers for each score: added to it, or collected from its gradient. */
const twoEach = (q: Shape): number => {
  const [b, h, n] = q as Image
  return 2 * b * h * n * n
}

// ---- meaning

const plain = { transposeA: false, transposeB: false }
const rightT = { transposeA: false, transposeB: true }
const leftT = { transposeA: true, transposeB: false }

type Bias = (head: number, query: number, key: number) => number
const scores = (q: Array64, k: Array64, scale: number, bias?: Bias): Array64 => {
  const s = map(multiplied(q, k, rightT), (x) => x * scale)
  if (bias !== undefined) {
    const [b, h, n, m] = s.shape as Image
    for (let head = 0; head < b * h; head += 1)
      for (let i = 0; i < n; i += 1) for (let j = 0; j < m; j += 1) s.data[(head * n + i) * m + j]! += bias(head, i, j)
  }
  return s
}
const attended = (q: Array64, k: Array64, v: Array64, scale: number, bias?: Bias): Array64 =>
  multiplied(softmaxOf(scores(q, k, scale, bias)), v, plain)
/** dq, dk, dv, and the gradient of the scores. */
const slopes = (q: Array64, k: Array64, v: Array64, g: Array64, scale: number, bias?: Bias) => {
  const p = softmaxOf(scores(q, k, scale, bias))
  const ds = softmaxSlope(p, multiplied(g, v, rightT))
  const scaled = map(ds, (x) => x * scale)
  return [multiplied(scaled, k, plain), multiplied(scaled, q, leftT), multiplied(p, g, leftT), ds] as const
}

/** q · tableH[i − i' + height − 1] + q · tableW[j − j' + width − 1], for tokens (i, j) and (i', j'). */
const relPosBias = (q: Array64, tableH: Array64, tableW: Array64, { height, width }: RelPosAttrs): Bias => {
  const [, , n, d] = q.shape as Image
  const dot = (at: number, table: Array64, row: number): number => {
    let sum = 0
    for (let c = 0; c < d; c += 1) sum += q.data[at + c]! * table.data[row * d + c]!
    return sum
  }
  return (head, i, j) => {
    const at = (head * n + i) * d
    const dy = Math.floor(i / width) - Math.floor(j / width) + height - 1
    const dx = (i % width) - (j % width) + width - 1
    return dot(at, tableH, dy) + dot(at, tableW, dx)
  }
}
const relPosSlopes = (
  q: Array64,
  k: Array64,
  v: Array64,
  tableH: Array64,
  tableW: Array64,
  g: Array64,
  attrs: RelPosAttrs,
): readonly Array64[] => {
  const { scale, height, width } = attrs
  const [dq, dk, dv, ds] = slopes(q, k, v, g, scale, relPosBias(q, tableH, tableW, attrs))
  const [dH, dW] = [array(tableH.shape), array(tableW.shape)]
  const [b, h, n, d] = q.shape as Image
  for (let head = 0; head < b * h; head += 1)
    for (let i = 0; i < n; i += 1)
      for (let j = 0; j < n; j += 1) {
        const slope = ds.data[(head * n + i) * n + j]!
        const at = (head * n + i) * d
        const y = (Math.floor(i / width) - Math.floor(j / width) + height - 1) * d
        const x = ((i % width) - (j % width) + width - 1) * d
        for (let c = 0; c < d; c += 1) {
          dq.data[at + c]! += slope * (tableH.data[y + c]! + tableW.data[x + c]!)
          dH.data[y + c]! += slope * q.data[at + c]!
          dW.data[x + c]! += slope * q.data[at + c]!
        }
      }
  return [dq, dk, dv, dH, dW]
}

// ---- examples

const of = (b: number, h: number, n: number, m: number, d: number, e: number) =>
  [
    [b, h, n, d],
    [b, h, m, d],
    [b, h, m, e],
  ] as const
const outs = (b: number, h: number, n: number, e: number) =>
  [
    [b, h, n, e],
    [b, h, n, e],
  ] as const
const sizes = [
  { when: "head widths divisible by 4", d: 8 },
  { when: "other head widths", d: 6 },
] as const
const edges = [
  [1, 1, 1, 1, 1, 1],
  [2, 1, 5, 1, 4, 4],
  [1, 2, 1, 5, 4, 4],
  [1, 1, 3, 4, 1, 1],
  [2, 1, 3, 4, 4, 1],
] as const
const half = { scale: 0.5 }
const grid = { scale: 0.5, height: 2, width: 3 }
const onGrid = ({ height, width }: RelPosAttrs, b: number, h: number, d: number) =>
  [...of(b, h, height * width, height * width, d, d), [2 * height - 1, d], [2 * width - 1, d]] as const
const gridEdges = [
  [{ ...grid, height: 1 }, 1, 1, 4],
  [{ ...grid, width: 1 }, 2, 1, 4],
  [{ ...grid, height: 1, width: 1 }, 1, 2, 4],
  [grid, 1, 1, 1],
] as const

// ---- records

/** q [b, h, n, d], k [b, h, m, d], v [b, h, m, e] → [b, h, n, e]. */
export const attention: Composite<3, AttentionAttrs> = {
  operands: 3,
  shape: ([q, k, v]) => outputShape(q, k, v),
  meaning: ([q, k, v], { scale }) => attended(q, k, v, scale),
  flops: ([q, , v]) => forwardFlops(q, v),
  gradient: ({ b, x: [q, k, v], attrs, y, g }) => {
    const all = b.attentionGrad(q, k, v, y, g, attrs)
    return [0, 1, 2].map((i) => b.part(all, i))
  },
  decompose: (b, [q, k, v], attrs, most) => pieces.attend(b, { q: b.scale(q, attrs.scale), k, v }, most),
  examples: sizes.map(({ when, d }) => ({ when, attrs: half, inputs: of(1, 2, 6, 6, d, d) })),
  edges: edges.map(([b, h, n, m, d, e]) => ({ attrs: half, inputs: of(b, h, n, m, d, e) })),
}
/** q, k, v, out, gradient → parts dq, dk, dv. Probabilities are computed again, not kept. */
export const attentionGrad: Composite<5, AttentionAttrs> = {
  operands: 5,
  shape: ([q, k, v, out, g]) => {
    belongs(out, outputShape(q, k, v))
    belongs(g, out)
    return { parts: [q, k, v] }
  },
  meaning: ([q, k, v, , g], { scale }) => slopes(q, k, v, g, scale).slice(0, 3),
  flops: ([q, , v]) => backwardFlops(q, v),
  gradient: "first order only",
  again: true,
  decompose: (b, [q, k, v, out, g], { scale }, most) => {
    const grad = pieces.attendGrad(b, { q: b.scale(q, scale), k, v, out, g }, most)
    return [b.scale(grad.q, scale), grad.k, grad.v]
  },
  examples: sizes.map(({ when, d }) => ({ when, attrs: half, inputs: [...of(1, 2, 6, 6, d, d), ...outs(1, 2, 6, d)] })),
  edges: edges.map(([b, h, n, m, d, e]) => ({ attrs: half, inputs: [...of(b, h, n, m, d, e), ...outs(b, h, n, e)] })),
}
/** q, k, v [b, h, n, d], tables [2·height−1, d] and [2·width−1, d]; the bias uses the unscaled q. */
export const relPosAttention: Composite<5, RelPosAttrs> = {
  operands: 5,
  shape: ([q, k, v, tableH, tableW], attrs) => {
    const shape = outputShape(q, k, v)
    checkGrid(attrs, q, tableH, tableW)
    return shape
  },
  meaning: ([q, k, v, tableH, tableW], attrs) => attended(q, k, v, attrs.scale, relPosBias(q, tableH, tableW, attrs)),
  flops: ([q, , v], attrs) => forwardFlops(q, v) + positionFlops(q, attrs) + twoEach(q),
  gradient: ({ b, x: [q, k, v, tableH, tableW], attrs, y, g }) => {
    const all = b.relPosAttentionGrad(q, k, v, tableH, tableW, y, g, attrs)
    return [0, 1, 2, 3, 4].map((i) => b.part(all, i))
  },
  decompose: (b, inputs, attrs, most) => pieces.relPosAttention(b, inputs, attrs, most),
  examples: sizes.map(({ when, d }) => ({ when, attrs: grid, inputs: onGrid(grid, 1, 2, d) })),
  edges: gridEdges.map(([attrs, b, h, d]) => ({ attrs, inputs: onGrid(attrs, b, h, d) })),
}
/** q, k, v, tableH, tableW, out, gradient → parts dq, dk, dv, dtableH, dtableW. */
export const relPosAttentionGrad: Composite<7, RelPosAttrs> = {
  operands: 7,
  shape: ([q, k, v, tableH, tableW, out, g], attrs) => {
    belongs(out, outputShape(q, k, v))
    checkGrid(attrs, q, tableH, tableW)
    belongs(g, out)
    return { parts: [q, k, v, tableH, tableW] }
  },
  meaning: ([q, k, v, tableH, tableW, , g], attrs) => relPosSlopes(q, k, v, tableH, tableW, g, attrs),
  /** The bias again; then from the scores' gradient to q and to the tables. */
  flops: ([q, , v], attrs) => backwardFlops(q, v) + 3 * positionFlops(q, attrs) + 2 * twoEach(q),
  gradient: "first order only",
  again: true,
  decompose: (b, inputs, attrs, most) => pieces.relPosAttentionGrad(b, inputs, attrs, most),
  examples: sizes.map(({ when, d }) => ({
    when,
    attrs: grid,
    inputs: [...onGrid(grid, 1, 2, d), ...outs(1, 2, 6, d)],
  })),
  edges: gridEdges.map(([attrs, b, h, d]) => ({
    attrs,
    inputs: [...onGrid(attrs, b, h, d), ...outs(b, h, attrs.height * attrs.width, d)],
  })),
}

export const attentions = { attention, attentionGrad, relPosAttention, relPosAttentionGrad }
