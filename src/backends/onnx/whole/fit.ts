/**
 * Images of any size become what a network sees, inside the file, and what it gives becomes an answer at the image's own size. The arithmetic of
 * src/runtime/data/resize.ts and src/runtime/task/pixels.ts, in 64-bit floats, which hold each step of Pillow's fixed point exactly.
 */
import { type Pixels, surely } from "../../../dsl/task.ts"
import type { Emitter } from "../emitter.ts"
import { types } from "../model.ts"

/** A side of the image in the file: a vector of one integer. */
interface Side {
  readonly given: string
  /** As it lies in what the network sees. */
  readonly fitted: string
}
export interface Geometry {
  readonly height: Side
  readonly width: Side
}

const toDouble = (e: Emitter, x: string) => e.node("Cast", [x], { to: types.float64 })
const toWhole = (e: Emitter, x: string) => e.node("Cast", [x], { to: types.int64 })
const toFloat = (e: Emitter, x: string) => e.node("Cast", [x], { to: types.float32 })
/** 0, 1, … up to a side. */
const numbered = (e: Emitter, side: string) => {
  const scalar = (x: string) => e.node("Squeeze", [x, e.ints([0])])
  return e.node("Range", [scalar(e.ints([0])), scalar(side), scalar(e.ints([1]))])
}

/** Where the image comes to lie: ⌊x·scale + ½⌋, or all of what the network sees. */
export const geometryOf = (e: Emitter, image: string, { size: [height, width], fit }: Pixels): Geometry => {
  const [h, w] = [0, 1].map((axis) => e.node("Shape", [image], { start: axis, end: axis + 1 })) as [string, string]
  if (fit === "stretch")
    return { height: { given: h, fitted: e.ints([height]) }, width: { given: w, fitted: e.ints([width]) } }
  const [hs, ws] = [toDouble(e, h), toDouble(e, w)]
  const scale = e.node("Min", [e.node("Div", [e.double(height), hs]), e.node("Div", [e.double(width), ws])])
  const side = (extent: string, most: number) => {
    const rounded = e.node("Floor", [e.node("Add", [e.node("Mul", [extent, scale]), e.double(0.5)])])
    return toWhole(e, e.node("Min", [e.double(most), e.node("Max", [e.double(1), rounded])]))
  }
  return { height: { given: h, fitted: side(hs, height) }, width: { given: w, fitted: side(ws, width) } }
}

/** What each pixel gives to each place, [places, pixels], before its sum is one: bilinear, wider where a place is wider than a pixel. */
const triangles = (e: Emitter, count: string, given: string, scale: string) => {
  const support = e.node("Max", [scale, e.double(1)])
  const places = e.node("Unsqueeze", [toDouble(e, numbered(e, count)), e.ints([1])])
  const centre = e.node("Mul", [e.node("Add", [places, e.double(0.5)]), scale])
  const pixel = e.node("Unsqueeze", [toDouble(e, numbered(e, given)), e.ints([0])])
  const end = (op: "Add" | "Sub") => e.node("Floor", [e.node("Add", [e.node(op, [centre, support]), e.double(0.5)])])
  const inside = e.node("And", [e.node("GreaterOrEqual", [pixel, end("Sub")]), e.node("Less", [pixel, end("Add")])])
  const distance = e.node("Div", [e.node("Add", [e.node("Sub", [pixel, centre]), e.double(0.5)]), support])
  const triangle = e.node("Max", [e.double(0), e.node("Sub", [e.double(1), e.node("Abs", [distance])])])
  const share = e.node("Mul", [triangle, toDouble(e, inside)])
  return { centre, share, sum: e.node("ReduceSum", [share, e.ints([1])], { keepdims: 1 }) }
}
/** How much each pixel of a side gives to each of its fitted pixels, [fitted, given], in 2⁻²²: Pillow's bilinear filter, wider when an image shrinks. */
const weights = (e: Emitter, { given, fitted }: Side): string => {
  const scale = e.node("Div", [toDouble(e, given), toDouble(e, fitted)])
  const { share, sum } = triangles(e, fitted, given, scale)
  const scaled = e.node("Mul", [e.node("Div", [share, sum]), e.double(2 ** 22)])
  return e.node("Floor", [e.node("Add", [scaled, e.double(0.5)])])
}
/** Sums of 2⁻²² as bytes. */
const toBytes = (e: Emitter, sums: string): string => {
  const rounded = e.node("Floor", [e.node("Mul", [e.node("Add", [sums, e.double(2 ** 21)]), e.double(2 ** -22)])])
  return e.node("Min", [e.double(255), e.node("Max", [e.double(0), rounded])])
}

/** Red, green, blue [3, h, w] as the channels that the network takes: one is grey, three are colours, any more are grey. */
const channelled = (e: Emitter, rgb: string, channels: number): string => {
  if (channels === 3) return rgb
  const of = (channel: number) => e.slice(rgb, [3, 1, 1], [channel, 0, 0], [channel + 1, 1, 1])
  const weighed = [299, 587, 114].map((weight, channel) => e.node("Mul", [of(channel), e.double(weight)]))
  const sum = e.node("Add", [e.node("Add", [weighed[0]!, weighed[1]!]), weighed[2]!])
  const grey = e.node("Div", [sum, e.double(1000)])
  if (channels === 1) return grey
  const greys = Array.from({ length: Math.max(0, channels - 3) }, () => grey)
  return e.node("Concat", [...Array.from({ length: Math.min(3, channels) }, (_, c) => of(c)), ...greys], { axis: 0 })
}

