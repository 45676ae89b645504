/**
 * Functions of values inside a module's forward. Each traces one step; the compiler gives it its meaning.
 * Images are [batch, channels, height, width], token grids [batch, height, width, features].
 */
import { trace, type Value } from "./define.ts"

export const add = (a: Value, b: Value) => trace("add", [a, b])
export const sub = (a: Value, b: Value) => trace("sub", [a, b])
export const mul = (a: Value, b: Value) => trace("mul", [a, b])
export const div = (a: Value, b: Value) => trace("div", [a, b])
/** x · by */
export const scale = (x: Value, by: number) => trace("scale", [x], { by })
/** x + by */
export const shift = (x: Value, by: number) => trace("shift", [x], { by })
/** [..., m, k] × [..., k, n] */
export const matmul = (a: Value, b: Value) => trace("matmul", [a, b])
export const sin = (x: Value) => trace("sin", [x])
export const cos = (x: Value) => trace("cos", [x])
/** Over the last axis. */
export const softmax = (x: Value) => trace("softmax", [x])
/** 1 where x is exactly `value`, else 0. */
export const equals = (x: Value, value: number) => trace("equals", [x], { value })
/** Values in row-major order; one value fills the shape. */
export const constant = (values: readonly number[], shape: readonly number[]) =>
  trace("constant", [], { values, shape })

/**
 * Axes taken apart, reordered and merged, in einops' notation: `rearrange(x, "b h w c -> b (h w) c")`.
 * `sizes` gives the parts that the shape of x does not: `rearrange(x, "b n (heads c) -> b heads n c", { heads: 12 })`.
 */
export const rearrange = (x: Value, pattern: string, sizes: Readonly<Record<string, number>> = {}) =>
  trace("rearrange", [x], { pattern, sizes })

/** Values that are absent are left out. */
export const concat = (values: readonly Value[], axis: number) => trace("concat", values, { axis })
/** From start up to, not including, end; negative ends count from the last. */
export const slice = (x: Value, axis: number, start: number, end: number) => trace("slice", [x], { axis, start, end })
/** Mean over an axis, which goes. */
export const mean = (x: Value, axis: number) => trace("mean", [x], { axis })
/** x, with a first axis of 1, once for each image in the batch of `like`. */
export const repeatBatch = (x: Value, like: Value) => trace("repeatBatch", [x, like])

/** [b, h, w, c] → [b · windows, size, size, c]; zeros pad the bottom and right. */
export const windows = (x: Value, size: number) => trace("windows", [x], { size })
/** Back to the height and width of `like`; padding goes. */
export const unwindows = (x: Value, size: number, like: Value) => trace("unwindows", [x, like], { size })

/** q [b, n, c], k and v [b, m, c] → [b, n, c]: softmax(q kᵀ / √(c / heads)) v, head by head. */
export const attention = (q: Value, k: Value, v: Value, heads: number) => trace("attention", [q, k, v], { heads })
/** qkv [b, h, w, 3c], tables [2h − 1, c / heads] and [2w − 1, c / heads] → [b, h, w, c]. The bias uses the unscaled q. */
export const relPosAttention = (qkv: Value, tableH: Value, tableW: Value, heads: number) =>
  trace("relPosAttention", [qkv, tableH, tableW], { heads })

/** Bilinear, half-pixel centres. */
export const resize = (x: Value, height: number, width: number) => trace("resize", [x], { height, width })
/** Bilinear, to a size [height, width] that an input names, such as original_size. */
export const resizeTo = (x: Value, size: string) => trace("resizeTo", [x], { size })
/** Zeros at the bottom and right, up to a square. */
export const padTo = (x: Value, size: number) => trace("padTo", [x], { size })
/** The top left of x, as high and wide as the image `like`. */
export const cropLike = (x: Value, like: Value) => trace("cropLike", [x, like])
/** [1, height, width, 2]: (x, y) of each pixel's centre, from 0 to 1. */
export const pixelCentres = (height: number, width: number) => trace("pixelCentres", [], { height, width })
