/**
 * Attention from matrix products, in pieces: as many scores q kᵀ at a time as a budget allows. A piece is several heads, of one window or
 * more, or else query rows of one head: a product of few rows spends its time on arranging its other operand. Gradients compute the
 * probabilities again.
 */
import type { Builder, Value } from "../ir/builder.ts"
import type { RelPosAttrs } from "./attention.ts"

/** [batch, heads, n, d] each; q already scaled. */
interface Operands {
  readonly q: Value
  readonly k: Value
  readonly v: Value
  /** What the scores of a query row get beside the product: [batch, heads, n, height] and [batch, heads, n, width] on a grid of keys. */
  readonly byRow?: Value
  readonly byColumn?: Value
}
interface Gradients {
  /** Of the scaled q. */
  readonly q: Value
  readonly k: Value
  readonly v: Value
  readonly byRow?: Value
  readonly byColumn?: Value
}

/** [start, end) along one axis. */
const cut = (b: Builder, x: Value, axis: number, start: number, end: number): Value => {
  const shape = b.shapeOf(x)
  if (start === 0 && end === shape[axis]) return x
  return b.slice(
    x,
    shape.map((_, i) => (i === axis ? start : 0)),
    shape.map((extent, i) => (i === axis ? end : extent)),
  )
}
const joined = (b: Builder, parts: readonly Value[], axis: number): Value =>
  parts.length === 1 ? parts[0]! : b.concat(parts, axis)

/** n things in the fewest pieces of at most `most`, as equal as can be. */
const pieces = (n: number, most: number): readonly (readonly [number, number])[] => {
  const count = Math.ceil(n / Math.max(1, most))
  const edge = (i: number) => Math.ceil((i * n) / count)
  return Array.from({ length: count }, (_, i) => [edge(i), edge(i + 1)] as const)
}

/** Scores of one query row, of all heads. */
const scoresOfRow = (b: Builder, { q, k }: Operands): number => b.shapeOf(q)[1]! * b.shapeOf(k)[2]!

/** A program of more pieces would take longer to plan than to think again about its image's size: on grids beyond that, pieces grow instead. */
const mostPieces = 256
/** The scores of a piece: what is asked for, or more where there would be too many pieces. */
const affordable = (b: Builder, { q, k }: Operands, scores: number): number => {
  const [windows, heads, n] = b.shapeOf(q) as [number, number, number]
  return Math.max(scores, Math.ceil((windows * heads * n * b.shapeOf(k)[2]!) / mostPieces))
}

/** Products that are done together are shared out among threads whole: of three, one thread does two while the other waits. */
const paired = (most: number): number => (most < 2 ? most : most - (most % 2))

/** Does `work` for as many windows at a time as the budget allows, or else as many heads, and puts its results together. */
const byHeads = <O extends Operands, R extends object>(
  b: Builder,
  operands: O,
  scores: number,
  work: (o: O) => R,
): R => {
  const [windows, heads, n] = b.shapeOf(operands.q) as [number, number, number]
  const each = n * b.shapeOf(operands.k)[2]!
  // A window is [heads, n, d]; one head, where a window is too large, [1, n, d].
  const [count, inOne] = heads * each <= scores ? [windows, heads] : [windows * heads, 1]
  const groups = pieces(count, paired(Math.floor(scores / (inOne * each))))
  const parted = Object.entries(operands).map(
    ([name, x]) => [name, b.reshape(x, [count, inOne, ...b.shapeOf(x).slice(2)])] as const,
  )
  const results = groups.map(([start, end]) =>
    work(Object.fromEntries(parted.map(([name, x]) => [name, cut(b, x, 0, start, end)])) as never as O),
  )
  const names = Object.keys(results[0]!) as (keyof R)[]
  const together = names.map((name) => {
    const parts = results.map((r) => r[name] as Value)
    return [name, b.reshape(joined(b, parts, 0), [windows, heads, ...b.shapeOf(parts[0]!).slice(2)])]
  })
  return Object.fromEntries(together) as R
}

