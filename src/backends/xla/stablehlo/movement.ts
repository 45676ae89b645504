/** Rows chosen, added up, and interpolated: what is a table elsewhere is made from a few numbers here. */

import { type Shape, sizeOf } from "../../../compiler/ir/graph.ts"
import { bilinearTaps } from "../../../compiler/ops/resize.ts"
import { exactDot } from "./products.ts"
import type { Rule } from "./rule.ts"
import { tensorType } from "./text.ts"
import type { Writer } from "./writer.ts"

export const gather: Rule<"gather"> = ({ w, node: { attrs, shape }, inputs: [x], shapes: [xs] }) => {
  const count = attrs.indices.length
  const rest = xs!.slice(1).map((_, i) => i + 1)
  const indices = w.constant(attrs.indices, [count, 1], "i32")
  return w.op(
    `"stablehlo.gather"(${x}, ${indices}) <{dimension_numbers = #stablehlo.gather<offset_dims = [${rest.join(", ")}], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, slice_sizes = array<i64: ${[1, ...xs!.slice(1)].join(", ")}>}> : (${tensorType(xs!)}, ${tensorType([count, 1], "i32")}) -> ${tensorType(shape)}`,
  )
}

/** [rows, columns]: 1 in column `at[row]`, or in row `at[column]` with axis 1. */
const oneHot = (w: Writer, at: readonly number[], axis: 0 | 1, shape: Shape): string => {
  const wanted = w.along(w.constant(at, [at.length]), [at.length], [axis], shape)
  return w.compare("EQ", w.iota(1 - axis, shape), wanted, shape)
}

/**
 * A product with ones where a row goes: [rows, n] · [n, …]. A scatter would add with atomics on a GPU, in another order each time.
 */
export const scatterAdd: Rule<"scatterAdd"> = ({ w, node: { attrs, shape }, inputs: [x], shapes: [xs] }) => {
  const { indices, rows } = attrs
  const width = sizeOf(xs!.slice(1))
  const flat = [indices.length, width]
  const places = [rows, indices.length]
  const sums = exactDot(w, oneHot(w, indices, 1, places), places, w.reshape(x!, xs!, flat), flat, {
    contract: [1, 0],
    to: [rows, width],
  })
  return w.reshape(sums, [rows, width], shape)
}

export const classes: Rule<"oneHot"> = ({ w, node: { shape }, inputs: [ids], shapes: [s] }) => {
  const wide = w.along(
    ids!,
    s!,
    s!.map((_, axis) => axis),
    shape,
  )
  return w.compare("EQ", wide, w.iota(s!.length, shape), shape)
}

/** [to, from]: the shares of the two neighbours, from three numbers a row instead of `from`. */
const interpolation = (w: Writer, from: number, to: number): string => {
  const shape = [to, from]
  const taps = bilinearTaps(from, to)
  const share = (axis: 0 | 1, weight: (share: number) => number): string => {
    const weights = w.along(
      w.constant(
        taps.map((tap) => weight(tap[2])),
        [to],
      ),
      [to],
      [0],
      shape,
    )
    return w.binary(
      "multiply",
      oneHot(
        w,
        taps.map((tap) => tap[axis]),
        0,
        shape,
      ),
      weights,
      shape,
    )
  }
  return w.binary(
    "add",
    share(0, (x) => 1 - x),
    share(1, (x) => x),
    shape,
  )
}

/** Along the width, then along the height; towards the other side for the gradient. */
const resize = (
  w: Writer,
  x: string,
  xs: Shape,
  tables: readonly [string, string],
  sizes: readonly [Shape, Shape],
  back: boolean,
  to: Shape,
): string => {
  const [n, c, h] = xs as [number, number, number, number]
  const [height, width] = to.slice(2) as [number, number]
  const along = back ? 0 : 1
  const rows = [n * c * h, xs[3]!]
  const wide = exactDot(w, w.reshape(x, xs, rows), rows, tables[1], sizes[1], {
    contract: [1, along],
    to: [rows[0]!, width],
  })
  const planes = [n * c, h, width]
  const tall = exactDot(w, tables[0], sizes[0], w.reshape(wide, [rows[0]!, width], planes), planes, {
    contract: [along, 1],
    to: [height, n * c, width],
  })
  return w.reshape(w.transpose(tall, [height, n * c, width], [1, 0, 2]), [n * c, height, width], to)
}

export const resizeBilinear: Rule<"resizeBilinear"> = ({ w, node: { attrs, shape }, inputs: [x], shapes: [xs] }) => {
  const [, , h, width] = xs as [number, number, number, number]
  const tables = [interpolation(w, h, attrs.height), interpolation(w, width, attrs.width)] as const
  return resize(
    w,
    x!,
    xs!,
    tables,
    [
      [attrs.height, h],
      [attrs.width, width],
    ],
    false,
    shape,
  )
}
export const resizeBilinearGrad: Rule<"resizeBilinearGrad"> = ({
  w,
  node: { attrs, shape },
  inputs: [g],
  shapes: [gs],
}) => {
  const [, , h, width] = gs as [number, number, number, number]
  const tables = [interpolation(w, attrs.height, h), interpolation(w, attrs.width, width)] as const
  return resize(
    w,
    g!,
    gs!,
    tables,
    [
      [h, attrs.height],
      [width, attrs.width],
    ],
    true,
    shape,
  )
}
