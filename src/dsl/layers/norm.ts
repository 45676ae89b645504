import type { Width } from "../features.ts"
import { type Layer, layerOf } from "../layer.ts"
import { callSite } from "../place.ts"

export interface NormOptions {
  readonly eps?: number
}

/** Over the last axis, as nn.LayerNorm. */
export const layerNorm = <const W extends number>(width: Width<W>, { eps = 1e-5 }: NormOptions = {}): Layer<W, W> =>
  layerOf({ kind: "layerNorm", takes: width as number, gives: width as number, eps, at: callSite() })

/** Over the channels of an image, at each pixel, as SAM's LayerNorm2d. */
export const layerNorm2d = <const W extends number>(width: Width<W>, { eps = 1e-6 }: NormOptions = {}): Layer<W, W> =>
  layerOf({ kind: "layerNorm2d", takes: width as number, gives: width as number, eps, at: callSite() })

export interface BatchNormOptions extends NormOptions {
  /** Share of the newest batch in the running statistics. */
  readonly momentum?: number
  /** Learn a weight and a bias? Default: true. */
  readonly affine?: boolean
}
const batchNorm =
  (kind: "batchNorm1d" | "batchNorm2d") =>
  <const W extends number>(
    width: Width<W>,
    { eps = 1e-5, momentum = 0.1, affine = true }: BatchNormOptions = {},
  ): Layer<W, W> =>
    layerOf({ kind, takes: width as number, gives: width as number, eps, momentum, affine, at: callSite() })

/** As nn.BatchNorm2d. Frozen, it uses its running statistics and never changes them. */
export const batchNorm2d = batchNorm("batchNorm2d")
/** As nn.BatchNorm1d: of vectors [b, c] or sequences [b, c, n]. */
export const batchNorm1d = batchNorm("batchNorm1d")

/** As nn.GroupNorm; with groups = width, instance norm. */
export const groupNorm = <const W extends number>(
  groups: number,
  width: Width<W>,
  { eps = 1e-5 }: NormOptions = {},
): Layer<W, W> =>
  layerOf({ kind: "groupNorm", takes: width as number, gives: width as number, groups, eps, at: callSite() })
