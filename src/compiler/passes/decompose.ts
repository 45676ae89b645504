/**
 * decompose: composites become the ops before them in the table, for backends that have no kernel of their own.
 * Attention goes in chunks of query rows, so that its probabilities are never there all at once; backward computes them again.
 */
import type { Builder, Value } from "../ir/builder.ts"
import { bilinearTaps } from "../ir/evaluate/composites.ts"
import type { Graph, Node, NodeOf, OpKind, RelPosAttrs } from "../ir/graph.ts"
import { type Replacement, rebuild, simplify } from "./rebuild.ts"

export interface DecomposeOptions {
  /** Composites that the backend has kernels for. */
  readonly keep?: ReadonlySet<OpKind>
  /** Query rows of attention at a time. */
  readonly rows?: number
}

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
type Rule<K extends OpKind> = (b: Builder, inputs: readonly Value[], node: NodeOf<K>, rows: number) => Replacement

const last = (b: Builder, x: Value) => ({ axes: [b.shapeOf(x).length - 1], keepDims: true })

const layerNormParts = (b: Builder, x: Value, eps: number) => {
  const axes = last(b, x)
  const centred = b.sub(x, b.reduceMean(x, axes))
  const deviation = b.sqrt(b.shift(b.reduceMean(b.mul(centred, centred), axes), eps))
  return { axes, deviation, normal: b.div(centred, deviation) }
}

/** Rows [start, end) of axis 2. */
const rowsOf = (b: Builder, x: Value, start: number, end: number): Value => {
  const shape = b.shapeOf(x)
  return b.slice(
    x,
    shape.map((_, i) => (i === 2 ? start : 0)),
    shape.map((extent, i) => (i === 2 ? end : extent)),
  )
}
/** Columns [start, end) of the last axis. */
const columnsOf = (b: Builder, x: Value, start: number, end: number): Value => {
  const shape = b.shapeOf(x)
  return b.slice(
    x,
    shape.map((_, i) => (i === shape.length - 1 ? start : 0)),
    shape.map((extent, i) => (i === shape.length - 1 ? end : extent)),
  )
}
const chunks = (n: number, rows: number): readonly (readonly [number, number])[] =>
  Array.from({ length: Math.ceil(n / rows) }, (_, i) => [i * rows, Math.min(n, (i + 1) * rows)] as const)

const transposed = { transposeB: true }

/** softmax(q kᵀ) v, with q already scaled. */
const attend = (b: Builder, q: Value, k: Value, v: Value, rows: number): Value =>
  b.concat(
    chunks(b.shapeOf(q)[2]!, rows).map(([start, end]) =>
      b.matmul(b.softmax(b.matmul(rowsOf(b, q, start, end), k, transposed)), v),
    ),
    2,
  )

/** Gradients of `attend`: with respect to the scaled q, to k, and to v. */
const attendGrad = (
  b: Builder,
  q: Value,
  k: Value,
  v: Value,
  out: Value,
  g: Value,
  rows: number,
  /** What the wanted part of k is multiplied with: the others' gradients are not computed. */
  wanted = q,
): readonly [Value, Value, Value] => {
  const dq: Value[] = []
  let dk: Value | undefined
  let dv: Value | undefined
  const sum = (before: Value | undefined, x: Value): Value => (before === undefined ? x : b.add(before, x))
  for (const [start, end] of chunks(b.shapeOf(q)[2]!, rows)) {
    const [qc, gc, oc] = [rowsOf(b, q, start, end), rowsOf(b, g, start, end), rowsOf(b, out, start, end)]
    const p = b.softmax(b.matmul(qc, k, transposed))
    dv = sum(dv, b.matmul(p, gc, { transposeA: true }))
    // Σ p·dp of a row is the row's g·out: no second pass over the probabilities.
    const dots = b.reduceSum(b.mul(gc, oc), last(b, gc))
    const ds = b.mul(p, b.sub(b.matmul(gc, v, transposed), dots))
    dq.push(b.matmul(ds, k))
    dk = sum(dk, b.matmul(ds, rowsOf(b, wanted, start, end), { transposeA: true }))
  }
  return [b.concat(dq, 2), dk!, dv!]
}

/** The table's row for i and k, with i·extent + k running. */
const relativeIndices = (extent: number): readonly number[] =>
  Array.from({ length: extent * extent }, (_, i) => Math.floor(i / extent) - (i % extent) + extent - 1)
/** [extent, d, extent]: column k of row i is table[i − k + extent − 1], transposed for q · R. */
const relativeRows = (b: Builder, table: Value, extent: number): Value => {
  const d = b.shapeOf(table)[1]!
  return b.transpose(b.reshape(b.gather(table, relativeIndices(extent)), [extent, extent, d]), [0, 2, 1])
}