/** Beside the image is padding. [channels, h, w] → [channels, height, width]. */
const placed = (
  e: Emitter,
  x: string,
  { fit, size: [height, width], channels, padding }: Pixels,
  at: Geometry,
): string => {
  if (fit === "stretch") return x
  const lacks = (most: number, side: Side) => e.node("Sub", [e.ints([most]), side.fitted])
  const pads = e.node("Concat", [e.ints([0, 0, 0, 0]), lacks(height, at.height), lacks(width, at.width)], { axis: 0 })
  const [fill] = padding
  if (padding.every((value) => value === fill)) return e.node("Pad", [x, pads, e.scalar(fill ?? 0)])
  const within = (side: Side, most: number, shape: readonly number[]) =>
    e.reshape(e.node("Less", [e.ints(Array.from({ length: most }, (_, i) => i)), side.fitted]), shape)
  const inside = e.node("And", [within(at.height, height, [height, 1]), within(at.width, width, [1, width])])
  return e.node("Where", [inside, e.node("Pad", [x, pads, e.scalar(0)]), e.floats(padding, [channels, 1, 1])])
}

/** An image [height, width, 3] of bytes as the network sees it, [1, channels, …size], raw. */
export const fed = (e: Emitter, image: string, pixels: Pixels, at: Geometry): string => {
  const bytes = e.transpose(toDouble(e, image), [2, 0, 1])
  const across = toBytes(e, e.node("MatMul", [bytes, e.transpose(weights(e, at.width), [1, 0])]))
  const down = toBytes(e, e.node("MatMul", [weights(e, at.height), across]))
  const whole = placed(e, toFloat(e, channelled(e, down, pixels.channels)), pixels, at)
  return e.node("Unsqueeze", [whole, e.ints([0])])
}

/** Fitted over given, of both sides, as 64-bit floats: x first. */
const scaleOf = (e: Emitter, { width, height }: Geometry): string =>
  e.node(
    "Concat",
    [width, height].map(({ fitted, given }) => e.node("Div", [toDouble(e, fitted), toDouble(e, given)])),
    { axis: 0 },
  )
/** Places [..., 2] or boxes [..., 4] in pixels of the image, as the network counts them. */
export const scaled = (e: Emitter, places: string, kind: "points" | "box", at: Geometry): string => {
  const scale = scaleOf(e, at)
  const by = kind === "points" ? scale : e.node("Concat", [scale, scale], { axis: 0 })
  return toFloat(e, e.node("Mul", [toDouble(e, places), by]))
}

/**
 * Logits of masks [n, 1, h, w] at the image's size as the network takes them, [n, 1, …size], padding outside: src/runtime/task/maskPrompt.ts.
 */
export const maskFed = (
  e: Emitter,
  logits: string,
  { size: [height, width] }: Pixels,
  at: Geometry,
  [rows, columns]: readonly [number, number],
): string => {
  const cells = ({ given, fitted }: Side, seen: number, count: number) => {
    const scale = e.node("Mul", [e.node("Div", [toDouble(e, given), toDouble(e, fitted)]), e.double(seen / count)])
    const { centre, share, sum } = triangles(e, e.ints([count]), given, scale)
    return {
      shares: e.node("Div", [share, e.node("Max", [sum, e.double(1e-300)])]),
      within: e.node("Less", [centre, toDouble(e, given)]),
    }
  }
  const [down, across] = [cells(at.height, height, rows), cells(at.width, width, columns)]
  const narrow = e.node("MatMul", [toDouble(e, logits), e.transpose(across.shares, [1, 0])])
  const small = e.node("MatMul", [down.shares, narrow])
  const within = e.node("And", [down.within, e.transpose(across.within, [1, 0])])
  return toFloat(e, e.node("Where", [within, small, e.double(-surely)]))
}

/** Images in another size, bilinear between the two nearest pixels. */
const resized = (e: Emitter, x: string, height: string, width: string): string => {
  const sizes = e.node("Concat", [e.node("Shape", [x], { start: 0, end: 2 }), height, width], { axis: 0 })
  return e.node("Resize", [x, "", "", sizes], { mode: "linear", coordinate_transformation_mode: "half_pixel" })
}
/** Logits [n, planes, h, w] that stand for all that the network sees, at the image's own size. */
export const undone = (
  e: Emitter,
  logits: string,
  [h, w]: readonly [number, number],
  { size: [height, width], fit }: Pixels,
  at: Geometry,
): string => {
  const full = h === height && w === width ? logits : resized(e, logits, e.ints([height]), e.ints([width]))
  const ends = e.node("Concat", [at.height.fitted, at.width.fitted], { axis: 0 })
  const inside = fit === "stretch" ? full : e.node("Slice", [full, e.ints([0, 0]), ends, e.ints([2, 3])])
  return resized(e, inside, at.height.given, at.width.given)
}
/** A point [1, 2] from 0 to 1 of what the network sees, in pixels of the image. */
export const located = (e: Emitter, point: string, { size: [height, width] }: Pixels, at: Geometry): string => {
  const seen = e.node("Mul", [toDouble(e, point), toDouble(e, e.ints([width, height]))])
  return toFloat(e, e.node("Sub", [e.node("Div", [seen, scaleOf(e, at)]), e.double(0.5)]))
}
