/**
 * Functions of values inside a module's forward. Each traces one step; the compiler gives it its meaning.
 * Images are [batch, channels, height, width], token grids [batch, height, width, features].
 * Shapes broadcast as PyTorch's: widths must be equal, or one of them 1.
 */
import { inputName, trace } from "./define.ts"
import type { Formula } from "./formulas.ts"
import type { FunctionName, Interpolation, Pair } from "./layer.ts"
import type { OtherWidth } from "./sentences.ts"
import type { Extent, Value } from "./value.ts"
import type { Problem } from "./width.ts"

interface OfTwo {
  <W extends number>(a: Value<W>, b: Value<NoInfer<W>>): Value<W>
  <W extends number>(a: Value<W>, b: Value<1>): Value<W>
  <W extends number>(a: Value<1>, b: Value<W>): Value<W>
  <A extends number, B extends number>(a: Value<A>, b: Value<B> & Problem<OtherWidth<A, B>>): Value<A>
}
const ofTwo =
  (fn: FunctionName): OfTwo =>
  (a: Value<any>, b: Value<any>): Value<any> =>
    trace(fn, [a, b])
type OfOne = <W extends number>(x: Value<W>) => Value<W>
const ofOne =
  (fn: FunctionName): OfOne =>
  (x) =>
    trace(fn, [x])

export const add = ofTwo("add")
export const sub = ofTwo("sub")
export const mul = ofTwo("mul")
export const div = ofTwo("div")
/** x · by */
export const scale = <W extends number>(x: Value<W>, by: number): Value<W> => trace("scale", [x], { by })
/** x + by */
export const shift = <W extends number>(x: Value<W>, by: number): Value<W> => trace("shift", [x], { by })
/** [..., m, k] × [..., k, n] */
export const matmul = <W extends number>(a: Value<any>, b: Value<W>): Value<W> => trace("matmul", [a, b])
export const relu = ofOne("relu")
/** The exact one, x·Φ(x). */
export const gelu = ofOne("gelu")
export const sigmoid = ofOne("sigmoid")
export const tanh = ofOne("tanh")
export const sin = ofOne("sin")
export const cos = ofOne("cos")
export const exp = ofOne("exp")
export const log = ofOne("log")
/** Over the last axis. */
export const softmax = ofOne("softmax")
/** 1 where x is exactly `value`, else 0. */
export const equals = <W extends number>(x: Value<W>, value: number): Value<W> => trace("equals", [x], { value })
/** Values in row-major order; one value fills the shape. */
export const constant = (values: readonly number[], shape: readonly number[]): Value =>
  trace("constant", [], { values, shape })

/**
 * Axes taken apart, reordered and merged, in einops' notation: `rearrange(x, "b h w c -> b (h w) c")`.
 * `sizes` gives the parts that the shape of x does not: `rearrange(x, "b n (heads c) -> b heads n c", { heads: 12 })`.
 * The width of the result can be said: `rearrange<768>(…)`; else the compiler knows it.
 */
export const rearrange = <W extends number = number>(
  x: Value<any>,
  pattern: string,
  sizes: Readonly<Record<string, number>> = {},
): Value<W> => trace("rearrange", [x], { pattern, sizes })

/** Values that are absent are left out. */
export const concat = (values: readonly (Value<any> | undefined)[], axis: number): Value =>
  trace("concat", values, { axis })
/** From start up to, not including, end; negative ends count from the last. */
export const slice = (x: Value<any>, axis: number, start: number, end: number): Value =>
  trace("slice", [x], { axis, start, end })
/** Mean over an axis, which goes. */
export const mean = (x: Value<any>, axis: number): Value => trace("mean", [x], { axis })
/** Sum over an axis, which goes. */
export const sum = (x: Value<any>, axis: number): Value => trace("sum", [x], { axis })
/** Zeros before and after x on one axis. */
export const pad = (x: Value<any>, axis: number, before: number, after: number): Value =>
  trace("pad", [x], { axis, before, after })
/** Cyclic: what leaves at the end of the axis comes in at its beginning, as torch.roll. */
export const roll = <W extends number>(x: Value<W>, axis: number, by: number): Value<W> =>
  trace("roll", [x], { axis, by })
