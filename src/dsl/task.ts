/**
 * What a model takes from a sample, and what it is taught: data that the compiler checks against the network, and that the runtime
 * acts on. Names are the network's own inputs and outputs.
 */
import type { Pair } from "./layer.ts"

/** How an image becomes what the network sees. */
export interface Pixels {
  readonly kind: "pixels"
  /** What the network sees, in pixels. */
  readonly size: Pair
  readonly channels: number
  /** longestSide: the aspect is kept, the image lies in the upper left, the rest is padding. stretch: each side by itself. */
  readonly fit: "longestSide" | "stretch"
  /** (x − mean) / deviation, channel by channel, of pixels from 0 to 255: the first thing that the compiled program does. */
  readonly mean?: readonly number[]
  readonly deviation?: readonly number[]
  /** What padding holds, channel by channel, 0…255. */
  readonly padding: readonly number[]
  /** fed: the program sees the whole size, already padded. inside: the network takes less and pads it itself, as segment-anything's Sam. */
  readonly padded: "fed" | "inside"
}
/** Places to segment, (x, y) in pixels of the fitted image: coords [n, 2]. */
export interface PointCoords {
  readonly kind: "points"
  readonly part: "coords"
}
/** 1 inside, 0 outside, −1 padding: labels [n]. */
export interface PointLabels {
  readonly kind: "points"
  readonly part: "labels"
}
/** A box, x0, y0, x1, y1 in pixels of the fitted image: [4]. */
export interface BoxCorners {
  readonly kind: "box"
}
/** The logits of a mask that was found before, [1, height, width]. */
export interface MaskLogits {
  readonly kind: "mask"
  readonly size: Pair
}
/** The logit of what is surely inside a mask, and with a minus outside: of probabilities 0.999 and 0.001. Beyond it a prompt says nothing more. */
export const surely = Math.log(999)
/** Numbers that no image gives: whoever runs the model does, shape without the batch. */
export interface GivenValues {
  readonly kind: "given"
  readonly shape: readonly number[]
}
export type Feed = Pixels | PointCoords | PointLabels | BoxCorners | MaskLogits | GivenValues
/** Input → what it is fed. */
export type Takes = Readonly<Record<string, Feed>>

/** Logits of one mask, [b, 1, h, w]: h × w stands for the whole fitted image, at any resolution. */
export interface TaughtMask {
  readonly kind: "masks"
}
/** Logits of classes, [b, classes, h, w], the first of which is background. */
export interface TaughtClasses {
  readonly kind: "classes"
  readonly names: readonly string[]
}
/** A point, [b, 2]: x and y from 0 to 1 of what the network sees. */
export interface TaughtPoint {
  readonly kind: "point"
}
export type Taught = TaughtMask | TaughtClasses | TaughtPoint
/** Output → what it is taught. */
export type Teaches = Readonly<Record<string, Taught>>

export interface PixelsOptions {
  /** One number for a square, or [height, width]. */
  readonly size: number | Pair
  /** 1: grey. 3: red, green, blue. More: those three, and grey for the rest. Default: 3. */
  readonly channels?: number
  readonly fit?: Pixels["fit"]
  readonly mean?: number | readonly number[]
  readonly deviation?: number | readonly number[]
  /** Default: the mean, so that padding is zero once normalised; 0 where there is no mean. */
  readonly padding?: number | readonly number[]
  readonly padded?: Pixels["padded"]
}

const each = (values: number | readonly number[], channels: number): readonly number[] =>
  typeof values === "number" ? Array.from({ length: channels }, () => values) : values

/** ImageNet's means and deviations, of red, green, blue from 0 to 255. */
export const imageNet = { mean: [123.675, 116.28, 103.53], deviation: [58.395, 57.12, 57.375] } as const
/** Pixels from 0 to 1. */
export const unitRange = { mean: 0, deviation: 255 } as const

/** An image, 0…255, as the network sees it. Default: three channels, stretched, not normalised. */
export const pixels = ({
  size,
  channels = 3,
  fit = "stretch",
  mean,
  deviation,
  padding = mean ?? 0,
  padded = "fed",
}: PixelsOptions): Pixels => ({
  kind: "pixels",
  size: typeof size === "number" ? [size, size] : size,
  channels,
  fit,
  ...(mean === undefined ? {} : { mean: each(mean, channels) }),
  ...(deviation === undefined ? {} : { deviation: each(deviation, channels) }),
  padding: each(padding, channels),
  padded,
})

type Both<Coords extends string, Labels extends string> = { readonly [K in Coords]: PointCoords } & {
  readonly [K in Labels]: PointLabels
}
/** Point prompts, under the names that the network gives coordinates [b, n, 2] and labels [b, n]. */
export const points = <const Coords extends string = "point_coords", const Labels extends string = "point_labels">(
  { coords, labels }: { readonly coords: Coords; readonly labels: Labels } = {
    coords: "point_coords" as Coords,
    labels: "point_labels" as Labels,
  },
): Both<Coords, Labels> =>
  ({ [coords]: { kind: "points", part: "coords" }, [labels]: { kind: "points", part: "labels" } }) as Both<
    Coords,
    Labels
  >

/** Box prompts [b, 4], under the name that the network gives them. */
export const boxes = <const Name extends string = "boxes">(
  { name }: { readonly name: Name } = { name: "boxes" as Name },
): { readonly [K in Name]: BoxCorners } => ({ [name]: { kind: "box" } }) as { readonly [K in Name]: BoxCorners }

/** Logits of a mask found before, [b, 1, size, size]. */
export const lowResolutionMask = ({ size }: { readonly size: number | Pair }): MaskLogits => ({
  kind: "mask",
  size: typeof size === "number" ? [size, size] : size,
})

/** Numbers of this shape, without the batch, that `hasam run` is given: of a network of tokens or features. */
export const given = (shape: readonly number[]): GivenValues => ({ kind: "given", shape })

/** One mask; the output gives its logits. */
export const masks = (): TaughtMask => ({ kind: "masks" })
/** Classes by name, the background first: `classes("background", "nerve", "vessel")`. The output gives a plane of logits for each. */
export const classes = (...names: readonly [background: string, ...string[]]): TaughtClasses => ({
  kind: "classes",
  names,
})
/** The point at the mask's centre: x and y from 0 to 1. */
export const point = (): TaughtPoint => ({ kind: "point" })

/** What asks the model about a place: nothing, points, a box, or a mask. */
export type Prompting = "points" | "box" | "mask"
const isPixels = (feed: Feed): feed is Pixels => feed.kind === "pixels"

/** The input that is the image; a model of several images has its first here. */
export const imageOf = (takes: Takes): { readonly name: string; readonly pixels: Pixels } | undefined => {
  const found = Object.entries(takes).find((entry): entry is [string, Pixels] => isPixels(entry[1]))
  return found === undefined ? undefined : { name: found[0], pixels: found[1] }
}
/** Kinds of prompts that the model takes, in its own order. */
export const promptingOf = (takes: Takes): readonly Prompting[] => [
  ...new Set(
    Object.values(takes).flatMap((feed) => (feed.kind === "pixels" || feed.kind === "given" ? [] : [feed.kind])),
  ),
]
