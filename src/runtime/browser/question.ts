/** A question about an image, as a model is fed it: only what it takes, under the names that it gives. */
import type { Tensor, Tensors } from "../../compiler/ir/graph.ts"
import type { ModelData } from "../../dsl/model.ts"
import type { Feed } from "../../dsl/task.ts"
import { type Point, scalePoint } from "../data/point.ts"
import type { Size } from "../task/pixels.ts"

export interface AskedPoint extends Point {
  readonly inside: boolean
}
/** In pixels of the original image, x first. */
export interface Question {
  readonly points: readonly AskedPoint[]
  /** x0, y0, x1, y1 */
  readonly box?: readonly [number, number, number, number]
}

/** Does the model answer this? One that is asked about no place answers nothing but the image; another needs a point or a box that it takes. */
export const isQuestion = ({ takes }: Pick<ModelData, "takes">, { points, box }: Question): boolean => {
  const kinds = new Set(Object.values(takes).map(({ kind }) => kind))
  if (!kinds.has("points") && !kinds.has("box")) return true
  return (kinds.has("points") && points.length > 0) || (kinds.has("box") && box !== undefined)
}

/** Of the inputs that no prompt of the question is for: a model that must have them is asked about nothing there, as in training. */
const nothing: Question = { points: [], box: [0, 0, 0, 0] }

const feedOf = (feed: Feed, { points, box }: Question): Tensor | undefined => {
  if (feed.kind === "points" && feed.part === "coords")
    return points.length === 0
      ? { shape: [1, 1, 2], data: Float32Array.of(0, 0) }
      : { shape: [1, points.length, 2], data: Float32Array.from(points.flatMap(({ x, y }) => [x, y])) }
  if (feed.kind === "points")
    return points.length === 0
      ? { shape: [1, 1], data: Float32Array.of(-1) }
      : { shape: [1, points.length], data: Float32Array.from(points, ({ inside }) => Number(inside)) }
  if (feed.kind === "box" && box !== undefined) return { shape: [1, 4], data: Float32Array.from(box) }
  return undefined
}

/** Prompts by input, in pixels of the fitted image. */
export const questionFeeds = (
  { takes, network }: Pick<ModelData, "takes" | "network">,
  question: Question,
  { from, to }: { readonly from: Size; readonly to: Size },
): Tensors => {
  const optional = new Set(network.kind === "module" ? network.optional : [])
  const scaled: Question = {
    points: question.points.map(({ inside, ...point }) => ({ ...scalePoint(point, from, to), inside })),
    ...(question.box === undefined ? {} : { box: scaledBox(question.box, from, to) }),
  }
  return Object.fromEntries(
    Object.entries(takes).flatMap(([name, feed]) => {
      const given = feed.kind === "points" ? scaled.points.length > 0 : feed.kind === "box" && scaled.box !== undefined
      const fed = given ? feedOf(feed, scaled) : optional.has(name) ? undefined : feedOf(feed, nothing)
      return fed === undefined ? [] : [[name, fed] as const]
    }),
  )
}

const scaledBox = (
  [x0, y0, x1, y1]: NonNullable<Question["box"]>,
  from: Size,
  to: Size,
): NonNullable<Question["box"]> => {
  const [a, b] = [scalePoint({ x: x0, y: y0 }, from, to), scalePoint({ x: x1, y: y1 }, from, to)]
  return [a.x, a.y, b.x, b.y]
}
