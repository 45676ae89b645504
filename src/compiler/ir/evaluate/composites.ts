/** Composites evaluated from their formulas, not from their decompositions: each checks the other. */
import type { OpAttrs, Shape } from "../graph.ts"
import { sizeOf } from "../graph.ts"
import { type Array64, array } from "./array.ts"
import { map, zip } from "./pointwise.ts"
import { linear, matmul } from "./products.ts"

const rowsOf = (shape: Shape): readonly [rows: number, width: number] => [sizeOf(shape.slice(0, -1)), shape.at(-1)!]

export const softmax = (x: Array64): Array64 => {
  const out = array(x.shape)
  const [rows, n] = rowsOf(x.shape)
  for (let r = 0; r < rows; r += 1) {
    const row = x.data.subarray(r * n, (r + 1) * n)
    const top = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
    let sum = 0
    for (let i = 0; i < n; i += 1) sum += out.data[r * n + i] = Math.exp(row[i]! - top)
    for (let i = 0; i < n; i += 1) out.data[r * n + i]! /= sum
  }
  return out
}
/** y · (g − Σ g·y) */
export const softmaxGrad = (y: Array64, g: Array64): Array64 => {
  const out = array(y.shape)
  const [rows, n] = rowsOf(y.shape)
  for (let r = 0; r < rows; r += 1) {
    let dot = 0
    for (let i = r * n; i < (r + 1) * n; i += 1) dot += y.data[i]! * g.data[i]!
    for (let i = r * n; i < (r + 1) * n; i += 1) out.data[i] = y.data[i]! * (g.data[i]! - dot)
  }
  return out
}

const moments = (x: Float64Array, from: number, n: number, eps: number): readonly [mean: number, inverse: number] => {
  let mean = 0
  for (let i = from; i < from + n; i += 1) mean += x[i]! / n
  let variance = 0
  for (let i = from; i < from + n; i += 1) variance += (x[i]! - mean) ** 2 / n
  return [mean, 1 / Math.sqrt(variance + eps)]
}
export const layerNorm = (x: Array64, gamma: Array64, beta: Array64, eps: number): Array64 => {
  const out = array(x.shape)
  const [rows, n] = rowsOf(x.shape)
  for (let r = 0; r < rows; r += 1) {
    const [mean, inverse] = moments(x.data, r * n, n, eps)
    for (let i = 0; i < n; i += 1)
      out.data[r * n + i] = (x.data[r * n + i]! - mean) * inverse * gamma.data[i]! + beta.data[i]!
  }
  return out
}
export const layerNormGrad = (x: Array64, gamma: Array64, g: Array64, eps: number): readonly Array64[] => {
  const [dx, dgamma, dbeta] = [array(x.shape), array(gamma.shape), array(gamma.shape)]
  const [rows, n] = rowsOf(x.shape)
  for (let r = 0; r < rows; r += 1) {
    const [mean, inverse] = moments(x.data, r * n, n, eps)
    const hat = (i: number) => (x.data[r * n + i]! - mean) * inverse
    const h = (i: number) => g.data[r * n + i]! * gamma.data[i]!
    let meanH = 0
    let meanHx = 0
    for (let i = 0; i < n; i += 1) {
      meanH += h(i) / n
      meanHx += (h(i) * hat(i)) / n
      dgamma.data[i]! += g.data[r * n + i]! * hat(i)
      dbeta.data[i]! += g.data[r * n + i]!
    }
    for (let i = 0; i < n; i += 1) dx.data[r * n + i] = inverse * (h(i) - meanH - hat(i) * meanHx)
  }
  return [dx, dgamma, dbeta]
}

const plain = { transposeA: false, transposeB: false }
const rightT = { transposeA: false, transposeB: true }
const leftT = { transposeA: true, transposeB: false }

type Bias = (head: number, query: number, key: number) => number
const scores = (q: Array64, k: Array64, scale: number, bias?: Bias): Array64 => {
  const s = map(matmul(q, k, rightT), (x) => x * scale)
  if (bias !== undefined) {
    const [b, h, n, m] = s.shape as [number, number, number, number]
    for (let head = 0; head < b * h; head += 1)
      for (let i = 0; i < n; i += 1) for (let j = 0; j < m; j += 1) s.data[(head * n + i) * m + j]! += bias(head, i, j)
  }
  return s
}
export const attention = (q: Array64, k: Array64, v: Array64, scale: number, bias?: Bias): Array64 =>
  matmul(softmax(scores(q, k, scale, bias)), v, plain)