const transposed = { transposeB: true }
const sumOver = (axis: number) => ({ axes: [axis], keepDims: false })

/** softmax(q kᵀ + the bias of row and column) for the query rows [start, end). */
const probabilities = (b: Builder, { q, k, byRow, byColumn }: Operands, start: number, end: number): Value => {
  const product = b.matmul(cut(b, q, 2, start, end), k, transposed)
  if (byRow === undefined || byColumn === undefined) return b.softmax(product)
  const shape = b.shapeOf(product)
  const [batch, heads, rows] = shape as [number, number, number]
  const [height, width] = [byRow, byColumn].map((bias) => b.shapeOf(bias)[3]!) as [number, number]
  const grid = b.reshape(product, [batch, heads, rows, height, width])
  const ofRow = b.reshape(cut(b, byRow, 2, start, end), [batch, heads, rows, height, 1])
  const ofColumn = b.reshape(cut(b, byColumn, 2, start, end), [batch, heads, rows, 1, width])
  return b.softmax(b.reshape(b.add(b.add(grid, ofRow), ofColumn), shape))
}

/** softmax(q kᵀ) v. */
export const attend = (b: Builder, operands: Operands, asked: number): Value => {
  const scores = affordable(b, operands, asked)
  return byHeads(b, operands, scores, (head) => {
    const chunks = pieces(b.shapeOf(head.q)[2]!, Math.floor(scores / scoresOfRow(b, head)))
    const rows = chunks.map(([start, end]) => b.matmul(probabilities(b, head, start, end), head.v))
    return { out: joined(b, rows, 2) }
  }).out
}

/** Where there are so many scores for each number of a value, another column of a product is cheaper than a difference. */
const manyScores = 4

/**
 * dp − Σ p·dp for query rows: what the probabilities are multiplied with to give the gradient of the scores. The sum over a row is the
 * row's g·out: no second pass over the probabilities.
 */
const slopeOfScores = (b: Builder, { v, g, out }: { readonly v: Value; readonly g: Value; readonly out: Value }) => {
  const dots = b.reduceSum(b.mul(g, out), { axes: [3], keepDims: true })
  const [windows, heads, m, e] = b.shapeOf(v) as [number, number, number, number]
  if (m <= manyScores * e)
    return (start: number, end: number): Value =>
      b.sub(b.matmul(cut(b, g, 2, start, end), v, transposed), cut(b, dots, 2, start, end))
  const left = b.concat([g, b.neg(dots)], 3)
  const right = b.concat([v, b.constant([1], [windows, heads, m, 1])], 3)
  return (start: number, end: number): Value => b.matmul(cut(b, left, 2, start, end), right, transposed)
}

/** From what `attend` gave and its gradient to the gradients of its operands. */
export const attendGrad = (
  b: Builder,
  operands: Operands & {
    readonly out: Value
    readonly g: Value
    /** What the wanted part of k was multiplied with, if not all of q: the others' gradients are not computed. */
    readonly wanted?: Value
  },
  asked: number,
): Gradients => {
  const scores = affordable(b, operands, asked)
  return byHeads(b, operands, scores, (head) => {
    const { q, k, byRow, byColumn, g, wanted = q } = head
    const sum = (before: Value | undefined, x: Value): Value => (before === undefined ? x : b.add(before, x))
    const parts: { q: Value; byRow?: Value; byColumn?: Value }[] = []
    let dk: Value | undefined
    let dv: Value | undefined
    const difference = slopeOfScores(b, head)
    for (const [start, end] of pieces(b.shapeOf(q)[2]!, Math.floor(scores / scoresOfRow(b, head)))) {
      const p = probabilities(b, head, start, end)
      dv = sum(dv, b.matmul(p, cut(b, g, 2, start, end), { transposeA: true }))
      const ds = b.mul(p, difference(start, end))
      dk = sum(dk, b.matmul(ds, cut(b, wanted, 2, start, end), { transposeA: true }))
      const bias = [byRow, byColumn].map((x) => (x === undefined ? 0 : b.shapeOf(x)[3]!))
      const grid = () => b.reshape(ds, [...b.shapeOf(ds).slice(0, 3), ...bias])
      parts.push({
        q: b.matmul(ds, k),
        ...(byRow === undefined ? {} : { byRow: b.reduceSum(grid(), sumOver(4)) }),
        ...(byColumn === undefined ? {} : { byColumn: b.reduceSum(grid(), sumOver(3)) }),
      })
    }
    const names = Object.keys(parts[0]!) as (keyof Gradients & keyof (typeof parts)[0])[]
    const rows = names.map((name) => [
      name,
      joined(
        b,
        parts.map((part) => part[name]!),
        2,
      ),
    ])
    return { ...Object.fromEntries(rows), k: dk!, v: dv! } as Gradients
  })
}