/** Zeros around an image until it is as high and wide as the image `like`: half of what lacks, rounded down, before; the rest after. */
export const padLike = <W extends number>(x: Value<W>, like: Value<any>): Value<W> => trace("padLike", [x, like])
/** Rows of a table [rows, …] by numbers that are known, or by a formula's: [indices, …]. */
export const gather = <W extends number>(table: Value<W>, indices: readonly number[] | Formula): Value<W> =>
  trace("gather", [table], "formula" in indices ? { ...indices } : { indices })
/** For each pair of places (query, key) of a window, the row that its signed distance has in a table [(2h − 1)(2w − 1), …]; as Swin's. */
export const signedDistances = (window: Pair): Formula => ({ formula: "signedDistances", of: window })
/** For each pair of places of a window, the row that its distance has in a table [h·w, …], whatever its direction; as LeViT's and TinyViT's. */
export const distances = (window: Pair): Formula => ({ formula: "distances", of: window })
/** What keeps windows of a rolled grid apart, [windows, places, places]: 0 between places that were neighbours, −100 between others; as Swin's. */
export const shiftedWindows = ([height, width]: Pair, window: number, shift: number): Formula => ({
  formula: "shiftedWindows",
  of: [height, width, window, shift],
})
/** x, with a first axis of 1, once for each image in the batch of `like`. */
export const repeatBatch = <W extends number>(x: Value<W>, like: Value<any>): Value<W> =>
  trace("repeatBatch", [x, like])
/** x [b, …] → [n, …], each of its batch n / b times in a row, n of `like`: tokens of an image, for each of its windows. */
export const repeatEach = <W extends number>(x: Value<W>, like: Value<any>): Value<W> => trace("repeatEach", [x, like])
/** x [n, …] → [b, …], the mean of each n / b in a row, b of `like`: back from windows. */
export const meanEach = <W extends number>(x: Value<W>, like: Value<any>): Value<W> => trace("meanEach", [x, like])

/** [b, h, w, c] → [b · windows, size, size, c]; zeros pad the bottom and right. */
export const windows = <W extends number>(x: Value<W>, size: number): Value<W> => trace("windows", [x], { size })
/** Back to the height and width of `like`; padding goes. */
export const unwindows = <W extends number>(x: Value<W>, size: number, like: Value<any>): Value<W> =>
  trace("unwindows", [x, like], { size })

/** q [b, n, c], k and v [b, m, c] → [b, n, c]: softmax(q kᵀ / √(c / heads)) v, head by head. */
export const attention = <W extends number>(
  q: Value<W>,
  k: Value<NoInfer<W>>,
  v: Value<NoInfer<W>>,
  heads: number,
): Value<W> => trace("attention", [q, k, v], { heads })
/** qkv [b, h, w, 3c], tables [2h − 1, c / heads] and [2w − 1, c / heads] → [b, h, w, c]. The bias uses the unscaled q. */
export const relPosAttention = (qkv: Value<any>, tableH: Value<any>, tableW: Value<any>, heads: number): Value =>
  trace("relPosAttention", [qkv, tableH, tableW], { heads })

/** As F.interpolate. Default: bilinear, half-pixel centres. */
export const resize = <W extends number>(
  x: Value<W>,
  height: number,
  width: number,
  { mode = "bilinear", alignCorners = false }: Partial<Interpolation> = {},
): Value<W> => trace("resize", [x], { height, width, mode, ...(alignCorners ? { corners: "aligned" } : {}) })
/** Bilinear, to a size that is an input, such as original_size. */
export const resizeTo = <W extends number>(x: Value<W>, size: Extent): Value<W> =>
  trace("resizeTo", [x], { size: inputName(size) })
/** Zeros at the bottom and right, up to a square. */
export const padTo = <W extends number>(x: Value<W>, size: number): Value<W> => trace("padTo", [x], { size })
/** The top left of x, as high and wide as the image `like`. */
export const cropLike = <W extends number>(x: Value<W>, like: Value<any>): Value<W> => trace("cropLike", [x, like])
/** [1, height, width, 2]: (x, y) of each pixel's centre, from 0 to 1. */
export const pixelCentres = (height: number, width: number): Value<2> => trace("pixelCentres", [], { height, width })
