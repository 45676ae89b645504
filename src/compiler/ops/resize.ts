/** Images [n, c, h, w] in another size. Interpolation is separable: a matrix for the rows and one for the columns. */
import type { Builder, Value } from "../ir/builder.ts"
import { array } from "../ir/evaluate/array.ts"
import { type Shape, sizeOf } from "../ir/graph.ts"
import { check, type Image, imageOf, isShape, planeOf, show } from "../ir/shapes.ts"
import { first } from "./indexing.ts"
import type { Composite } from "./op.ts"

export interface Size {
  readonly height: number
  readonly width: number
}

/** Four times the side that a model may see. */
const longest = 65_536
const resized = (x: Shape, { height, width }: Size): Shape => {
  const [n, c] = imageOf(x, () => `resizing takes [n, c, h, w], not ${show(x)}`)
  check(
    isShape([height, width]) && Math.max(height, width) <= longest,
    () => `an image cannot be ${height} × ${width}: it has 1 to ${longest} pixels a side`,
  )
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
type Taps = readonly (readonly (readonly [index: number, share: number])[])[]
const bilinear = (from: number, to: number): Taps =>
  bilinearTaps(from, to).map(([low, high, share]) => [
    [low, 1 - share],
    [high, share],
  ])

/** A matrix of more numbers than this is not written out: an image of 4,096 pixels from 1,024 is the largest that has one. */
const largest = 2 ** 22
/** [to, from]. */
const matrix = (b: Builder, taps: Taps, from: number): Value => {
  const values = new Array<number>(taps.length * from).fill(0)
  taps.forEach((row, i) => {
    for (const [index, share] of row) values[i * from + index]! += share
  })
  return b.constant(values, [taps.length, from])
}
type Axis = 2 | 3
/** The shares of each tap, and the places that it reads. */
const tapByTap = (
  b: Builder,
  taps: Taps,
  axis: Axis,
): readonly { readonly indices: readonly number[]; readonly shares: Value }[] =>
  (taps[0] ?? []).map((_, k) => ({
    indices: taps.map((row) => row[k]![0]),
    shares: b.constant(
      taps.map((row) => row[k]![1]),
      axis === 3 ? [taps.length] : [taps.length, 1],
    ),
  }))
const total = (b: Builder, values: readonly Value[]): Value => values.reduce((sum, x) => b.add(sum, x))
/** x, along one axis, at the places of the taps. */
const along = (b: Builder, x: Value, axis: Axis, taps: Taps): Value => {
  const from = b.shapeOf(x)[axis]!
  if (from * taps.length > largest)
    return total(
      b,
      tapByTap(b, taps, axis).map(({ indices, shares }) => b.mul(b.take(x, axis, indices), shares)),
    )
  return axis === 3 ? b.matmul(x, matrix(b, taps, from), { transposeB: true }) : b.matmul(matrix(b, taps, from), x)
}
/** Its adjoint: g at the places of the taps goes back to the `from` places that it was made of. */
const back = (b: Builder, g: Value, axis: Axis, taps: Taps, from: number): Value => {
  if (from * taps.length > largest)
    return total(
      b,
      tapByTap(b, taps, axis).map(({ indices, shares }) =>
        first(b, b.scatterAdd(first(b, b.mul(g, shares), axis), { indices, rows: from }), axis),
      ),
    )
  return axis === 3 ? b.matmul(g, matrix(b, taps, from)) : b.matmul(matrix(b, taps, from), g, { transposeA: true })
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
    return along(b, along(b, x, 3, bilinear(w, width)), 2, bilinear(h, height))
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
    return back(b, back(b, g, 3, bilinear(width, w), width), 2, bilinear(height, h), height)
  },
  examples: [{ attrs: { height: 3, width: 4 }, inputs: [[1, 2, 6, 6]] }],
  edges: [
    { attrs: { height: 1, width: 1 }, inputs: [[2, 1, 6, 5]] },
    { attrs: { height: 3, width: 4 }, inputs: [[1, 1, 1, 1]] },
    { attrs: { height: 3, width: 4 }, inputs: [[1, 2, 3, 1]] },
  ],
}

// ---- any interpolation

export interface ResizeAttrs extends Size {
  /** As PyTorch's F.interpolate; nearest takes the pixel at the rounded-down place. */
  readonly mode: "nearest" | "bilinear" | "bicubic"
  /** The centres of the corners stay where they are; else pixels' outer edges do (half-pixel centres). */
  readonly alignCorners: boolean
}
/** Keys' cubic convolution with a = −0.75, for the pixels at distance 1 + t, t, 1 − t and 2 − t. */
const cubicShares = (t: number): readonly number[] => {
  const a = -0.75
  const near = (d: number) => ((a + 2) * d - (a + 3)) * d * d + 1
  const far = (d: number) => ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
  return [far(1 + t), near(t), near(1 - t), far(2 - t)]
}
/** For each output index, the pixels that it is made of and their shares; what lies outside is the pixel at the border. */
const tapsOf = (from: number, to: number, { mode, alignCorners }: ResizeAttrs): Taps =>
  Array.from({ length: to }, (_, i) => {
    if (mode === "nearest") return [[Math.min(Math.floor((i * from) / to), from - 1), 1]] as const
    const at = alignCorners ? (to === 1 ? 0 : (i * (from - 1)) / (to - 1)) : ((i + 0.5) * from) / to - 0.5
    const place = mode === "bilinear" ? Math.max(0, at) : at
    const low = Math.floor(place)
    const t = place - low
    const shares = mode === "bilinear" ? [1 - t, t] : cubicShares(t)
    const start = mode === "bilinear" ? low : low - 1
    return shares.map((share, k) => [Math.min(Math.max(start + k, 0), from - 1), share] as const)
  })
