/** What the functions of src/dsl/functions.ts mean, in ops of the graph. */
import { type Formula, numbersOf } from "../../../dsl/formulas.ts"
import type { Attrs, FunctionName, Interpolation } from "../../../dsl/layer.ts"
import { otherWidth } from "../../../dsl/sentences.ts"
import type { Builder } from "../../ir/builder.ts"
import type { Shape } from "../../ir/graph.ts"
import { relPosAttentionBeside } from "../../ops/attentionPieces.ts"
import { type Context, WrongWidths } from "./context.ts"
import { rearrangement } from "./rearrange.ts"

type Meaning = (ctx: Context, args: readonly number[], attrs: Attrs) => number

const number = (attrs: Attrs, name: string): number => attrs[name] as number

export const rearrange = (
  b: Builder,
  x: number,
  pattern: string,
  sizes: Readonly<Record<string, number>> = {},
): number => {
  const { split, perm, shape } = rearrangement(pattern, b.shapeOf(x), sizes)
  return b.reshape(b.transpose(b.reshape(x, split), perm), shape)
}

/** The part of x from start to end on one axis. */
export const sliceAxis = (b: Builder, x: number, axis: number, start: number, end: number): number => {
  const shape = b.shapeOf(x)
  const at = axis < 0 ? axis + shape.length : axis
  const stop = end < 0 ? end + shape[at]! : end
  return b.slice(
    x,
    shape.map((_, i) => (i === at ? start : 0)),
    shape.map((extent, i) => (i === at ? stop : extent)),
  )
}

const padEnds = (b: Builder, x: number, after: Shape): number =>
  b.pad(
    x,
    after.map(() => 0),
    after,
  )

const multiple = (extent: number, size: number): number => Math.ceil(extent / size) * size

const windows = (b: Builder, x: number, size: number): number => {
  const [, h, w] = b.shapeOf(x) as [number, number, number, number]
  const padded = padEnds(b, x, [0, multiple(h, size) - h, multiple(w, size) - w, 0])
  return rearrange(b, padded, "b (rows h) (columns w) c -> (b rows columns) h w c", { h: size, w: size })
}

const unwindows = (b: Builder, x: number, size: number, like: number): number => {
  const [, h, w] = b.shapeOf(like) as [number, number, number, number]
  const sizes = { rows: multiple(h, size) / size, columns: multiple(w, size) / size }
  const grid = rearrange(b, x, "(b rows columns) h w c -> b (rows h) (columns w) c", sizes)
  return sliceAxis(b, sliceAxis(b, grid, 1, 0, h), 2, 0, w)
}

const attention = (b: Builder, [q, k, v]: readonly number[], heads: number): number => {
  const split = (x: number) => rearrange(b, x, "b n (heads c) -> b heads n c", { heads })
  const width = b.shapeOf(q!).at(-1)! / heads
  const out = b.attention(split(q!), split(k!), split(v!), { scale: width ** -0.5 })
  return rearrange(b, out, "b heads n c -> b n (heads c)")
}

const relPosAttention = (b: Builder, args: readonly number[], heads: number): number => {
  const [qkv, tableH, tableW, keys, values] = args
  const [, height, width] = b.shapeOf(qkv!) as [number, number, number, number]
  const split = rearrange(b, qkv!, "b h w (three heads c) -> three b heads (h w) c", { three: 3, heads })
  const part = (i: number) => {
    const [, ...shape] = b.shapeOf(split)
    return b.reshape(sliceAxis(b, split, 0, i, i + 1), shape)
  }
  const [q, k, v] = [part(0), part(1), part(2)]
  const scale = b.shapeOf(q).at(-1)! ** -0.5
  const inputs = [q, k, v, tableH!, tableW!] as const
  const byHead = (x: number) => rearrange(b, x, "b n (heads c) -> b heads n c", { heads })
  const attrs = { scale, height, width }
  const out =
    keys === undefined
      ? b.relPosAttention(...inputs, attrs)
      : relPosAttentionBeside(b, inputs, attrs, byHead(keys), byHead(values!))
  return rearrange(b, out, "b heads (h w) c -> b h w (heads c)", { h: height })
}

