/**
 * How well a mask matches the truth: Dice, IoU, the 95th percentile of the distances between surfaces (HD95), and the share of both surfaces
 * that lies within a tolerance of the other (NSD).
 */
import { area, type Mask } from "../data/raster.ts"
import { type Spacing, squaredDistances } from "./distance.ts"
import { surface } from "./surface.ts"

/**
 * Both measure from each surface pixel of either mask to the nearest surface pixel of the other. `pooled` takes the percentile of all
 * these distances (MedPy's hd95); `larger` takes it of each direction and keeps the larger (MONAI's). They differ.
 */
export type HausdorffConvention = "pooled" | "larger"

/** One mask empty and the other not: the length of the image's diagonal, or no value. */
export type EmptyRule = "diagonal" | "exclude"

/** How far surfaces may lie apart and still agree. */
export interface Tolerance {
  readonly value: number
  readonly unit: "px" | "mm"
}
export const defaultTolerance: Tolerance = { value: 2, unit: "px" }

export interface MetricOptions {
  readonly hausdorff?: HausdorffConvention
  readonly empty?: EmptyRule
  /** Millimetres per pixel; without it distances are in pixels. */
  readonly spacing?: Spacing
  /** Of NSD. In millimetres it needs a spacing. */
  readonly tolerance?: Tolerance
}

export interface Metrics {
  readonly dice: number
  readonly iou: number
  /** Undefined where it is excluded. */
  readonly hd95?: number | undefined
  /** Undefined in results of versions that did not measure it. */
  readonly nsd?: number | undefined
}

/** Printed with every result. */
export const conventions = ({
  hausdorff = "pooled",
  empty = "diagonal",
  tolerance = defaultTolerance,
}: MetricOptions = {}): {
  readonly hd95: string
  readonly nsd: string
  readonly surface: string
  readonly empty: string
} => ({
  hd95:
    hausdorff === "pooled"
      ? "95th percentile of the pooled surface distances (as MedPy)"
      : "larger of the two directed 95th percentiles (as MONAI)",
  nsd: `share of the surface pixels of both masks within ${tolerance.value} ${tolerance.unit} of the other's (as MONAI's surface Dice)`,
  surface: "foreground pixels with a 4-neighbour outside; percentile interpolated linearly",
  empty: `both masks empty: Dice 1, IoU 1, NSD 1, HD95 0; one empty: Dice 0, IoU 0, NSD 0, HD95 ${empty === "diagonal" ? "the image's diagonal" : "excluded"}`,
})

/** The pth percentile (0…100) with linear interpolation, as NumPy's default; of a sorted array. */
export const percentile = (sorted: ArrayLike<number>, p: number): number => {
  const at = (p / 100) * (sorted.length - 1)
  const low = Math.floor(at)
  const a = sorted[low]!
  const b = sorted[Math.min(low + 1, sorted.length - 1)]!
  return a + (b - a) * (at - low)
}

const overlap = (a: Mask, b: Mask): number => {
  let n = 0
  for (let i = 0; i < a.data.length; i++) n += a.data[i]! & b.data[i]!
  return n
}

/** Distances from each surface pixel of `from` to the surface of `to`, ascending. Neither may be empty. */
const directed = (from: Mask, to: Mask, spacing: Spacing | undefined): Float64Array => {
  const squared = squaredDistances(to, spacing)
  const distances = new Float64Array(area(from))
  let n = 0
  for (let i = 0; i < squared.length; i++) if (from.data[i] === 1) distances[n++] = Math.sqrt(squared[i]!)
  return distances.sort()
}

/** Distances between two surfaces, there and back. */
type Distances = readonly [there: Float64Array, back: Float64Array]

const distances = (edgeA: Mask, edgeB: Mask, spacing: Spacing | undefined): Distances => [
  directed(edgeA, edgeB, spacing),
  directed(edgeB, edgeA, spacing),
]

const hausdorff95 = ([there, back]: Distances, hausdorff: HausdorffConvention): number => {
  if (hausdorff === "larger") return Math.max(percentile(there, 95), percentile(back, 95))
  const pooled = new Float64Array(there.length + back.length)
  pooled.set(there)
  pooled.set(back, there.length)
  return percentile(pooled.sort(), 95)
}

const within = (sorted: Float64Array, tolerance: number): number => {
  let n = 0
  while (n < sorted.length && sorted[n]! <= tolerance) n++
  return n
}

/** Nikolov et al. 2018, on pixels as MONAI's compute_surface_dice. */
const surfaceDice = ([there, back]: Distances, tolerance: number): number =>
  (within(there, tolerance) + within(back, tolerance)) / (there.length + back.length)

/** A prediction against the truth, of one size. HD95 in pixels, or in millimetres with a spacing. */
export const compareMasks = (predicted: Mask, truth: Mask, options: MetricOptions = {}): Metrics => {
  const { spacing, hausdorff = "pooled", tolerance = defaultTolerance } = options
  if (predicted.width !== truth.width || predicted.height !== truth.height)
    throw new Error(`internal: masks of ${predicted.width} × ${predicted.height} and ${truth.width} × ${truth.height}`)
  if (tolerance.unit === "mm" && spacing === undefined)
    throw new Error("internal: a tolerance in millimetres without a spacing")
  const [p, t] = [area(predicted), area(truth)]
  if (p === 0 && t === 0) return { dice: 1, iou: 1, hd95: 0, nsd: 1 }
  const { x, y } = spacing ?? { x: 1, y: 1 }
  if (p === 0 || t === 0) {
    const diagonal = Math.hypot(truth.width * x, truth.height * y)
    return { dice: 0, iou: 0, hd95: options.empty === "exclude" ? undefined : diagonal, nsd: 0 }
  }
  const both = overlap(predicted, truth)
  const [edgeA, edgeB] = [surface(predicted), surface(truth)]
  const apart = distances(edgeA, edgeB, spacing)
  const inPixels = tolerance.unit === "px" && spacing !== undefined
  return {
    dice: (2 * both) / (p + t),
    iou: both / (p + t - both),
    hd95: hausdorff95(apart, hausdorff),
    nsd: surfaceDice(inPixels ? distances(edgeA, edgeB, undefined) : apart, tolerance.value),
  }
}