const eachTap = (
  small: Shape,
  large: Shape,
  attrs: ResizeAttrs,
  visit: (from: number, to: number, weight: number) => void,
): void => {
  const [n, c, h, w] = small as Image
  const [oh, ow] = planeOf(large)
  const rows = tapsOf(h, oh, attrs)
  const columns = tapsOf(w, ow, attrs)
  for (let plane = 0; plane < n * c; plane += 1)
    rows.forEach((inRow, y) =>
      columns.forEach((inColumn, x) => {
        for (const [row, a] of inRow)
          for (const [column, b] of inColumn) visit((plane * h + row) * w + column, (plane * oh + y) * ow + x, a * b)
      }),
    )
}
const checkMode = ({ mode, alignCorners }: ResizeAttrs): void => {
  check(["nearest", "bilinear", "bicubic"].includes(mode), () => `there is no resizing '${mode}'`)
  check(!(alignCorners && mode === "nearest"), () => "nearest aligns no corners")
}
/** Products and sums for each element of the larger side. */
const eachElement = { nearest: 0, bilinear: 7, bicubic: 31 } as const
/** Nearest by whole factors repeats rows and columns; undefined where it is not so. */
const factors = (small: Shape, large: Shape, mode: string): readonly [number, number] | undefined => {
  const [[h, w], [height, width]] = [planeOf(small), planeOf(large)]
  return mode === "nearest" && height % h === 0 && width % w === 0 ? [height / h, width / w] : undefined
}
const how = [
  { mode: "nearest", alignCorners: false },
  { mode: "bilinear", alignCorners: false },
  { mode: "bilinear", alignCorners: true },
  { mode: "bicubic", alignCorners: false },
  { mode: "bicubic", alignCorners: true },
] as const
const named = ({ mode, alignCorners }: (typeof how)[number]): string =>
  `${mode}${alignCorners ? ", corners aligned" : ""}`
interface Sizes {
  readonly small: Shape
  readonly large: Shape
}
const usual: Sizes = { small: [1, 2, 3, 4], large: [1, 2, 7, 6] }
const odd: readonly Sizes[] = [
  { small: [2, 1, 1, 1], large: [2, 1, 3, 4] },
  { small: [1, 1, 3, 4], large: [1, 1, 1, 1] },
  { small: [1, 2, 3, 1], large: [1, 2, 6, 1] },
  { small: [1, 2, 2, 3], large: [1, 2, 4, 9] },
]
const tried = (sizes: readonly Sizes[], fed: "small" | "large", made: "small" | "large") =>
  sizes.flatMap((of) =>
    how.map((one) => {
      const [height, width] = planeOf(of[made])
      return { when: named(one), attrs: { height, width, ...one }, inputs: [of[fed]] as const }
    }),
  )

/** Any size and interpolation: [n, c, h, w] → [n, c, height, width]. */
export const resize: Composite<1, ResizeAttrs> = {
  operands: 1,
  shape: ([x], attrs) => {
    checkMode(attrs)
    return resized(x, attrs)
  },
  meaning: ([x], attrs, shape) => {
    const out = array(shape)
    eachTap(x.shape, shape, attrs, (from, to, weight) => (out.data[to]! += weight * x.data[from]!))
    return out
  },
  flops: (_, { mode }, shape) => eachElement[mode] * sizeOf(shape),
  gradient: ({ b, x: [x], attrs, g }) => {
    const [height, width] = planeOf(b.shapeOf(x))
    return [b.resizeGrad(g, { ...attrs, height, width })]
  },
  decompose: (b, [x], attrs) => {
    const { height, width, mode } = attrs
    const [n, c, h, w] = b.shapeOf(x) as Image
    const times = factors([h, w], [height, width], mode)
    if (times !== undefined) {
      const apart = b.reshape(x, [n * c, h, 1, w, 1])
      return b.reshape(b.broadcast(apart, [n * c, h, times[0], w, times[1]]), [n, c, height, width])
    }
    return along(b, along(b, x, 3, tapsOf(w, width, attrs)), 2, tapsOf(h, height, attrs))
  },
  examples: tried([usual], "small", "large"),
  edges: tried(odd, "small", "large"),
}
/** Gradient [n, c, h', w'] → [n, c, height, width], the size of what was resized. */
export const resizeGrad: Composite<1, ResizeAttrs> = {
  operands: 1,
  shape: ([g], attrs) => {
    checkMode(attrs)
    return resized(g, attrs)
  },
  meaning: ([g], attrs, shape) => {
    const out = array(shape)
    eachTap(shape, g.shape, attrs, (from, to, weight) => (out.data[from]! += weight * g.data[to]!))
    return out
  },
  flops: ([g], { mode }) => (eachElement[mode] + 1) * sizeOf(g),
  gradient: ({ b, x: [g], attrs, g: slope }) => {
    const [height, width] = planeOf(b.shapeOf(g))
    return [b.resize(slope, { ...attrs, height, width })]
  },
  decompose: (b, [g], attrs) => {
    const { height, width, mode } = attrs
    const [n, c, h, w] = b.shapeOf(g) as Image
    const times = factors([height, width], [h, w], mode)
    if (times !== undefined) {
      const apart = b.reshape(g, [n * c, height, times[0], width, times[1]])
      return b.reshape(b.reduceSum(apart, { axes: [2, 4], keepDims: false }), [n, c, height, width])
    }
    return back(b, back(b, g, 3, tapsOf(width, w, attrs), width), 2, tapsOf(height, h, attrs), height)
  },
  examples: tried([usual], "large", "small"),
  edges: tried(odd, "large", "small"),
}

export const resizing = { resizeBilinear, resizeBilinearGrad, resize, resizeGrad }