/** Blocks ask for the same long lists; the same list is told by its identity, and kept once. */
const kept = <A extends readonly number[], R>(make: (...key: A) => R): ((...key: A) => R) => {
  const known = new Map<string, R>()
  return (...key) => {
    const before = known.get(`${key}`)
    if (before !== undefined) return before
    if (known.size >= 16) known.clear()
    const made = make(...key)
    known.set(`${key}`, made)
    return made
  }
}
/** The table's row for i and k, with i·extent + k running. */
const relativeIndices = kept((extent: number): readonly number[] => {
  const rows = new Array<number>(extent * extent)
  for (let i = 0; i < extent; i += 1) for (let k = 0; k < extent; k += 1) rows[i * extent + k] = i - k + extent - 1
  return rows
})
/** Those of the first `asked` positions. */
const askedIndices = kept((extent: number, asked: number): readonly number[] =>
  asked === extent ? relativeIndices(extent) : relativeIndices(extent).slice(0, asked * extent),
)
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

/** Where the queries lie: on the upper left of the grid of keys, or on all of it. */
export interface Queries {
  readonly height: number
  readonly width: number
}

/** q·Rh and q·Rw, not scaled: what the relative positions add to the scores of each query. */
const biases = (
  b: Builder,
  [q, , , tableH, tableW]: readonly Value[],
  { height, width }: RelPosAttrs,
  queries: Queries,
) => {
  const [batch, heads, n, d] = b.shapeOf(q!) as [number, number, number, number]
  const grid = b.reshape(q!, [batch * heads, queries.height, queries.width, d])
  const rh = cut(b, relativeRows(b, tableH!, height), 0, 0, queries.height)
  const rw = cut(b, relativeRows(b, tableW!, width), 0, 0, queries.width)
  const swapped = b.matmul(b.transpose(grid, [0, 2, 1, 3]), rw)
  return {
    grid,
    rh,
    rw,
    byRow: b.reshape(b.matmul(grid, rh), [batch, heads, n, height]),
    byColumn: b.reshape(b.transpose(swapped, [0, 2, 1, 3]), [batch, heads, n, width]),
  }
}

/**
 * On a small grid the bias is cheapest as part of the product, [q·scale, q·Rh, q·Rw] · [k, row one-hot, column one-hot]ᵀ: additions along
 * rows of 14 scores are slow. On a large one, where that would be the larger part of the product, it is added.
 */
const inProduct = (b: Builder, q: Value, { height, width }: RelPosAttrs): boolean => height + width < b.shapeOf(q)[3]!

const augmented = (b: Builder, [q, k]: readonly Value[], bias: ReturnType<typeof biases>, attrs: RelPosAttrs) => {
  const { scale, height, width } = attrs
  const [batch, heads, n] = b.shapeOf(k!) as [number, number, number]
  const onehot = b.broadcast(gridOneHot(b, height, width), [batch, heads, n, height + width])
  return { q: b.concat([b.scale(q!, scale), bias.byRow, bias.byColumn], 3), k: b.concat([k!, onehot], 3) }
}

