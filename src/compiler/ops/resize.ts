/** Images [n, c, h, w] in another size. Interpolation is separable: a matrix for the rows and one for the columns. */
import type { Builder, Value } from "../ir/builder.ts"
import { array } from "../ir/evaluate/array.ts"
import { type Shape, sizeOf } from "../ir/graph.ts"
import { check, type Image, imageOf, isShape, planeOf, show } from "../ir/shapes.ts"
import type { Composite } from "./op.ts"

export interface Size {
  readonly height: number
  readonly width: number
}

const resized = (x: Shape, { height, width }: Size): Shape => {
  const [n, c] = imageOf(x, () => `resizing takes [n, c, h, w], not ${show(x)}`)
  check(isShape([height, width]), () => `an image cannot be ${height} × ${width}`)
  return [n, c, height, width]
}

/** For each output index: the two neighbours and the share of the second. Half-pixel centres, clamped (align_corners=False). */
export const bilinearTaps = (
  from: number,
  to: number,
): readonly (readonly [low: number, high: number, share: number])[] =>
  Array.from({ length: to }, (_, i) => {
    const at = Math.max(0, ((i + 0.5) * from) / to - 0.5)
    const low = Math.min(Math.floor(at), from - 1)
    return [low, Math.min(low + 1, from - 1), at - low] as const
  })
/** [to, from]: each row has the shares of its two neighbours. */
const interpolation = (b: Builder, from: number, to: number): Value => {
  const values = new Array<number>(from * to).fill(0)
  bilinearTaps(from, to).forEach(([low, high, share], i) => {
    values[i * from + low]! += 1 - share
    values[i * from + high]! += share
  })
  return b.constant(values, [to, from])
}

const eachBilinear = (small: Shape, large: Shape, visit: (from: number, to: number, weight: number) => void): void => {
  const [n, c, h, w] = small as Image
  const [oh, ow] = planeOf(large)
  const rows = bilinearTaps(h, oh)
  const columns = bilinearTaps(w, ow)
  for (let plane = 0; plane < n * c; plane += 1)
    rows.forEach(([y0, y1, fy], y) =>
      columns.forEach(([x0, x1, fx], x) => {
        const to = (plane * oh + y) * ow + x
        const at = (row: number, column: number) => (plane * h + row) * w + column
        visit(at(y0, x0), to, (1 - fy) * (1 - fx))
        visit(at(y0, x1), to, (1 - fy) * fx)
        visit(at(y1, x0), to, fy * (1 - fx))
        visit(at(y1, x1), to, fy * fx)
      }),
    )
}

/** Half-pixel centres, edges clamped: [n, c, h, w] → [n, c, height, width]. */
export const resizeBilinear: Composite<1, Size> = {
  operands: 1,
  shape: ([x], size) => resized(x, size),
  meaning: ([x], _, shape) => {
    const out = array(shape)
    eachBilinear(x.shape, shape, (from, to, weight) => (out.data[to]! += weight * x.data[from]!))
    return out
  },
  /** Four products and three sums. */
  flops: 7,
  gradient: ({ b, x: [x], g }) => {
    const [height, width] = planeOf(b.shapeOf(x))
    return [b.resizeBilinearGrad(g, { height, width })]
  },
  decompose: (b, [x], { height, width }) => {
    const [h, w] = planeOf(b.shapeOf(x))
    const wide = b.matmul(x, interpolation(b, w, width), { transposeB: true })
    return b.matmul(interpolation(b, h, height), wide)
  },
  examples: [{ attrs: { height: 6, width: 6 }, inputs: [[1, 2, 3, 4]] }],
  edges: [
    { attrs: { height: 6, width: 5 }, inputs: [[2, 1, 1, 1]] },
    { attrs: { height: 1, width: 1 }, inputs: [[1, 1, 3, 4]] },
    { attrs: { height: 3, width: 1 }, inputs: [[1, 2, 3, 4]] },
    { attrs: { height: 1, width: 6 }, inputs: [[2, 1, 1, 4]] },
  ],
}
/** Gradient [n, c, h', w'] → [n, c, height, width]. */
export const resizeBilinearGrad: Composite<1, Size> = {
  operands: 1,
  shape: ([g], size) => resized(g, size),
  meaning: ([g], _, shape) => {
    const out = array(shape)
    eachBilinear(shape, g.shape, (from, to, weight) => (out.data[from]! += weight * g.data[to]!))
    return out
  },
  flops: ([g]) => 8 * sizeOf(g),
  gradient: ({ b, x: [g], g: slope }) => {
    const [height, width] = planeOf(b.shapeOf(g))
    return [b.resizeBilinear(slope, { height, width })]
  },
  decompose: (b, [g], { height, width }) => {
    const [h, w] = planeOf(b.shapeOf(g))
    const wide = b.matmul(g, interpolation(b, width, w))
    return b.matmul(interpolation(b, height, h), wide, { transposeA: true })
  },
  examples: [{ attrs: { height: 3, width: 4 }, inputs: [[1, 2, 6, 6]] }],
  edges: [
    { attrs: { height: 1, width: 1 }, inputs: [[2, 1, 6, 5]] },
    { attrs: { height: 3, width: 4 }, inputs: [[1, 1, 1, 1]] },
    { attrs: { height: 3, width: 4 }, inputs: [[1, 2, 3, 1]] },
  ],
}

export const resizing = { resizeBilinear, resizeBilinearGrad }
