/** The steps that lowerings are made of: each one tfjs kernel, or a few, on any of the three engines. */
import { type Shape, sizeOf } from "../../../compiler/ir/graph.ts"
import type { Kernels, Value } from "../kernels.ts"
import { broadcastShape, groupAxes, mergeBroadcast, mergedShape, mergeTranspose } from "./axes.ts"
import type { TfjsKernel } from "./shapes.ts"

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((extent, axis) => extent === b[axis])

/** Never copies: the result shares the data. */
export const reshape = (k: Kernels, x: Value, shape: Shape): Value => k.run("Reshape", { x }, { shape: [...shape] })

export const unary = (k: Kernels, kernel: TfjsKernel, x: Value): Value => k.run(kernel, { x })

/** A tfjs kernel with inputs a and b, which broadcast. */
export const binary = (k: Kernels, kernel: TfjsKernel, a: Value, b: Value): Value => {
  if (sameShape(a.shape, b.shape) && a.shape.length <= 4) return k.run(kernel, { a, b })
  const out = broadcastShape(a.shape, b.shape)
  const [left, right] = mergeBroadcast(a.shape, b.shape)
  // Beyond rank 6 tfjs has no indices: both operands are written out.
  if (left.length > 6) return binary(k, kernel, broadcastTo(k, a, out), broadcastTo(k, b, out))
  return reshape(k, k.run(kernel, { a: reshape(k, a, left), b: reshape(k, b, right) }), out)
}
export const add = (k: Kernels, a: Value, b: Value): Value => binary(k, "Add", a, b)
export const sub = (k: Kernels, a: Value, b: Value): Value => binary(k, "Sub", a, b)
export const mul = (k: Kernels, a: Value, b: Value): Value => binary(k, "Multiply", a, b)

export const scalar = (k: Kernels, value: number): Value =>
  k.constant(`scalar ${value}`, [], () => Float32Array.of(value))
export const scaled = (k: Kernels, x: Value, by: number): Value => mul(k, x, scalar(k, by))
export const shifted = (k: Kernels, x: Value, by: number): Value => add(k, x, scalar(k, by))
/** 1 where x > 0, else 0. */
export const step = (k: Kernels, x: Value): Value => k.run("Step", { x }, { alpha: 0 })
/** 1 where a is b, else 0. In floats throughout: a boolean cast back is wrong on webgpu. */
export const equal = (k: Kernels, a: Value, b: Value): Value =>
  sub(k, scalar(k, 1), step(k, unary(k, "Abs", sub(k, a, b))))

export const transpose = (k: Kernels, x: Value, perm: readonly number[]): Value => {
  const out = perm.map((axis) => x.shape[axis]!)
  const merged = mergeTranspose(x.shape, perm)
  if (merged.perm.length < 2) return reshape(k, x, out)
  if (merged.perm.length > 6) return reshape(k, transposeByAxis(k, reshape(k, x, merged.shape), merged.perm), out)
  const y = k.run("Transpose", { x: reshape(k, x, merged.shape) }, { perm: [...merged.perm] })
  return reshape(k, y, out)
}

/** Any rank: each axis in turn moves to its place, at rank 4. */
const transposeByAxis = (k: Kernels, x: Value, perm: readonly number[]): Value => {
  let y = x
  let order = perm.map((_, axis) => axis)
  perm.forEach((axis, to) => {
    const from = order.indexOf(axis)
    if (from === to) return
    const extent = (begin: number, end: number) => sizeOf(order.slice(begin, end).map((of) => x.shape[of]!))
    const blocks = [extent(0, to), extent(to, from), extent(from, from + 1), extent(from + 1, order.length)]
    y = k.run("Transpose", { x: reshape(k, y, blocks) }, { perm: [0, 2, 1, 3] })
    order = [...order.slice(0, to), axis, ...order.slice(to, from), ...order.slice(from + 1)]
  })
  return y
}

/** Swaps the last two axes. */
export const swapLast = (k: Kernels, x: Value): Value => {
  const rank = x.shape.length
  return transpose(k, x, [...Array(rank - 2).keys(), rank - 1, rank - 2])
}

export type Reduction = "Sum" | "Mean" | "Max"
export const reduce = (k: Kernels, kind: Reduction, x: Value, axes: readonly number[], keepDims: boolean): Value => {
  const gone = new Set(axes)
  const kept = x.shape.map((extent, axis) => (gone.has(axis) ? 1 : extent))
  const shape = keepDims ? kept : x.shape.filter((_, axis) => !gone.has(axis))
  const groups = groupAxes(x.shape.length, (before, axis) => gone.has(before) === gone.has(axis))
  let y = reshape(k, x, mergedShape(x.shape, groups))
  // One run of axes at a time, last first: sums of sums keep more digits than one long sum, and each has rank 3.
  for (let at = groups.length - 1; at >= 0; at--) {
    if (!gone.has(groups[at]![0]!)) continue
    const [before, extent, after] = [y.shape.slice(0, at), y.shape[at]!, y.shape.slice(at + 1)]
    const flat = reshape(k, y, [sizeOf(before), extent, sizeOf(after)])
    const reduced =
      kind === "Max"
        ? k.run("Max", { x: flat }, { reductionIndices: [1], keepDims: false })
        : k.run(kind, { x: flat }, { axis: [1], keepDims: false })
    y = reshape(k, reduced, [...before, 1, ...after])
  }
  return reshape(k, y, shape)
}
export const sum = (k: Kernels, x: Value, axes: readonly number[], keepDims = false): Value =>
  reduce(k, "Sum", x, axes, keepDims)
