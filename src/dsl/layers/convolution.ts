import type { Width } from "../features.ts"
import { type Layer, layerOf, type Pair } from "../layer.ts"
import { callSite } from "../place.ts"

/** One number for both directions, or [height, width]. */
export type Size = number | Pair
export const pair = (size: Size): Pair => (typeof size === "number" ? [size, size] : size)

export interface ConvOptions {
  readonly stride?: Size
  readonly padding?: Size
  readonly dilation?: Size
  readonly groups?: number
  readonly bias?: boolean
}
export interface Conv2dOptions extends ConvOptions {
  /** Weight standardisation (Qiao et al. 2019): each filter less its mean, over its deviation, with this number under the root; 1e-5 is usual. */
  readonly standardised?: number
}

/** As nn.Conv2d: images [b, takes, h, w], weight [gives, takes / groups, kh, kw]. */
export const conv2d = <const In extends number, const Out extends number>(
  takes: Width<In>,
  gives: Width<Out>,
  kernel: Size,
  { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true, standardised }: Conv2dOptions = {},
): Layer<In, Out> =>
  layerOf({
    kind: "conv2d",
    takes: takes as number,
    gives: gives as number,
    kernel: pair(kernel),
    stride: pair(stride),
    padding: pair(padding),
    dilation: pair(dilation),
    groups,
    bias,
    ...(standardised === undefined ? {} : { standardised }),
    at: callSite(),
  })

export interface Conv1dOptions {
  readonly stride?: number
  readonly padding?: number
  readonly dilation?: number
  readonly groups?: number
  readonly bias?: boolean
}
/** As nn.Conv1d: sequences [b, takes, n], weight [gives, takes / groups, k]. */
export const conv1d = <const In extends number, const Out extends number>(
  takes: Width<In>,
  gives: Width<Out>,
  kernel: number,
  { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true }: Conv1dOptions = {},
): Layer<In, Out> =>
  layerOf({
    kind: "conv1d",
    takes: takes as number,
    gives: gives as number,
    ...{ kernel, stride, padding, dilation, groups, bias },
    at: callSite(),
  })

/** One filter a channel: groups = width. */
export const depthwiseConv2d = <const W extends number>(
  width: Width<W>,
  kernel: Size,
  options: Omit<Conv2dOptions, "groups"> = {},
): Layer<W, W> =>
  conv2d(width as Width<number>, width as Width<number>, kernel, { ...options, groups: width as number }) as never

export interface ConvTransposeOptions extends ConvOptions {
  readonly outputPadding?: Size
}

/** As nn.ConvTranspose2d: weight [takes, gives / groups, kh, kw]. */
export const convTranspose2d = <const In extends number, const Out extends number>(
  takes: Width<In>,
  gives: Width<Out>,
  kernel: Size,
  { stride = 1, padding = 0, outputPadding = 0, dilation = 1, groups = 1, bias = true }: ConvTransposeOptions = {},
): Layer<In, Out> =>
  layerOf({
    kind: "convTranspose2d",
    takes: takes as number,
    gives: gives as number,
    kernel: pair(kernel),
    stride: pair(stride),
    padding: pair(padding),
    outputPadding: pair(outputPadding),
    dilation: pair(dilation),
    groups,
    bias,
    at: callSite(),
  })