/** [q, k, v, tableH, tableW] → softmax(q kᵀ·scale + q·Rh + q·Rw) v, on a grid of height × width tokens. */
export const relPosAttention = (
  b: Builder,
  inputs: readonly Value[],
  attrs: RelPosAttrs,
  scores: number,
  queries: Queries = attrs,
): Value => {
  const [q, k, v] = inputs as [Value, Value, Value]
  const bias = biases(b, inputs, attrs, queries)
  if (inProduct(b, q, attrs)) return attend(b, { ...augmented(b, inputs, bias, attrs), v }, scores)
  const { byRow, byColumn } = bias
  return attend(b, { q: b.scale(q, attrs.scale), k, v, byRow, byColumn }, scores)
}

/**
 * The same with keys and values beside the grid, [batch, heads, m, d] each, which have no position: as attention over wider queries and keys, whose last columns
 * are the bias of the grid's keys, and zero for those beside it.
 */
export const relPosAttentionBeside = (
  b: Builder,
  inputs: readonly Value[],
  attrs: RelPosAttrs,
  keys: Value,
  values: Value,
): Value => {
  const { q, k } = augmented(b, inputs, biases(b, inputs, attrs, attrs), attrs)
  const [batch, heads, m] = b.shapeOf(keys) as [number, number, number]
  const none = b.constant([0], [batch, heads, m, attrs.height + attrs.width])
  return b.attention(q, b.concat([b.concat([keys, none], 3), k], 2), b.concat([values, inputs[2]!], 2), { scale: 1 })
}

/** [q, k, v, tableH, tableW, out, g] → gradients of the first five. */
export const relPosAttentionGrad = (
  b: Builder,
  inputs: readonly Value[],
  attrs: RelPosAttrs,
  scores: number,
  queries: Queries = attrs,
): readonly Value[] => {
  const [q, k, v, , , out, g] = inputs as [Value, Value, Value, Value, Value, Value, Value]
  const { scale, height, width } = attrs
  const [, , , d] = b.shapeOf(q) as [number, number, number, number]
  const bias = biases(b, inputs, attrs, queries)
  const scaled = b.scale(q, scale)

  const grad = (): Required<Gradients> => {
    if (!inProduct(b, q, attrs)) {
      const { byRow, byColumn } = bias
      return attendGrad(b, { q: scaled, k, v, byRow, byColumn, out, g }, scores) as Required<Gradients>
    }
    // Of the key's columns only k's have a use: the one-hot ones are constant.
    const all = attendGrad(b, { ...augmented(b, inputs, bias, attrs), v, out, g, wanted: scaled }, scores)
    return {
      ...all,
      q: cut(b, all.q, 3, 0, d),
      byRow: cut(b, all.q, 3, d, d + height),
      byColumn: cut(b, all.q, 3, d + height, d + height + width),
    }
  }
  return positionGradients(b, inputs, attrs, queries, bias, grad())
}

/** Gradients of q, k, v and the tables, from those of the scaled q, k, v, and of what the scores get beside the product. */
const positionGradients = (
  b: Builder,
  [q]: readonly Value[],
  { scale, height, width }: RelPosAttrs,
  queries: Queries,
  bias: ReturnType<typeof biases>,
  { q: dScaled, k: dk, v: dv, byRow, byColumn }: Required<Gradients>,
): readonly Value[] => {
  const [batch, heads, n, d] = b.shapeOf(q!) as [number, number, number, number]
  const grids = [batch * heads, queries.height, queries.width]
  const dByRow = b.reshape(byRow, [...grids, height])
  const dByColumn = b.transpose(b.reshape(byColumn, [...grids, width]), [0, 2, 1, 3])
  const fromRows = b.matmul(dByRow, bias.rh, transposed)
  const fromColumns = b.transpose(b.matmul(dByColumn, bias.rw, transposed), [0, 2, 1, 3])
  const dq = b.add(b.scale(dScaled, scale), b.reshape(b.add(fromRows, fromColumns), [batch, heads, n, d]))
  // dR[i] = Σ over heads and the other axis of qᵀ · d(q·R); then rows of equal distance add up.
  const dTable = (x: Value, dBias: Value, asked: number, extent: number): Value => {
    const perHead = b.matmul(x, dBias, { transposeA: true })
    const total = b.reduceSum(perHead, { axes: [0], keepDims: false })
    const flat = b.reshape(b.transpose(total, [0, 2, 1]), [asked * extent, d])
    return b.scatterAdd(flat, { indices: askedIndices(extent, asked), rows: 2 * extent - 1 })
  }
  const dTableH = dTable(bias.grid, dByRow, queries.height, height)
  const dTableW = dTable(b.transpose(bias.grid, [0, 2, 1, 3]), dByColumn, queries.width, width)
  return [dq, dk, dv, dTableH, dTableW]
}

