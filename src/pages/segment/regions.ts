/** Masks of an answer, each with its colour and its name. */
import type { Answer } from "../../runtime/browser/segmenter.ts"
import type { Mask } from "../../runtime/data/raster.ts"
import { labelsOf } from "../../runtime/task/classes.ts"
import { maskOf } from "../../runtime/task/masks.ts"

export type Colour = readonly [red: number, green: number, blue: number]
/** Okabe and Ito's, which colour-blind readers tell apart; without black and grey. */
const palette: readonly Colour[] = [
  [230, 159, 0],
  [86, 180, 233],
  [0, 158, 115],
  [240, 228, 66],
  [213, 94, 0],
  [204, 121, 167],
  [0, 114, 178],
]
export const colourOf = (i: number): Colour => palette[(i + palette.length) % palette.length] as Colour

/** Pixels of one value in a plane: an object, or a class. */
export interface Region {
  readonly name: string
  readonly value: number
  readonly pixels: number
  readonly colour: Colour
}
export interface Found {
  /** Of an object 0 and 1; of classes their numbers. */
  readonly mask?: Mask
  readonly ofClasses: boolean
  readonly regions: readonly Region[]
  /** In pixels of the image. */
  readonly points: readonly { readonly x: number; readonly y: number }[]
}

const count = ({ data }: Mask, value: number): number => data.reduce((n, x) => n + Number(x === value), 0)

/** Answers about one object, at the image's own size. Its first mask is shown, and all of its points. */
export const foundOf = (
  answers: readonly Answer[],
  { width, height }: { readonly width: number; readonly height: number },
): Found =>
  answers.reduce<Found>(
    (found, { taught, values }) => {
      if (taught.kind === "point")
        return { ...found, points: [...found.points, { x: values[0] ?? 0, y: values[1] ?? 0 }] }
      if (found.mask !== undefined) return found
      if (taught.kind === "masks") {
        const mask = maskOf(values, [height, width])
        return { ...found, mask, regions: [{ name: "Object", value: 1, pixels: count(mask, 1), colour: colourOf(0) }] }
      }
      const mask = labelsOf(values, [height, width])
      const regions = taught.names
        .map((name, value) => ({ name, value, pixels: count(mask, value), colour: colourOf(value - 1) }))
        .slice(1)
      return { ...found, mask, regions, ofClasses: true }
    },
    { regions: [], points: [], ofClasses: false },
  )

/** As the i-th object: its number and its colour. Classes keep theirs. */
export const numbered = (found: Found, i: number): Found =>
  found.ofClasses
    ? found
    : {
        ...found,
        regions: found.regions.map((region) => ({ ...region, name: `Object ${i + 1}`, colour: colourOf(i) })),
      }