/** 1 at the token's row, and 1 at its column: [1, 1, height·width, height + width]. */
const gridOneHot = (b: Builder, height: number, width: number): Value => {
  const tokens = Array.from({ length: height * width }, (_, t) => t)
  const each = (coordinate: (t: number) => number, classes: number): Value =>
    b.oneHot(b.constant(tokens.map(coordinate), [1, 1, height * width]), { classes })
  return b.concat([each((t) => Math.floor(t / width), height), each((t) => t % width, width)], 3)
}

/**
 * The bias as part of the product: [q·scale, q·Rh, q·Rw] · [k, row one-hot, column one-hot]ᵀ. One matrix product instead of two
 * additions over all scores.
 */
const augmented = (b: Builder, [q, k, , tableH, tableW]: readonly Value[], { scale, height, width }: RelPosAttrs) => {
  const [batch, heads, n, d] = b.shapeOf(q!) as [number, number, number, number]
  const grid = b.reshape(q!, [batch * heads, height, width, d])
  const rh = relativeRows(b, tableH!, height)
  const rw = relativeRows(b, tableW!, width)
  const byRow = b.reshape(b.matmul(grid, rh), [batch, heads, n, height])
  const swapped = b.matmul(b.transpose(grid, [0, 2, 1, 3]), rw)
  const byColumn = b.reshape(b.transpose(swapped, [0, 2, 1, 3]), [batch, heads, n, width])
  const onehot = b.broadcast(gridOneHot(b, height, width), [batch, heads, n, height + width])
  return { grid, rh, rw, query: b.concat([b.scale(q!, scale), byRow, byColumn], 3), key: b.concat([k!, onehot], 3) }
}

const relPosAttentionGrad: Rule<"relPosAttentionGrad"> = (b, inputs, { attrs }, rows) => {
  const [q, , v, , , out, g] = inputs as [Value, Value, Value, Value, Value, Value, Value]
  const { scale, height, width } = attrs
  const [batch, heads, n, d] = b.shapeOf(q) as [number, number, number, number]
  const { grid, rh, rw, query, key } = augmented(b, inputs, attrs)
  // Of the key's columns only k's have a use: the one-hot ones are constant.
  const [dquery, dk, dv] = attendGrad(b, query, key, v, out, g, rows, b.scale(q, scale))
  const direct = b.scale(columnsOf(b, dquery, 0, d), scale)
  const dByRow = b.reshape(columnsOf(b, dquery, d, d + height), [batch * heads, height, width, height])
  const dByColumn = b.transpose(
    b.reshape(columnsOf(b, dquery, d + height, d + height + width), [batch * heads, height, width, width]),
    [0, 2, 1, 3],
  )
  const fromRows = b.matmul(dByRow, rh, transposed)
  const fromColumns = b.transpose(b.matmul(dByColumn, rw, transposed), [0, 2, 1, 3])
  const dq = b.add(direct, b.reshape(b.add(fromRows, fromColumns), [batch, heads, n, d]))
  // dR[i] = Σ over heads and the other axis of qᵀ · d(q·R); then rows of equal distance add up.
  const dTable = (x: Value, dBias: Value, extent: number): Value => {
    const perHead = b.matmul(x, dBias, { transposeA: true })
    const total = b.reduceSum(perHead, { axes: [0], keepDims: false })
    const flat = b.reshape(b.transpose(total, [0, 2, 1]), [extent * extent, d])
    return b.scatterAdd(flat, { indices: relativeIndices(extent), rows: 2 * extent - 1 })
  }
  const dTableH = dTable(grid, dByRow, height)
  const dTableW = dTable(b.transpose(grid, [0, 2, 1, 3]), dByColumn, width)
  return [dq, dk, dv, dTableH, dTableW]
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
  attention: (b, [q, k, v], { attrs }, rows) => attend(b, b.scale(q!, attrs.scale), k!, v!, rows),
  attentionGrad: (b, [q, k, v, out, g], { attrs }, rows) => {
    const [dq, dk, dv] = attendGrad(b, b.scale(q!, attrs.scale), k!, v!, out!, g!, rows)
    return [b.scale(dq, attrs.scale), dk, dv]
  },
  relPosAttention: (b, inputs, { attrs }, rows) => {
    const { query, key } = augmented(b, inputs, attrs)
    return attend(b, query, key, inputs[2]!, rows)
  },
  relPosAttentionGrad,
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
export const decompose = (graph: Graph, { keep = new Set(), rows = 512 }: DecomposeOptions = {}): Graph => {
  const left = ({ op }: Node) => isComposite(op) && !keep.has(op)
  const once = rebuild(graph, (b, node, inputs) => {
    if (!left(node)) return undefined
    const simpler = () => (rules[node.op as Composite] as Rule<any>)(b, inputs, node as never, rows)
    return computesAgain.has(node.op) ? b.copy(node.copy ?? gradientCopy, simpler) : simpler()
  })
  // A rule gives all parts of its composite; those that nothing uses go last.
  return once.nodes.some(left) ? decompose(once, { keep, rows }) : simplify(once)
}