const usual: Interpolation = { mode: "bilinear", alignCorners: false }
/** An image in another size. */
export const resized = (
  b: Builder,
  x: number,
  height: number,
  width: number,
  { mode, alignCorners }: Interpolation = usual,
): number => {
  const [, , h, w] = b.shapeOf(x)
  if (h === height && w === width) return x
  return mode === "bilinear" && !alignCorners
    ? b.resizeBilinear(x, { height, width })
    : b.resize(x, { height, width, mode, alignCorners })
}
const interpolationOf = ({ mode = "bilinear", corners }: Attrs): Interpolation => ({
  mode: mode as Interpolation["mode"],
  alignCorners: corners === "aligned",
})

/** Zeros on both sides of height and width. */
const padLike = (b: Builder, x: number, like: number): number => {
  const [shape, whole] = [b.shapeOf(x), b.shapeOf(like)]
  const lacks = [2, 3].map((axis) => whole[axis]! - shape[axis]!) as [number, number]
  if (lacks.some((n) => n < 0))
    throw new Error(`[${shape.join(", ")}] is larger than [${whole.join(", ")}], to which it should be padded`)
  const before = lacks.map((n) => Math.floor(n / 2))
  return b.pad(x, [0, 0, ...before], [0, 0, ...lacks.map((n, i) => n - before[i]!)])
}

const repeatBatch = (b: Builder, x: number, like: number): number => {
  const [, ...rest] = b.shapeOf(x)
  return b.broadcast(x, [b.shapeOf(like)[0]!, ...rest])
}

/** [b, …] → [b, n, …], and back by a mean: what windows of one image have in common. */
const repeatEach = (b: Builder, x: number, like: number): number => {
  const [batch, ...rest] = b.shapeOf(x) as readonly [number, ...number[]]
  const whole = b.shapeOf(like)[0]!
  return b.reshape(b.broadcast(b.reshape(x, [batch, 1, ...rest]), [batch, whole / batch, ...rest]), [whole, ...rest])
}
const meanEach = (b: Builder, x: number, like: number): number => {
  const [whole, ...rest] = b.shapeOf(x) as readonly [number, ...number[]]
  const batch = b.shapeOf(like)[0]!
  return b.reduceMean(b.reshape(x, [batch, whole / batch, ...rest]), { axes: [1], keepDims: false })
}

const centresOf = (height: number, width: number): readonly number[] => {
  const values = new Array<number>(2 * height * width)
  for (let i = 0; i < height * width; i += 1) {
    values[2 * i] = ((i % width) + 0.5) / width
    values[2 * i + 1] = (Math.floor(i / width) + 0.5) / height
  }
  return values
}
/** Those of the last sizes: models of one command share them, and what graphs know of them. */
const centres = new Map<string, readonly number[]>()
const pixelCentres = (b: Builder, height: number, width: number): number => {
  const key = `${height}x${width}`
  const values = centres.get(key) ?? centresOf(height, width)
  if (centres.size > 16) centres.clear()
  centres.set(key, values)
  return b.constant(values, [1, height, width, 2])
}

const concat = (b: Builder, values: readonly number[], axis: number): number => {
  const rank = b.shapeOf(values[0]!).length
  return values.length === 1 ? values[0]! : b.concat(values, axis < 0 ? axis + rank : axis)
}

/** Two operands that broadcast: their widths are equal, or one is 1. */
const ofTwo =
  (op: "add" | "sub" | "mul" | "div"): Meaning =>
  ({ b }, [x, y]) => {
    const [left, right] = [b.shapeOf(x!), b.shapeOf(y!)]
    const axis = left.length === 4 && right.length === 4 && left[3] === right[3] ? 1 : -1
    const [m, n] = [left.at(axis) ?? 1, right.at(axis) ?? 1]
    if (m !== n && m !== 1 && n !== 1) throw new WrongWidths(otherWidth(m, n))
    return b[op](x!, y!)
  }

const axisOf = (b: Builder, x: number, attrs: Attrs): number => {
  const rank = b.shapeOf(x).length
  const axis = number(attrs, "axis")
  const at = axis < 0 ? axis + rank : axis
  if (!(at >= 0 && at < rank)) throw new Error(`there is no axis ${axis} in [${b.shapeOf(x).join(", ")}]`)
  return at
}

/** Cyclic: the last `by` of an axis come first. */
const roll = (b: Builder, x: number, axis: number, by: number): number => {
  const extent = b.shapeOf(x)[axis]!
  const shift = ((by % extent) + extent) % extent
  if (shift === 0) return x
  return b.concat([sliceAxis(b, x, axis, extent - shift, extent), sliceAxis(b, x, axis, 0, extent - shift)], axis)
}