/** dq, dk, dv, and the gradient of the scores. */
export const attentionGrad = (
  q: Array64,
  k: Array64,
  v: Array64,
  g: Array64,
  scale: number,
  bias?: Bias,
): readonly Array64[] => {
  const p = softmax(scores(q, k, scale, bias))
  const ds = softmaxGrad(p, matmul(g, v, rightT))
  const scaled = map(ds, (x) => x * scale)
  return [matmul(scaled, k, plain), matmul(scaled, q, leftT), matmul(p, g, leftT), ds]
}

/** q · tableH[i − i' + height − 1] + q · tableW[j − j' + width − 1], for tokens (i, j) and (i', j'). */
const relPosBias = (
  q: Array64,
  tableH: Array64,
  tableW: Array64,
  { height, width }: OpAttrs["relPosAttention"],
): Bias => {
  const [, , n, d] = q.shape as [number, number, number, number]
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
export const relPosAttention = (
  [q, k, v, tableH, tableW]: readonly Array64[],
  attrs: OpAttrs["relPosAttention"],
): Array64 => attention(q!, k!, v!, attrs.scale, relPosBias(q!, tableH!, tableW!, attrs))

export const relPosAttentionGrad = (
  [q, k, v, tableH, tableW, , g]: readonly Array64[],
  attrs: OpAttrs["relPosAttention"],
): readonly Array64[] => {
  const { scale, height, width } = attrs
  const [dq, dk, dv, ds] = attentionGrad(q!, k!, v!, g!, scale, relPosBias(q!, tableH!, tableW!, attrs)) as [
    Array64,
    Array64,
    Array64,
    Array64,
  ]
  const [dH, dW] = [array(tableH!.shape), array(tableW!.shape)]
  const [b, h, n, d] = q!.shape as [number, number, number, number]
  for (let head = 0; head < b * h; head += 1)
    for (let i = 0; i < n; i += 1)
      for (let j = 0; j < n; j += 1) {
        const slope = ds.data[(head * n + i) * n + j]!
        const at = (head * n + i) * d
        const y = (Math.floor(i / width) - Math.floor(j / width) + height - 1) * d
        const x = ((i % width) - (j % width) + width - 1) * d
        for (let c = 0; c < d; c += 1) {
          dq.data[at + c]! += slope * (tableH!.data[y + c]! + tableW!.data[x + c]!)
          dH.data[y + c]! += slope * q!.data[at + c]!
          dW.data[x + c]! += slope * q!.data[at + c]!
        }
      }
  return [dq, dk, dv, dH, dW]
}

/** For each output index: the two neighbours and the share of the second. Half-pixel centres, clamped (align_corners=False). */
export const bilinearTaps = (
  from: number,
  to: number,
): readonly (readonly [low: number, high: number, share: number])[] =>
  Array.from({ length: to }, (_, i) => {
    const at = Math.max(0, ((i + 0.5) * from) / to - 0.5)
    const low = Math.min(Math.floor(at), from - 1)
    return [low, Math.min(low + 1, from - 1), at - low] as const
  })
const eachBilinear = (small: Shape, large: Shape, visit: (from: number, to: number, weight: number) => void): void => {
  const [n, c, h, w] = small as [number, number, number, number]
  const [, , oh, ow] = large as [number, number, number, number]
  const rows = bilinearTaps(h, oh)
  const columns = bilinearTaps(w, ow)
  for (let plane = 0; plane < n * c; plane += 1)
    rows.forEach(([y0, y1, fy], y) =>
      columns.forEach(([x0, x1, fx], x) => {
        const to = (plane * oh + y) * ow + x
        const at = (row: number, column: number) => (plane * h + row) * w + column
        visit(at(y0, x0), to, (1 - fy) * (1 - fx))
        visit(at(y0, x1), to, (1 - fy) * fx)
        visit(at(y1, x0), to, fy * (1 - fx))
        visit(at(y1, x1), to, fy * fx)
      }),
    )
}
export const resizeBilinear = (x: Array64, shape: Shape): Array64 => {
  const out = array(shape)
  eachBilinear(x.shape, shape, (from, to, weight) => (out.data[to]! += weight * x.data[from]!))
  return out
}
export const resizeBilinearGrad = (g: Array64, shape: Shape): Array64 => {
  const out = array(shape)
  eachBilinear(shape, g.shape, (from, to, weight) => (out.data[from]! += weight * g.data[to]!))
  return out
}

export const adapter = ([x, down, downBias, up, upBias]: readonly Array64[]): Array64 =>
  zip(
    x!,
    linear(
      map(linear(x!, down!, downBias), (h) => Math.max(h, 0)),
      up!,
      upBias,
    ),
    (a, b) => a + b,
  )
