/** What shapes are, and the sentences about those that do not fit. Each op's own rule is in its record (compiler/ops). */
import type { Shape } from "./graph.ts"

export const show = (shape: Shape): string => `[${shape.join(", ")}]`
export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((extent, i) => extent === b[i])

const misfit = (sentence: string): never => {
  throw new Error(sentence)
}
/** Throws the sentence where something does not hold. */
export const check = (holds: boolean, sentence: () => string): void => {
  if (!holds) misfit(sentence())
}

export const isExtent = (n: number): boolean => Number.isInteger(n) && n > 0
export const isCount = (n: number): boolean => Number.isInteger(n) && n >= 0
export const isShape = (shape: Shape): boolean => shape.every(isExtent)
export const isAxis = (axis: number, x: Shape): boolean => isCount(axis) && axis < x.length
export const distinct = (xs: readonly number[]): boolean => new Set(xs).size === xs.length

/** NumPy's rule: aligned at the end, extents equal or 1. */
export const broadcast = (a: Shape, b: Shape): Shape => {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1
    const y = b[b.length - rank + i] ?? 1
    return x === y || y === 1 ? x : x === 1 ? y : misfit(`${show(a)} and ${show(b)} do not broadcast`)
  })
}

/** A gradient has the shape of what it is the gradient of. */
export const belongs = (gradient: Shape, y: Shape): void =>
  check(sameShape(gradient, y), () => `a gradient ${show(gradient)} does not belong to ${show(y)}`)

/** Extent of a window's output along one axis: floor((extent + padding − reach) / stride) + 1. */
export const windowed = (
  extent: number,
  before: number,
  after: number,
  kernel: number,
  stride: number,
  dilation = 1,
): number => Math.floor((extent + before + after - dilation * (kernel - 1) - 1) / stride) + 1

/** An image's shape, [n, c, h, w]. */
export type Image = readonly [n: number, c: number, h: number, w: number]
/** Throws where it is none. */
export const imageOf = (x: Shape, sentence: () => string): Image => {
  check(x.length === 4, sentence)
  return x as Image
}
/** The last two axes, height and width; of an image or a convolution's weight. */
export const planeOf = (x: Shape): readonly [height: number, width: number] => [x.at(-2) ?? 1, x.at(-1) ?? 1]
/** The last axis. */
export const lastOf = (x: Shape): number => x.at(-1) ?? 1
