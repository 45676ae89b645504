/** Ops that have a kernel of our own on WebGPU, where tfjs is slow, imprecise, or cannot. Each says when it applies. */
import { type NodeOf, type OpAttrs, type Shape, sizeOf } from "../../../compiler/ir/graph.ts"
import type { Kernels, Value } from "../kernels.ts"
import { adapter, adapterRows } from "../wgsl/adapter.ts"
import * as flash from "../wgsl/attention.ts"
import type { WgslKernel } from "../wgsl/kernel.ts"
import { layerNorm, layerNormGrad, layerNormWeightGrad } from "../wgsl/layerNorm.ts"
import * as pointwise from "../wgsl/pointwise.ts"
import { relativeQueryGrad, relativeTerms, tableGrad } from "../wgsl/relativePositions.ts"
import { resizeBilinear, resizeBilinearGrad } from "../wgsl/resize.ts"
import { reshape, slice, sum } from "./basic.ts"
import { type Lowering, lowering, type Results, type Wanted } from "./index.ts"

const first = (k: Kernels, kernel: WgslKernel, inputs: readonly Value[]): Value => k.own(kernel, inputs)[0]!

/** [b, h, n, d] as [b·h, n, d], which is how the kernels see it. */
const flashShape = (k: Kernels, q: Shape, key: Shape, v: Shape, scale: number, grid?: readonly [number, number]) => ({
  images: sizeOf(q.slice(0, -2)),
  queries: q.at(-2)!,
  keys: key.at(-2)!,
  width: q.at(-1)!,
  valueWidth: v.at(-1)!,
  scale,
  ...(grid ? { grid } : {}),
  f16: k.f16,
})
/** Rows of a tile, or 0 where the kernel does not apply and the plain lowering must do. */
const tileOf = (k: Kernels, shape: flash.AttentionShape): number =>
  shape.width % 4 === 0 && shape.valueWidth % 4 === 0 ? flash.tileRows(shape, k.workgroupBytes) : 0

type Grid = OpAttrs["relPosAttention"]
const relativeOf = (shape: flash.AttentionShape, { height, width }: Grid) => ({
  images: shape.images,
  width: shape.width,
  grid: [height, width] as const,
})

/** dq of the product alone, drel with a grid, dk, dv. */
const attentionGrads = (
  k: Kernels,
  forward: flash.AttentionShape,
  tile: number,
  [q, key, v, out, gradient]: readonly Value[],
  rel: readonly Value[],
) => {
  const shape = { ...forward, f16: false }
  const moments = first(k, flash.attentionMoments(shape, tile), [q!, key!, ...rel, out!, gradient!])
  const inputs = [q!, key!, v!, ...rel, moments, gradient!]
  const [dq, drel] = k.own(flash.attentionQueryGrad(shape, tile), inputs)
  const [dk, dv] = k.own(flash.attentionKeyGrad(shape, tile), inputs)
  return { dq: dq!, drel, dk: dk!, dv: dv! }
}

const relPosAttentionGrad = (
  k: Kernels,
  node: NodeOf<"relPosAttentionGrad">,
  inputs: readonly Value[],
  wanted: Wanted,
): Results => {
  const [q, key, v, tableH, tableW, out, gradient] = inputs as [Value, Value, Value, Value, Value, Value, Value]
  const { attrs } = node
  const shape = { ...flashShape(k, q.shape, key.shape, v.shape, attrs.scale, [attrs.height, attrs.width]), f16: false }
  const tile = tileOf(k, shape)
  if (tile === 0) return lowering.relPosAttentionGrad(k, node, inputs, wanted)
  const relative = relativeOf(shape, attrs)
  const rel = first(k, relativeTerms(relative), [q, tableH, tableW])
  const { dq, drel, dk, dv } = attentionGrads(k, shape, tile, [q, key, v, out, gradient], [rel])
  const table = (index: number, axis: "height" | "width"): Value | undefined =>
    wanted(index) ? sum(k, first(k, tableGrad(relative, axis), [q, drel!]), [0]) : undefined
  const whole = first(k, relativeQueryGrad(relative), [dq, drel!, tableH, tableW])
  return [
    reshape(k, whole, q.shape),
    reshape(k, dk, key.shape),
    reshape(k, dv, v.shape),
    table(3, "height"),
    table(4, "width"),
  ]
}

export const ownRules: Partial<Lowering> = {
  sin: (k, { shape }, [x]) => first(k, pointwise.sin(shape), [x!]),
  cos: (k, { shape }, [x]) => first(k, pointwise.cos(shape), [x!]),
  gelu: (k, { shape }, [x]) => first(k, pointwise.gelu(shape), [x!]),
  geluGrad: (k, { shape }, inputs) => first(k, pointwise.geluGrad(shape), inputs),
  layerNorm: (k, { shape, attrs }, inputs) => first(k, layerNorm(shape, attrs.eps), inputs),
  layerNormGrad: (k, { shape, attrs }, [x, gamma, gradient], wanted) => {
    const [dx, moments] = k.own(layerNormGrad(shape, attrs.eps), [x!, gamma!, gradient!])
    if (!wanted(1) && !wanted(2)) return [dx, undefined, undefined]
    const sums = sum(k, first(k, layerNormWeightGrad(shape), [x!, moments!, gradient!]), [0])
    const width = shape.at(-1)!
    const row = (at: number) => reshape(k, slice(k, sums, [at, 0], [at + 1, width]), [width])
    return [dx, row(0), row(1)]
  },
  resizeBilinear: (k, { shape }, [x]) => first(k, resizeBilinear(x!.shape, shape), [x!]),
  resizeBilinearGrad: (k, { shape }, [gradient]) => first(k, resizeBilinearGrad(gradient!.shape, shape), [gradient!]),
  adapter: (k, node, inputs) => {
    const rank = inputs[1]!.shape[0]!
    if (adapterRows(rank, k.workgroupBytes) === 0) return lowering.adapter(k, node, inputs)
    return first(k, adapter(node.shape, rank, k.workgroupBytes), inputs)
  },
  attention: (k, node, inputs) => {
    const [q, key, v] = inputs as [Value, Value, Value]
    const shape = flashShape(k, q.shape, key.shape, v.shape, node.attrs.scale)
    const tile = tileOf(k, shape)
    if (tile === 0) return lowering.attention(k, node, inputs)
    return reshape(k, first(k, flash.attention(shape, tile), [q, key, v]), node.shape)
  },
  attentionGrad: (k, node, inputs) => {
    const [q, key, v] = inputs as [Value, Value, Value]
    const shape = { ...flashShape(k, q.shape, key.shape, v.shape, node.attrs.scale), f16: false }
    const tile = tileOf(k, shape)
    if (tile === 0) return lowering.attentionGrad(k, node, inputs)
    const { dq, dk, dv } = attentionGrads(k, shape, tile, inputs, [])
    return [reshape(k, dq, q.shape), reshape(k, dk, key.shape), reshape(k, dv, v.shape)]
  },
  relPosAttention: (k, node, inputs) => {
    const [q, key, v, tableH, tableW] = inputs as [Value, Value, Value, Value, Value]
    const { attrs } = node
    const shape = flashShape(k, q.shape, key.shape, v.shape, attrs.scale, [attrs.height, attrs.width])
    const tile = tileOf(k, shape)
    if (tile === 0) return lowering.relPosAttention(k, node, inputs)
    const rel = first(k, relativeTerms(relativeOf(shape, attrs)), [q, tableH, tableW])
    return reshape(k, first(k, flash.attention(shape, tile), [q, key, v, rel]), node.shape)
  },
  relPosAttentionGrad,
}
