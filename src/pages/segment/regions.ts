/** Masks of an answer, each with its colour, its name and its area. */
import type { Answer } from "../../runtime/browser/segmenter.ts"
import type { Spacing } from "../../runtime/data/images/stored.ts"
import { emptyMask, type Mask } from "../../runtime/data/raster.ts"
import { labelsOf } from "../../runtime/task/classes.ts"
import { maskOf } from "../../runtime/task/masks.ts"
import { brushed, type Stroke } from "./strokes.ts"

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
const counted = (mask: Mask, regions: readonly Omit<Region, "pixels">[]): readonly Region[] =>
  regions.map((region) => ({ ...region, pixels: count(mask, region.value) }))

interface Size {
  readonly width: number
  readonly height: number
}

/** Answers about one object, at the image's own size. Its first mask is shown, and all of its points. */
export const foundOf = (answers: readonly Answer[], { width, height }: Size): Found =>
  answers.reduce<Found>(
    (found, { taught, values }) => {
      if (taught.kind === "point")
        return { ...found, points: [...found.points, { x: values[0] ?? 0, y: values[1] ?? 0 }] }
      if (found.mask !== undefined) return found
      if (taught.kind === "masks") {
        const mask = maskOf(values, [height, width])
        return { ...found, mask, regions: counted(mask, [{ name: "Object", value: 1, colour: colourOf(0) }]) }
      }
      const mask = labelsOf(values, [height, width])
      const regions = taught.names.map((name, value) => ({ name, value, colour: colourOf(value - 1) })).slice(1)
      return { ...found, mask, regions: counted(mask, regions), ofClasses: true }
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

/** With what was drawn over it; where nothing was answered, the drawing is all there is. */
export const drawnOver = (
  found: Found | undefined,
  strokes: readonly Stroke[],
  { width, height }: Size,
): Found | undefined => {
  if (strokes.length === 0) return found
  const before = found?.mask ?? emptyMask(width, height)
  const mask = brushed(before, strokes)
  const regions = found?.mask === undefined ? [{ name: "Object", value: 1, colour: colourOf(0) }] : found.regions
  return { points: [], ofClasses: false, ...found, mask, regions: counted(mask, regions) }
}

/** "1,234 pixels", and in square millimetres where the file says how large a pixel is. */
export const areaText = (pixels: number, spacing?: Spacing): string => {
  const text = `${pixels.toLocaleString("en")} pixels`
  return spacing === undefined ? text : `${text}, ${areaOf(pixels, spacing)} mm²`
}
export const areaOf = (pixels: number, { x, y }: Spacing): string => {
  const area = pixels * x * y
  return area.toFixed(area < 10 ? 2 : 1)
}