/** Total: a function of the language without a meaning does not compile. `either` is the module's own (module.ts). */
export const meanings: { readonly [F in Exclude<FunctionName, "either">]: Meaning } = {
  add: ofTwo("add"),
  sub: ofTwo("sub"),
  mul: ofTwo("mul"),
  div: ofTwo("div"),
  scale: ({ b }, [x], attrs) => b.scale(x!, number(attrs, "by")),
  shift: ({ b }, [x], attrs) => b.shift(x!, number(attrs, "by")),
  matmul: ({ b }, [x, y]) => b.matmul(x!, y!),
  relu: ({ b }, [x]) => b.relu(x!),
  gelu: ({ b }, [x]) => b.gelu(x!),
  sigmoid: ({ b }, [x]) => b.sigmoid(x!),
  tanh: ({ b }, [x]) => b.tanh(x!),
  sin: ({ b }, [x]) => b.sin(x!),
  cos: ({ b }, [x]) => b.cos(x!),
  exp: ({ b }, [x]) => b.exp(x!),
  log: ({ b }, [x]) => b.log(x!),
  softmax: ({ b }, [x]) => b.softmax(x!),
  equals: ({ b }, [x], attrs) => b.equals(x!, number(attrs, "value")),
  constant: ({ b }, _, { values, shape }) => b.constant(values as readonly number[], shape as Shape),
  rearrange: ({ b }, [x], { pattern, sizes }) =>
    rearrange(b, x!, pattern as string, sizes as Readonly<Record<string, number>>),
  concat: ({ b }, values, attrs) => concat(b, values, number(attrs, "axis")),
  slice: ({ b }, [x], attrs) => sliceAxis(b, x!, number(attrs, "axis"), number(attrs, "start"), number(attrs, "end")),
  mean: ({ b }, [x], attrs) => b.reduceMean(x!, { axes: [axisOf(b, x!, attrs)], keepDims: false }),
  sum: ({ b }, [x], attrs) => b.reduceSum(x!, { axes: [axisOf(b, x!, attrs)], keepDims: false }),
  pad: ({ b }, [x], attrs) => {
    const axis = axisOf(b, x!, attrs)
    const on = (side: string) => b.shapeOf(x!).map((_, i) => (i === axis ? number(attrs, side) : 0))
    return b.pad(x!, on("before"), on("after"))
  },
  roll: ({ b }, [x], attrs) => roll(b, x!, axisOf(b, x!, attrs), number(attrs, "by")),
  padLike: ({ b }, [x, like]) => padLike(b, x!, like!),
  gather: ({ b }, [x], attrs) =>
    b.gather(x!, "formula" in attrs ? numbersOf(attrs as unknown as Formula) : (attrs["indices"] as readonly number[])),
  repeatBatch: ({ b }, [x, like]) => repeatBatch(b, x!, like!),
  repeatEach: ({ b }, [x, like]) => repeatEach(b, x!, like!),
  meanEach: ({ b }, [x, like]) => meanEach(b, x!, like!),
  windows: ({ b }, [x], attrs) => windows(b, x!, number(attrs, "size")),
  unwindows: ({ b }, [x, like], attrs) => unwindows(b, x!, number(attrs, "size"), like!),
  attention: ({ b }, args, attrs) => attention(b, args, number(attrs, "heads")),
  relPosAttention: ({ b }, args, attrs) => relPosAttention(b, args, number(attrs, "heads")),
  resize: ({ b }, [x], attrs) =>
    resized(b, x!, number(attrs, "height"), number(attrs, "width"), interpolationOf(attrs)),
  resizeTo: ({ b, extents }, [x], { size }) => resized(b, x!, ...extents[size as string]!),
  padTo: ({ b }, [x], attrs) => {
    const [, , h, w] = b.shapeOf(x!) as [number, number, number, number]
    const size = number(attrs, "size")
    if (h > size || w > size) throw new Error(`the image is ${h} × ${w}, larger than the model's ${size} × ${size}`)
    return padEnds(b, x!, [0, 0, size - h, size - w])
  },
  cropLike: ({ b }, [x, like]) => {
    const [, , h, w] = b.shapeOf(like!) as [number, number, number, number]
    return sliceAxis(b, sliceAxis(b, x!, 2, 0, h), 3, 0, w)
  },
  pixelCentres: ({ b }, _, attrs) => pixelCentres(b, number(attrs, "height"), number(attrs, "width")),
}