export const meanLast = (k: Kernels, x: Value): Value => reduce(k, "Mean", x, [x.shape.length - 1], true)

export const slice = (k: Kernels, x: Value, starts: readonly number[], ends: readonly number[]): Value => {
  const out = x.shape.map((_, axis) => ends[axis]! - starts[axis]!)
  let y = x
  x.shape.forEach((extent, axis) => {
    if (starts[axis] === 0 && ends[axis] === extent) return
    const [before, after] = [sizeOf(y.shape.slice(0, axis)), sizeOf(y.shape.slice(axis + 1))]
    const cut = k.run(
      "Slice",
      { x: reshape(k, y, [before, extent, after]) },
      { begin: [0, starts[axis]!, 0], size: [before, out[axis]!, after] },
    )
    y = reshape(k, cut, [...y.shape.slice(0, axis), out[axis]!, ...y.shape.slice(axis + 1)])
  })
  return reshape(k, y, out)
}

/** One axis from `start` on, every `step`-th, `count` of them. */
export const strided = (k: Kernels, x: Value, axis: number, start: number, step: number, count: number): Value => {
  const [before, after] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)]
  const end = start + (count - 1) * step + 1
  if (step === 1) {
    const zeros = x.shape.map(() => 0)
    return slice(k, x, zeros.with(axis, start), x.shape.map(Number).with(axis, end))
  }
  const flat = reshape(k, x, [sizeOf(before), x.shape[axis]!, sizeOf(after)])
  const masks = { beginMask: 0, endMask: 0, ellipsisMask: 0, newAxisMask: 0, shrinkAxisMask: 0 }
  const cut = k.run(
    "StridedSlice",
    { x: flat },
    { begin: [0, start, 0], end: [sizeOf(before), end, sizeOf(after)], strides: [1, step, 1], ...masks },
  )
  return reshape(k, cut, [...before, count, ...after])
}

/** `fill` before and after, axis by axis at rank 3: webgpu's own rank-5 pad is wrong without saying so. */
export const pad = (k: Kernels, x: Value, before: readonly number[], after: readonly number[], fill = 0): Value => {
  let y = x
  x.shape.forEach((extent, axis) => {
    if (before[axis] === 0 && after[axis] === 0) return
    const [outer, inner] = [y.shape.slice(0, axis), y.shape.slice(axis + 1)]
    const padded = k.run(
      "PadV2",
      { x: reshape(k, y, [sizeOf(outer), extent, sizeOf(inner)]) },
      {
        paddings: [
          [0, 0],
          [before[axis]!, after[axis]!],
          [0, 0],
        ],
        constantValue: fill,
      },
    )
    y = reshape(k, padded, [...outer, extent + before[axis]! + after[axis]!, ...inner])
  })
  return y
}

/** Zeros between neighbours of an axis: extent n becomes (n − 1)·step + 1. */
export const spread = (k: Kernels, x: Value, axis: number, step: number): Value => {
  if (step === 1) return x
  const [before, extent, after] = [x.shape.slice(0, axis), x.shape[axis]!, x.shape.slice(axis + 1)]
  const apart = pad(k, reshape(k, x, [sizeOf(before) * extent, 1, sizeOf(after)]), [0, 0, 0], [0, step - 1, 0])
  const whole = reshape(k, apart, [...before, extent * step, ...after])
  return strided(k, whole, axis, 0, 1, (extent - 1) * step + 1)
}

export const broadcastTo = (k: Kernels, x: Value, shape: Shape): Value => {
  if (sameShape(x.shape, shape)) return reshape(k, x, shape)
  let y = reshape(k, x, [...Array(shape.length - x.shape.length).fill(1), ...x.shape])
  const same = (axis: number) => y.shape[axis] === shape[axis]
  const groups = groupAxes(shape.length, (before, axis) => same(before) === same(axis))
  const target = mergedShape(shape, groups)
  y = reshape(k, y, mergedShape(y.shape, groups))
  target.forEach((extent, axis) => {
    if (y.shape[axis] === extent) return
    const [before, after] = [y.shape.slice(0, axis), y.shape.slice(axis + 1)]
    const tiled = k.run("Tile", { x: reshape(k, y, [sizeOf(before), 1, sizeOf(after)]) }, { reps: [1, extent, 1] })
    y = reshape(k, tiled, [...before, extent, ...after])
  })
  return reshape(k, y, shape)
}

export const concat = (k: Kernels, xs: readonly Value[], axis: number): Value => {
  const [first] = xs
  if (xs.length === 1) return reshape(k, first!, first!.shape)
  const [before, after] = [first!.shape.slice(0, axis), first!.shape.slice(axis + 1)]
  const flat = xs.map((x) => reshape(k, x, [sizeOf(before), x.shape[axis]! * sizeOf(after)]))
  const joined = k.run("Concat", flat, { axis: 1 })
  return reshape(k, joined, [...before, xs.reduce((total, x) => total + x.shape[axis]!, 0), ...after])
}

/** Rows of axis 0 by indices that are known now. */
export const gatherRows = (k: Kernels, x: Value, key: string, indices: readonly number[]): Value => {
  const [, ...rest] = x.shape
  const flat = reshape(k, x, [x.shape[0]!, sizeOf(rest)])
  const ids = k.constant(`rows ${key}`, [indices.length], () => Int32Array.from(indices))
  const rows = k.run("GatherV2", { x: flat, indices: ids }, { axis: 0, batchDims: 0 })
  return reshape(k, rows, [indices.length, ...rest])
}
