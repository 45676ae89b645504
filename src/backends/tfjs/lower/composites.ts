/** The composites from plain kernels: what runs where there is no kernel of our own. */
import { type NodeOf, type Shape, sizeOf } from "../../../compiler/ir/graph.ts"
import type { Kernels, Value } from "../kernels.ts"
import { add, equal, gatherRows, meanLast, mul, reshape, scaled, shifted, sub, sum, transpose, unary } from "./basic.ts"
import { scatterRows } from "./gather.ts"
import { linear, matmul } from "./products.ts"

export const softmax = (k: Kernels, x: Value): Value => {
  const width = x.shape.at(-1)!
  const flat = reshape(k, x, [sizeOf(x.shape) / width, width])
  return reshape(k, k.run("Softmax", { logits: flat }, { dim: 1 }), x.shape)
}

/** dx = y·(g − Σ g·y) */
export const softmaxGrad = (k: Kernels, y: Value, gradient: Value): Value => {
  const product = mul(k, y, gradient)
  return sub(k, product, mul(k, y, sum(k, product, [y.shape.length - 1], true)))
}

/** (x − mean)/σ and 1/σ over the last axis. */
const normalised = (k: Kernels, x: Value, eps: number): { readonly hat: Value; readonly inverse: Value } => {
  const centred = sub(k, x, meanLast(k, x))
  const inverse = unary(k, "Rsqrt", shifted(k, meanLast(k, mul(k, centred, centred)), eps))
  return { hat: mul(k, centred, inverse), inverse }
}

export const layerNorm = (k: Kernels, eps: number, x: Value, gamma: Value, beta: Value): Value =>
  add(k, mul(k, normalised(k, x, eps).hat, gamma), beta)

/** With h the normalised x and t = g·γ: dx = (t − mean t − h·mean(t·h))/σ, dγ = Σ g·h, dβ = Σ g. */
export const layerNormGrad = (
  k: Kernels,
  eps: number,
  x: Value,
  gamma: Value,
  gradient: Value,
  wanted: (part: number) => boolean,
): readonly (Value | undefined)[] => {
  const { hat, inverse } = normalised(k, x, eps)
  const t = mul(k, gradient, gamma)
  const inner = sub(k, sub(k, t, meanLast(k, t)), mul(k, hat, meanLast(k, mul(k, t, hat))))
  const rows = [...x.shape.keys()].slice(0, -1)
  return [
    mul(k, inner, inverse),
    wanted(1) ? sum(k, mul(k, gradient, hat), rows) : undefined,
    wanted(2) ? sum(k, gradient, rows) : undefined,
  ]
}

/** Φ(x) = (1 + erf(x/√2))/2 */
const gaussian = (k: Kernels, x: Value): Value =>
  scaled(k, shifted(k, unary(k, "Erf", scaled(k, x, Math.SQRT1_2)), 1), 0.5)

export const gelu = (k: Kernels, x: Value): Value => mul(k, x, gaussian(k, x))

