/**
 * decompose: composites become the ops before them in the table, for backends that have no kernel of their own. Attention goes in pieces
 * (attention.ts), so that its probabilities are never there all at once; backward computes them again.
 */
import type { Builder, Value } from "../ir/builder.ts"
import { bilinearTaps } from "../ir/evaluate/composites.ts"
import type { Graph, Node, NodeOf, OpKind } from "../ir/graph.ts"
import { attend, attendGrad, relPosAttention, relPosAttentionGrad } from "./attention.ts"
import { type Replacement, rebuild, simplify } from "./rebuild.ts"

export interface DecomposeOptions {
  /** Composites that the backend has kernels for. */
  readonly keep?: ReadonlySet<OpKind>
  /** Scores of attention, over all heads, at a time; at least those of one query row. Default: defaultScores. */
  readonly scores?: number
}

/** 96 MiB: 512 query rows of SAM ViT-B's global attention at 1024 × 1024, which fit WebGPU's smallest binding. */
export const defaultScores = 512 * 12 * 4096

/** Ops that have a decomposition. */
export type Composite =
  | "linear"
  | "softmax"
  | "softmaxGrad"
  | "layerNorm"
  | "layerNormGrad"
  | "gelu"
  | "geluGrad"
  | "attention"
  | "attentionGrad"
  | "relPosAttention"
  | "relPosAttentionGrad"
  | "resizeBilinear"
  | "resizeBilinearGrad"
  | "adapter"
type Rule<K extends OpKind> = (b: Builder, inputs: readonly Value[], node: NodeOf<K>, scores: number) => Replacement

const transposed = { transposeB: true }

const last = (b: Builder, x: Value) => ({ axes: [b.shapeOf(x).length - 1], keepDims: true })

const layerNormParts = (b: Builder, x: Value, eps: number) => {
  const axes = last(b, x)
  const centred = b.sub(x, b.reduceMean(x, axes))
  const deviation = b.sqrt(b.shift(b.reduceMean(b.mul(centred, centred), axes), eps))
  return { axes, deviation, normal: b.div(centred, deviation) }
}

/** [to, from]: each row has the shares of its two neighbours. */
const interpolation = (b: Builder, from: number, to: number): Value => {
  const values = new Array<number>(from * to).fill(0)
  bilinearTaps(from, to).forEach(([low, high, share], i) => {
    values[i * from + low]! += 1 - share
    values[i * from + high]! += share
  })
  return b.constant(values, [to, from])
}

/** Total over composites. */
const rules: { readonly [K in Composite]: Rule<K> } = {
  linear: (b, [x, w, bias]) => {
    const y = b.matmul(x!, w!, transposed)
    return bias === undefined ? y : b.add(y, bias)
  },
  softmax: (b, [x]) => {
    const e = b.exp(b.sub(x!, b.reduceMax(x!, last(b, x!))))
    return b.div(e, b.reduceSum(e, last(b, e)))
  },
  softmaxGrad: (b, [y, g]) => b.mul(y!, b.sub(g!, b.reduceSum(b.mul(y!, g!), last(b, y!)))),
  layerNorm: (b, [x, gamma, beta], { attrs }) => b.add(b.mul(layerNormParts(b, x!, attrs.eps).normal, gamma!), beta!),
  layerNormGrad: (b, [x, gamma, g], { attrs }) => {
    const { axes, deviation, normal } = layerNormParts(b, x!, attrs.eps)
    const h = b.mul(g!, gamma!)
    const centred = b.sub(h, b.reduceMean(h, axes))
    const dx = b.div(b.sub(centred, b.mul(normal, b.reduceMean(b.mul(h, normal), axes))), deviation)
    const width = b.shapeOf(gamma!)[0]!
    const rows = (y: Value) => b.reshape(y, [b.shapeOf(y).reduce((n, extent) => n * extent, 1) / width, width])
    const total = (y: Value) => b.reduceSum(rows(y), { axes: [0], keepDims: false })
    return [dx, total(b.mul(g!, normal)), total(g!)]
  },
  gelu: (b, [x]) => b.mul(x!, b.scale(b.shift(b.erf(b.scale(x!, Math.SQRT1_2)), 1), 0.5)),
  geluGrad: (b, [x, g]) => {
    const phi = b.scale(b.shift(b.erf(b.scale(x!, Math.SQRT1_2)), 1), 0.5)
    const density = b.scale(b.exp(b.scale(b.mul(x!, x!), -0.5)), 1 / Math.sqrt(2 * Math.PI))
    return b.mul(g!, b.add(phi, b.mul(x!, density)))
  },
  attention: (b, [q, k, v], { attrs }, scores) => attend(b, { q: b.scale(q!, attrs.scale), k: k!, v: v! }, scores),
  attentionGrad: (b, [q, k, v, out, g], { attrs }, scores) => {
    const grad = attendGrad(b, { q: b.scale(q!, attrs.scale), k: k!, v: v!, out: out!, g: g! }, scores)
    return [b.scale(grad.q, attrs.scale), grad.k, grad.v]
  },
  relPosAttention: (b, inputs, { attrs }, scores) => relPosAttention(b, inputs, attrs, scores),
  relPosAttentionGrad: (b, inputs, { attrs }, scores) => relPosAttentionGrad(b, inputs, attrs, scores),
  resizeBilinear: (b, [x], { attrs }) => {
    const [, , h, w] = b.shapeOf(x!) as [number, number, number, number]
    const wide = b.matmul(x!, interpolation(b, w, attrs.width), transposed)
    return b.matmul(interpolation(b, h, attrs.height), wide)
  },
  resizeBilinearGrad: (b, [g], { attrs }) => {
    const [, , h, w] = b.shapeOf(g!) as [number, number, number, number]
    const wide = b.matmul(g!, interpolation(b, attrs.width, w))
    return b.matmul(interpolation(b, attrs.height, h), wide, { transposeA: true })
  },
  adapter: (b, [x, down, downBias, up, upBias]) =>
    b.add(x!, b.linear(b.relu(b.linear(x!, down!, downBias!)), up!, upBias!)),
}

export const isComposite = (op: OpKind): op is Composite => op in rules

/**
 * What a gradient computes again must not be shared with the forward pass, which would keep it alive until then: probabilities of all
 * attention, 3 GiB for SAM ViT-B at 1024 × 1024.
 */
const gradientCopy = 1
const computesAgain: ReadonlySet<OpKind> = new Set<Composite>([
  "layerNormGrad",
  "geluGrad",
  "attentionGrad",
  "relPosAttentionGrad",
])

/** Composites that are not kept become simpler ones, again and again until none is left. */
export const decompose = (graph: Graph, { keep = new Set(), scores = defaultScores }: DecomposeOptions = {}): Graph => {
  const left = ({ op }: Node) => isComposite(op) && !keep.has(op)
  const once = rebuild(graph, (b, node, inputs) => {
    if (!left(node)) return undefined
    const simpler = () => (rules[node.op as Composite] as Rule<any>)(b, inputs, node as never, scores)
    return computesAgain.has(node.op) ? b.copy(node.copy ?? gradientCopy, simpler) : simpler()
  })
  // A rule gives all parts of its composite; those that nothing uses go last.
  return once.nodes.some(left) ? decompose(once, { keep, scores }) : simplify(once)
}
