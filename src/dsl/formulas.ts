/**
 * Whole tables of numbers that follow from a few: which row of a bias table stands between two places of a window, which places of a shifted
 * window see one another. Layers carry the formula, so that no spec, program or printed module has to list a million numbers.
 */
import type { Pair } from "./layer.ts"

export type Formula =
  /** Rows of a table [(2h − 1)(2w − 1), …], for each pair of places (query, key) of a window h × w: its own row for every signed distance. */
  | { readonly formula: "signedDistances"; readonly of: Pair }
  /** Rows of a table [h·w, …], for each pair of places: a row for every distance, whatever its direction. */
  | { readonly formula: "distances"; readonly of: Pair }
  /** Of a grid that was moved by `shift` and cut into windows: 0 where two places were neighbours before, −100 where they were not, [windows, places, places]. */
  | {
      readonly formula: "shiftedWindows"
      readonly of: readonly [height: number, width: number, window: number, shift: number]
    }

const range = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i)
const placesOf = ([h, w]: Pair): readonly Pair[] => range(h * w).map((i) => [Math.floor(i / w), i % w])

const signedDistances = (size: Pair): readonly number[] => {
  const [h, w] = size
  const places = placesOf(size)
  return places.flatMap(([qy, qx]) => places.map(([ky, kx]) => (qy - ky + h - 1) * (2 * w - 1) + qx - kx + w - 1))
}
const distances = (size: Pair): readonly number[] => {
  const places = placesOf(size)
  return places.flatMap(([qy, qx]) => places.map(([ky, kx]) => Math.abs(qy - ky) * size[1] + Math.abs(qx - kx)))
}
const shiftedWindows = ([height, width, window, shift]: readonly [number, number, number, number]) => {
  // After the move, an axis has three zones: whole windows, what is left of the last one, and what came from the other end.
  const zone = (i: number, side: number) => (i < side - window ? 0 : i < side - shift ? 1 : 2)
  const places = placesOf([window, window])
  return placesOf([height / window, width / window]).flatMap(([row, column]) => {
    const zones = places.map(([y, x]) => 3 * zone(row * window + y, height) + zone(column * window + x, width))
    return zones.flatMap((a) => zones.map((b) => (a === b ? 0 : -100)))
  })
}

/** The numbers, in row-major order. */
export const numbersOf = (formula: Formula): readonly number[] => {
  switch (formula.formula) {
    case "signedDistances":
      return signedDistances(formula.of)
    case "distances":
      return distances(formula.of)
    case "shiftedWindows":
      return shiftedWindows(formula.of)
  }
}