/** g·(Φ(x) + x·φ(x)), φ(x) = e^(−x²/2)/√(2π) */
export const geluGrad = (k: Kernels, x: Value, gradient: Value): Value => {
  const density = scaled(k, unary(k, "Exp", scaled(k, mul(k, x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI))
  return mul(k, gradient, add(k, gaussian(k, x), mul(k, x, density)))
}

const scores = (k: Kernels, q: Value, key: Value, scale: number): Value =>
  matmul(k, scaled(k, q, scale), key, false, true)

export const attention = (k: Kernels, scale: number, q: Value, key: Value, v: Value): Value =>
  matmul(k, softmax(k, scores(k, q, key, scale)), v)

/** dS and the products it has with q and k; P the probabilities. */
const attentionParts = (k: Kernels, scale: number, p: Value, q: Value, key: Value, v: Value, gradient: Value) => {
  const ds = softmaxGrad(k, p, matmul(k, gradient, v, false, true))
  return {
    ds,
    dq: scaled(k, matmul(k, ds, key), scale),
    dk: scaled(k, matmul(k, ds, q, true), scale),
    dv: matmul(k, p, gradient, true),
  }
}

export const attentionGrad = (
  k: Kernels,
  scale: number,
  [q, key, v, , gradient]: readonly Value[],
): readonly Value[] => {
  const p = softmax(k, scores(k, q!, key!, scale))
  const { dq, dk, dv } = attentionParts(k, scale, p, q!, key!, v!, gradient!)
  return [dq, dk, dv]
}

/** Row of the table for each pair of a query's and a key's coordinate: query − key + extent − 1. */
export const tableRows = (extent: number): readonly number[] =>
  Array.from({ length: extent * extent }, (_, at) => Math.floor(at / extent) - (at % extent) + extent - 1)

/** The axis of [b·h, height, width, …] that a table belongs to comes first: [extent, b·h·other, …]. */
const lead = (k: Kernels, x: Value, axis: 1 | 2): Value => {
  const y = transpose(k, x, axis === 1 ? [1, 0, 2, 3] : [2, 0, 1, 3])
  const [extent, a, b, c] = y.shape as [number, number, number, number]
  return reshape(k, y, [extent, a * b, c])
}
const unlead = (k: Kernels, x: Value, axis: 1 | 2, images: number, other: number): Value => {
  const [extent, , inner] = x.shape as [number, number, number]
  const y = reshape(k, x, [extent, images, other, inner])
  return transpose(k, y, axis === 1 ? [1, 0, 2, 3] : [1, 2, 0, 3])
}
const pairs = (k: Kernels, table: Value, extent: number): Value => {
  const rows = gatherRows(k, table, `relative ${extent}`, tableRows(extent))
  return reshape(k, rows, [extent, extent, table.shape[1]!])
}

const relPosProbabilities = (
  k: Kernels,
  { scale, height, width }: NodeOf<"relPosAttention">["attrs"],
  [q, key, , tableH, tableW]: readonly Value[],
): Value => {
  const [b, h, n, d] = q!.shape as [number, number, number, number]
  const grid = reshape(k, q!, [b * h, height, width, d])
  const along = (table: Value, axis: 1 | 2, extent: number, other: number) =>
    unlead(k, matmul(k, lead(k, grid, axis), pairs(k, table, extent), false, true), axis, b * h, other)
  const biasH = reshape(k, along(tableH!, 1, height, width), [b * h, n, height, 1])
  const biasW = reshape(k, along(tableW!, 2, width, height), [b * h, n, 1, width])
  const plain = reshape(k, scores(k, q!, key!, scale), [b * h, n, height, width])
  return softmax(k, reshape(k, add(k, add(k, plain, biasH), biasW), [b, h, n, n]))
}

export const relPosAttention = (
  k: Kernels,
  attrs: NodeOf<"relPosAttention">["attrs"],
  inputs: readonly Value[],
): Value => matmul(k, relPosProbabilities(k, attrs, inputs), inputs[2]!)

export const relPosAttentionGrad = (
  k: Kernels,
  attrs: NodeOf<"relPosAttentionGrad">["attrs"],
  [q, key, v, tableH, tableW, , gradient]: readonly Value[],
  wanted: (part: number) => boolean,
): readonly (Value | undefined)[] => {
  const { scale, height, width } = attrs
  const [b, h, n, d] = q!.shape as [number, number, number, number]
  const p = relPosProbabilities(k, attrs, [q!, key!, v!, tableH!, tableW!])
  const { ds, dq, dk, dv } = attentionParts(k, scale, p, q!, key!, v!, gradient!)
  const grid = reshape(k, q!, [b * h, height, width, d])
  const onGrid = reshape(k, ds, [b * h * n, height, width])
  const along = (table: Value, axis: 1 | 2, extent: number, other: number, learns: boolean) => {
    const dBias = reshape(k, sum(k, onGrid, [axis === 1 ? 2 : 1]), [b * h, height, width, extent])
    const led = lead(k, dBias, axis)
    const dGrid = unlead(k, matmul(k, led, pairs(k, table, extent)), axis, b * h, other)
    const dTable = () => {
      const dPairs = reshape(k, matmul(k, led, lead(k, grid, axis), true), [extent * extent, d])
      return scatterRows(k, dPairs, tableRows(extent), 2 * extent - 1)
    }
    return { dq: reshape(k, dGrid, q!.shape), dTable: learns ? dTable() : undefined }
  }
  const byRow = along(tableH!, 1, height, width, wanted(3))
  const byColumn = along(tableW!, 2, width, height, wanted(4))
  return [add(k, add(k, dq, byRow.dq), byColumn.dq), dk, dv, byRow.dTable, byColumn.dTable]
}

/** Weights of a half-pixel bilinear resize along one axis: [to, from]; edges clamped. */
export const resizeWeights = (from: number, to: number): Float32Array => {
  const weights = new Float32Array(to * from)
  for (let at = 0; at < to; at++) {
    const place = Math.max(0, ((at + 0.5) * from) / to - 0.5)
    const low = Math.min(from - 1, Math.floor(place))
    const high = Math.min(from - 1, low + 1)
    const fraction = place - low
    weights[at * from + low]! += 1 - fraction
    weights[at * from + high]! += fraction
  }
  return weights
}
const resizeMatrix = (k: Kernels, from: number, to: number): Value =>
  k.constant(`resize ${from} ${to}`, [to, from], () => resizeWeights(from, to))

/** Separable, so two products: Rₕ · X · R_wᵀ. */
export const resizeBilinear = (k: Kernels, x: Value, shape: Shape): Value => {
  const [height, width] = shape.slice(2) as [number, number]
  const [h, w] = x.shape.slice(2) as [number, number]
  return matmul(k, resizeMatrix(k, h, height), matmul(k, x, resizeMatrix(k, w, width), false, true))
}
/** Rₕᵀ · G · R_w; tfjs's own gradient is wrong for half-pixel centres on every engine. */
export const resizeBilinearGrad = (k: Kernels, gradient: Value, shape: Shape): Value => {
  const [height, width] = shape.slice(2) as [number, number]
  const [h, w] = gradient.shape.slice(2) as [number, number]
  return matmul(k, resizeMatrix(k, height, h), matmul(k, gradient, resizeMatrix(k, width, w)), true)
}

export const adapter = (k: Kernels, [x, down, downBias, up, upBias]: readonly Value[]): Value =>
  add(k, x!, linear(k, linear(k, x!, down!, downBias!, "relu"), up!, upBias!))

/** ids [...] → [..., classes]; tfjs's oneHot is wrong on wasm for floats. */
export const oneHot = (k: Kernels, ids: Value, classes: number): Value => {
  const range = k.constant(`range ${classes}`, [1, classes], () =>
    Float32Array.from({ length: classes }, (_, at) => at),
  )
  return reshape(k, equal(k, reshape(k, ids, [sizeOf(ids.shape), 1]), range), [...ids.shape, classes])
}
