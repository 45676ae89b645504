/** The shape of each op's value from the shapes of its operands. An Error's message is one sentence about the misfit. */
import type { Conv2dAttrs, OpAttrs, OpKind, PoolAttrs, ReduceAttrs, Shape } from "./graph.ts"
import { sizeOf } from "./graph.ts"

/** One shape, or one for each part. */
export type Result = Shape | { readonly parts: readonly Shape[] }
type Rule<K extends OpKind> = (attrs: OpAttrs[K], ...inputs: readonly Shape[]) => Result

const show = (shape: Shape): string => `[${shape.join(", ")}]`
export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((extent, i) => extent === b[i])

const misfit = (sentence: string): never => {
  throw new Error(sentence)
}
const check = (holds: boolean, sentence: () => string): void => {
  if (!holds) misfit(sentence())
}

const isExtent = (n: number): boolean => Number.isInteger(n) && n > 0
const isCount = (n: number): boolean => Number.isInteger(n) && n >= 0
const isShape = (shape: Shape): boolean => shape.every(isExtent)
const isAxis = (axis: number, x: Shape): boolean => isCount(axis) && axis < x.length
const distinct = (xs: readonly number[]): boolean => new Set(xs).size === xs.length

/** NumPy's rule: aligned at the end, extents equal or 1. */
export const broadcast = (a: Shape, b: Shape): Shape => {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1
    const y = b[b.length - rank + i] ?? 1
    return x === y || y === 1 ? x : x === 1 ? y : misfit(`${show(a)} and ${show(b)} do not broadcast`)
  })
}

const same: (_: unknown, x: Shape) => Result = (_, x) => x
/** A gradient has the shape of what it is the gradient of. */
const belongs = (gradient: Shape, y: Shape): void =>
  check(sameShape(gradient, y), () => `a gradient ${show(gradient)} does not belong to ${show(y)}`)
const sameBoth: (_: unknown, x: Shape, g: Shape) => Result = (_, x, g) => {
  belongs(g, x)
  return x
}
const binary: (_: unknown, a: Shape, b: Shape) => Result = (_, a, b) => broadcast(a, b)

/** Extent of a window's output along one axis: floor((extent + padding − reach) / stride) + 1. */
export const windowed = (
  extent: number,
  before: number,
  after: number,
  kernel: number,
  stride: number,
  dilation = 1,
): number => Math.floor((extent + before + after - dilation * (kernel - 1) - 1) / stride) + 1

const conv = ({ stride, padding, dilation, groups }: Conv2dAttrs, x: Shape, w: Shape): Shape => {
  check(
    x.length === 4 && w.length === 4,
    () => `a convolution takes [n, c, h, w] and [o, c/groups, kh, kw], not ${show(x)} and ${show(w)}`,
  )
  check(
    [...stride, ...dilation, groups].every(isExtent) && padding.every(isCount),
    () =>
      `no convolution has stride ${show(stride)}, padding ${show(padding)}, dilation ${show(dilation)}, ${groups} groups`,
  )
  const [n, c, h, width] = x as [number, number, number, number]
  const [o, perGroup, kh, kw] = w as [number, number, number, number]
  check(isShape(w), () => `${show(w)} is not the shape of a weight`)
  check(c === perGroup * groups, () => `${c} channels do not fit a weight ${show(w)} in ${groups} groups`)
  check(o % groups === 0, () => `${o} channels do not split into ${groups} groups`)
  const [top, left, bottom, right] = padding
  const shape = [
    n,
    o,
    windowed(h, top, bottom, kh, stride[0], dilation[0]),
    windowed(width, left, right, kw, stride[1], dilation[1]),
  ]
  check(
    shape.every((extent) => extent > 0),
    () => `an image of ${h} × ${width} is too small for a ${kh} × ${kw} kernel`,
  )
  return shape
}
const pool = ({ kernel, stride, padding }: PoolAttrs, x: Shape): Shape => {
  const [n, c, h, w] = x as [number, number, number, number]
  const [top, left, bottom, right] = padding
  check(
    [...kernel, ...stride].every(isExtent) && padding.every((p, i) => isCount(p) && p < kernel[i % 2]!),
    () => `no pooling has kernel ${show(kernel)}, stride ${show(stride)}, padding ${show(padding)}`,
  )
  const shape = [n, c, windowed(h, top, bottom, kernel[0], stride[0]), windowed(w, left, right, kernel[1], stride[1])]
  check(
    x.length === 4 && shape.every((extent) => extent > 0),
    () => `pooling by ${kernel.join(" × ")} does not fit ${show(x)}`,
  )
  return shape
}
const resized = ({ height, width }: OpAttrs["resizeBilinear"], x: Shape): Shape => {
  check(x.length === 4, () => `resizing takes [n, c, h, w], not ${show(x)}`)
  check(isShape([height, width]), () => `an image cannot be ${height} × ${width}`)
  return [...x.slice(0, 2), height, width]
}
const reduce = ({ axes, keepDims }: ReduceAttrs, x: Shape): Shape => {
  check(
    axes.every((axis) => isAxis(axis, x)) && distinct(axes),
    () => `axes ${axes.join(", ")} are not different axes of ${show(x)}`,
  )
  return keepDims ? x.map((extent, i) => (axes.includes(i) ? 1 : extent)) : x.filter((_, i) => !axes.includes(i))
}
const matmul = ({ transposeA, transposeB }: OpAttrs["matmul"], a: Shape, b: Shape): Shape => {
  check(a.length >= 2 && b.length >= 2, () => `a product takes matrices, not ${show(a)} and ${show(b)}`)
  const [m, k] = transposeA ? [a.at(-1)!, a.at(-2)!] : [a.at(-2)!, a.at(-1)!]
  const [k2, n] = transposeB ? [b.at(-1)!, b.at(-2)!] : [b.at(-2)!, b.at(-1)!]
  check(k === k2, () => `inner extents differ: ${show(a)}${transposeA ? "ᵀ" : ""} × ${show(b)}${transposeB ? "ᵀ" : ""}`)
  return [...broadcast(a.slice(0, -2), b.slice(0, -2)), m, n]
}
const attention = (q: Shape, k: Shape, v: Shape): Shape => {
  const fits =
    q.length === 4 &&
    k.length === 4 &&
    v.length === 4 &&
    q[3] === k[3] &&
    k[2] === v[2] &&
    sameShape(q.slice(0, 2), k.slice(0, 2))
  check(
    fits && sameShape(k.slice(0, 2), v.slice(0, 2)),
    () => `attention takes q [b, h, n, d], k [b, h, m, d], v [b, h, m, e], not ${show(q)}, ${show(k)}, ${show(v)}`,
  )
  return [...q.slice(0, 3), v[3]!]
}
const relPos = ({ height, width }: OpAttrs["relPosAttention"], q: Shape, tableH: Shape, tableW: Shape): void => {
  check(q[2] === height * width, () => `${q[2]} tokens do not make a grid of ${height} × ${width}`)
  const fits = sameShape(tableH, [2 * height - 1, q[3]!]) && sameShape(tableW, [2 * width - 1, q[3]!])
  check(
    fits,
    () =>
      `relative positions for ${height} × ${width} are [${2 * height - 1}, ${q[3]}] and [${2 * width - 1}, ${q[3]}], not ${show(tableH)} and ${show(tableW)}`,
  )
}