// ---- one kernel for queries, keys and values of the same columns

/** Columns of zeros behind, up to so many. */
const filled = (b: Builder, x: Value, columns: number): Value => {
  const shape = b.shapeOf(x)
  const none = shape.map(() => 0)
  return columns === shape[3] ? x : b.pad(x, none, [0, 0, 0, columns - shape[3]!])
}
/** The same columns in all of them, a multiple of `step`: zeros change no score, and give none. */
const alike = (b: Builder, { q, k, v }: Operands, step: number): Operands => {
  const columns = Math.ceil(Math.max(b.shapeOf(q)[3]!, b.shapeOf(v)[3]!) / step) * step
  return { q: filled(b, q, columns), k: filled(b, k, columns), v: filled(b, v, columns) }
}

/** Attention, or attention with relative positions, as attention whose scale is 1 and whose operands have the same columns. */
export const attendInColumns = (
  b: Builder,
  inputs: readonly Value[],
  attrs: { readonly scale: number } | RelPosAttrs,
  step: number,
): Value => {
  const [q, k, v] = inputs as [Value, Value, Value]
  const wide = "height" in attrs ? augmented(b, inputs, biases(b, inputs, attrs, attrs), attrs) : undefined
  const same = alike(b, { ...(wide ?? { q: b.scale(q, attrs.scale), k }), v }, step)
  return cut(b, b.attention(same.q, same.k, same.v, { scale: 1 }), 3, 0, b.shapeOf(v)[3]!)
}

/** Its gradients, of the same operands as those of the ops' own. */
export const attendInColumnsGrad = (
  b: Builder,
  inputs: readonly Value[],
  attrs: { readonly scale: number } | RelPosAttrs,
  step: number,
): readonly Value[] => {
  const [q, k, v] = inputs as [Value, Value, Value]
  const [out, g] = inputs.slice(-2) as [Value, Value]
  const bias = "height" in attrs ? biases(b, inputs, attrs, attrs) : undefined
  const wide = bias === undefined ? undefined : augmented(b, inputs, bias, attrs as RelPosAttrs)
  const same = alike(b, { ...(wide ?? { q: b.scale(q, attrs.scale), k }), v }, step)
  const columns = b.shapeOf(same.q)[3]!
  const all = b.attentionGrad(same.q, same.k, same.v, filled(b, out, columns), filled(b, g, columns), { scale: 1 })
  const [dq, dk, dv] = [0, 1, 2].map((i) => b.part(all, i)) as [Value, Value, Value]
  const d = b.shapeOf(q)[3]!
  const ours = { q: cut(b, dq, 3, 0, d), k: cut(b, dk, 3, 0, d), v: cut(b, dv, 3, 0, b.shapeOf(v)[3]!) }
  if (bias === undefined || !("height" in attrs)) return [b.scale(ours.q, attrs.scale), ours.k, ours.v]
  const { height, width } = attrs
  const byRow = cut(b, dq, 3, d, d + height)
  const byColumn = cut(b, dq, 3, d + height, d + height + width)
  return positionGradients(b, inputs, attrs, attrs, bias, { ...ours, byRow, byColumn })
}