/** Total: an op without a rule does not compile. Sources are given their shapes by the builder. */
export const shapes: { readonly [K in Exclude<OpKind, "input" | "parameter" | "constant" | "part">]: Rule<K> } = {
  neg: same,
  exp: same,
  log: same,
  sqrt: same,
  sin: same,
  cos: same,
  tanh: same,
  erf: same,
  abs: same,
  sigmoid: same,
  softplus: same,
  relu: same,
  step: same,
  equals: same,
  scale: same,
  shift: same,
  add: binary,
  sub: binary,
  mul: binary,
  div: binary,
  maximum: binary,
  matmul: (attrs, a, b) => matmul(attrs, a!, b!),
  conv2d: (attrs, x, w) => conv(attrs, x!, w!),
  conv2dInputGrad: (attrs, g, w) => {
    const x = [g![0]!, w![1]! * attrs.groups, ...attrs.inputSize]
    const expected = conv(attrs, x, w!)
    check(
      sameShape(expected, g!),
      () => `a gradient ${show(g!)} does not belong to an input ${show(x)}, which gives ${show(expected)}`,
    )
    return x
  },
  conv2dWeightGrad: (attrs, x, g) => {
    const w = [g![1]!, x![1]! / attrs.groups, ...attrs.kernel]
    const expected = conv(attrs, x!, w)
    check(sameShape(expected, g!), () => `a gradient ${show(g!)} does not belong to a weight ${show(w)} on ${show(x!)}`)
    return w
  },
  maxPool2d: (attrs, x) => pool(attrs, x!),
  maxPool2dGrad: (attrs, x, g) => {
    check(sameShape(pool(attrs, x!), g!), () => `a gradient ${show(g!)} does not belong to ${show(x!)}`)
    return x!
  },
  avgPool2d: (attrs, x) => pool(attrs, x!),
  avgPool2dGrad: (attrs, g) => {
    const x = [g![0]!, g![1]!, ...attrs.inputSize]
    check(sameShape(pool(attrs, x), g!), () => `a gradient ${show(g!)} does not belong to ${show(x)}`)
    return x
  },
  reduceSum: (attrs, x) => reduce(attrs, x!),
  reduceMean: (attrs, x) => reduce(attrs, x!),
  reduceMax: (attrs, x) => reduce(attrs, x!),
  reshape: ({ shape }, x) => {
    check(isShape(shape), () => `${show(shape)} is not a shape`)
    check(
      sizeOf(shape) === sizeOf(x!),
      () => `${show(x!)} has ${sizeOf(x!)} elements, ${show(shape)} has ${sizeOf(shape)}`,
    )
    return shape
  },
  transpose: ({ perm }, x) => {
    check(
      perm.length === x!.length && perm.every((axis) => isAxis(axis, x!)) && distinct(perm),
      () => `${show(perm)} is not an order of the axes of ${show(x!)}`,
    )
    return perm.map((axis) => x![axis]!)
  },
  broadcast: ({ shape }, x) => {
    check(isShape(shape), () => `${show(shape)} is not a shape`)
    check(sameShape(broadcast(x!, shape), shape), () => `${show(x!)} does not broadcast to ${show(shape)}`)
    return shape
  },
  slice: ({ starts, ends }, x) => {
    const fits =
      starts.length === x!.length &&
      ends.length === x!.length &&
      x!.every((extent, i) => isCount(starts[i]!) && starts[i]! < ends[i]! && isExtent(ends[i]!) && ends[i]! <= extent)
    check(fits, () => `${show(x!)} has no part from ${show(starts)} to ${show(ends)}`)
    return x!.map((_, i) => ends[i]! - starts[i]!)
  },
  pad: ({ before, after }, x) => {
    check(
      before.length === x!.length && after.length === x!.length && [...before, ...after].every(isCount),
      () => `padding ${show(before)}, ${show(after)} does not fit ${show(x!)}`,
    )
    return x!.map((extent, i) => extent + before[i]! + after[i]!)
  },
  concat: ({ axis }, ...xs) => {
    const [first = []] = xs
    const fits = xs.every((x) => x.length === first.length && x.every((extent, i) => i === axis || extent === first[i]))
    check(fits && isAxis(axis, first), () => `${xs.map(show).join(", ")} do not join on axis ${axis}`)
    return first.map((extent, i) => (i === axis ? xs.reduce((n, x) => n + x[axis]!, 0) : extent))
  },
  gather: ({ indices }, x) => {
    check(
      indices.length > 0 && indices.every((i) => isCount(i) && i < x![0]!),
      () => `an index is not a row of ${show(x!)}`,
    )
    return [indices.length, ...x!.slice(1)]
  },
  scatterAdd: ({ indices, rows }, x) => {
    check(
      indices.length === x![0] && isExtent(rows) && indices.every((i) => isCount(i) && i < rows),
      () => `${indices.length} indices into ${rows} rows do not fit ${show(x!)}`,
    )
    return [rows, ...x!.slice(1)]
  },
  oneHot: ({ classes }, x) => {
    check(isExtent(classes), () => `there are no ${classes} classes`)
    return [...x!, classes]
  },
  linear: (_, x, w, bias) => {
    check(
      x!.length >= 2 && w!.length === 2 && x!.at(-1) === w![1],
      () => `a weight ${show(w!)} does not fit ${show(x!)}`,
    )
    check(
      bias === undefined || sameShape(bias, [w![0]!]),
      () => `a bias ${show(bias!)} does not fit a weight ${show(w!)}`,
    )
    return [...x!.slice(0, -1), w![0]!]
  },
  softmax: (_, x) => {
    check(x!.length > 0, () => "softmax takes at least one axis")
    return x!
  },
  softmaxGrad: (_, y, g) => {
    check(y!.length > 0, () => "softmax takes at least one axis")
    return sameBoth(_, y!, g!)
  },
  layerNorm: (_, x, gamma, beta) => {
    check(
      sameShape(gamma!, [x!.at(-1)!]) && sameShape(beta!, gamma!),
      () => `a norm of ${show(gamma!)} does not fit ${show(x!)}`,
    )
    return x!
  },
  layerNormGrad: (_, x, gamma, g) => {
    check(sameShape(gamma!, [x!.at(-1)!]), () => `a norm of ${show(gamma!)} does not fit ${show(x!)}`)
    belongs(g!, x!)
    return { parts: [x!, gamma!, gamma!] }
  },
  gelu: same,
  geluGrad: sameBoth,
  attention: (_, q, k, v) => attention(q!, k!, v!),
  attentionGrad: (_, q, k, v, out, g) => {
    belongs(out!, attention(q!, k!, v!))
    belongs(g!, out!)
    return { parts: [q!, k!, v!] }
  },
  relPosAttention: (attrs, q, k, v, tableH, tableW) => {
    relPos(attrs, q!, tableH!, tableW!)
    return attention(q!, k!, v!)
  },
  relPosAttentionGrad: (attrs, q, k, v, tableH, tableW, out, g) => {
    relPos(attrs, q!, tableH!, tableW!)
    belongs(out!, attention(q!, k!, v!))
    belongs(g!, out!)
    return { parts: [q!, k!, v!, tableH!, tableW!] }
  },
  resizeBilinear: (size, x) => resized(size, x!),
  resizeBilinearGrad: (size, g) => resized(size, g!),
  adapter: (_, x, down, downBias, up, upBias) => {
    const d = x!.at(-1)!
    const r = down![0]!
    const fits =
      x!.length >= 2 &&
      sameShape(down!, [r, d]) &&
      sameShape(downBias!, [r]) &&
      sameShape(up!, [d, r]) &&
      sameShape(upBias!, [d])
    check(fits, () => `an adapter ${show(down!)}, ${show(up!)} does not fit ${show(x!)}`)
    return x!
  },
}
