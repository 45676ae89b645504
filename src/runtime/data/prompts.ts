/**
 * Prompts from a mask or a file, in pixels of the original image, x first. Coordinates are indices of pixels: the network adds the half
 * pixel to their centres.
 */
import { isLeft } from "fp-ts/lib/Either.js"
import * as t from "io-ts"
import { aboutFile, type Diagnostic, type Diagnostics, Failed, failed } from "../../compiler/diagnostic.ts"
import { readBytes } from "../files.ts"
import { components } from "./components.ts"
import { readCsv } from "./csv.ts"
import { spelled } from "./images/format.ts"
import type { Point } from "./point.ts"
import type { Random } from "./random.ts"
import { area, type Mask } from "./raster.ts"

export { type Point, scalePoint } from "./point.ts"

/** Its outermost pixels, both ends inside. */
export interface Box {
  readonly x0: number
  readonly y0: number
  readonly x1: number
  readonly y1: number
}

/**
 * The centre: of the mask's largest part, the pixel inside it that is nearest to its centroid. So the point is always in the mask, of a
 * crescent and of several lesions too. Undefined for an empty mask.
 */
export const centreOf = (mask: Mask): Point | undefined => {
  const [largest] = components(mask)
  if (largest === undefined) return undefined
  const at = (p: number): Point => ({ x: p % mask.width, y: Math.floor(p / mask.width) })
  const middle = meanOf(largest.map(at))
  const distance = ({ x, y }: Point) => (x - middle.x) ** 2 + (y - middle.y) ** 2
  return largest.map(at).reduce((a, b) => (distance(b) < distance(a) ? b : a))
}

const meanOf = (points: readonly Point[]): Point => ({
  x: points.reduce((sum, { x }) => sum + x, 0) / points.length,
  y: points.reduce((sum, { y }) => sum + y, 0) / points.length,
})

/** Any pixel of the mask, each as likely. Undefined for an empty mask. */
export const randomInsideOf = (mask: Mask, random: Random): Point | undefined => {
  const n = area(mask)
  if (n === 0) return undefined
  let left = random.below(n)
  const p = mask.data.findIndex((inside) => inside === 1 && left-- === 0)
  return { x: p % mask.width, y: Math.floor(p / mask.width) }
}

/** The smallest box around all of the mask. Undefined for an empty mask. */
export const boxOf = ({ width, data }: Mask): Box | undefined => {
  let [x0, y0, x1, y1] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, -1, -1]
  data.forEach((inside, p) => {
    if (inside === 0) return
    const [x, y] = [p % width, Math.floor(p / width)]
    x0 = Math.min(x0, x)
    x1 = Math.max(x1, x)
    y0 = Math.min(y0, y)
    y1 = Math.max(y1, y)
  })
  return x1 < 0 ? undefined : { x0, y0, x1, y1 }
}

interface Extent {
  readonly width: number
  readonly height: number
}
const clampedTo = (value: number, extent: number): number => Math.min(extent - 1, Math.max(0, value))

/** As a person clicks: off by up to `share` of the box's sides, each way as likely, within the image. */
export const movedPoint = (
  { x, y }: Point,
  { x0, y0, x1, y1 }: Box,
  share: number,
  random: Random,
  { width, height }: Extent,
): Point => ({
  x: clampedTo(Math.round(x + random.between(-share, share) * (x1 - x0 + 1)), width),
  y: clampedTo(Math.round(y + random.between(-share, share) * (y1 - y0 + 1)), height),
})

/** As a person draws: each edge off by up to `share` of the side across it, within the image; never turned inside out. */
export const movedBox = ({ x0, y0, x1, y1 }: Box, share: number, random: Random, { width, height }: Extent): Box => {
  const [w, h] = [x1 - x0 + 1, y1 - y0 + 1]
  const moved = (at: number, side: number, extent: number) =>
    clampedTo(Math.round(at + random.between(-share, share) * side), extent)
  const [a, b, c, d] = [moved(x0, w, width), moved(y0, h, height), moved(x1, w, width), moved(y1, h, height)]
  return { x0: Math.min(a, c), y0: Math.min(b, d), x1: Math.max(a, c), y1: Math.max(b, d) }
}

const PointFile = t.record(t.string, t.type({ x: t.number, y: t.number }))

/** Points by case (its id as it is spelled, folder.ts), from a csv with the columns id, x, y or from JSON { "id": { "x": 1, "y": 2 } }. Throws HS4002, HS4105, HS4401. */
export const readPoints = async (path: string): Promise<ReadonlyMap<string, Point>> =>
  /\.json$/i.test(path) ? pointsOfJson(path) : pointsOfCsv(path)

const shape = 'Write a csv with the columns id, x, y, or JSON { "id": { "x": 1, "y": 2 } }.'

/** A name that stands twice before a {: JSON keeps the last one only, and says nothing. */
const repeated = (text: string): string | undefined => {
  const seen = new Set<string>()
  for (const [, name] of text.matchAll(/("(?:[^"\\]|\\.)*")\s*:\s*\{/g)) {
    if (seen.has(name!)) return JSON.parse(name!)
    seen.add(name!)
  }
  return undefined
}

const pointsOfJson = async (path: string): Promise<ReadonlyMap<string, Point>> => {
  let json: unknown
  let text = ""
  try {
    text = (await readBytes(path)).toString("utf8")
    json = JSON.parse(text)
  } catch (error) {
    if (error instanceof Failed) throw error
    throw failed(path, "HS4401", "these are no points: the file is not JSON", shape)
  }
  const twice = repeated(text)
  if (twice !== undefined) throw failed(path, "HS4401", `${twice} has two points`, "Keep one point for each image.")
  const decoded = PointFile.decode(json)
  if (isLeft(decoded))
    throw failed(path, "HS4401", `these are no points: look at '${decoded.left[0]?.context[1]?.key ?? ""}'`, shape)
  return new Map(Object.entries(decoded.right).map(([id, point]) => [spelled(id), point]))
}

const pointsOfCsv = async (path: string): Promise<ReadonlyMap<string, Point>> => {
  const { columns, rows } = await readCsv(path)
  const missing = ["id", "x", "y"].filter((name) => !columns.includes(name))
  if (missing.length > 0) throw failed(path, "HS4401", `the table has no column ${missing.join(", ")}`, shape)
  const points = new Map<string, Point>()
  const problems: Diagnostic[] = []
  for (const { line, values } of rows) {
    const [x, y] = [values.x, values.y].map((text) => (text ? Number(text) : Number.NaN)) as [number, number]
    const id = spelled(values.id!)
    if (points.has(id))
      problems.push({
        ...aboutFile(path, "HS4401", `${values.id} has two points`, "Keep one row for each image."),
        line,
        column: 1,
      })
    else if (Number.isFinite(x) && Number.isFinite(y)) points.set(id, { x, y })
    else
      problems.push({
        ...aboutFile(path, "HS4401", `'${values.x}, ${values.y}' is not a point`, shape),
        line,
        column: 1,
      })
  }
  if (problems.length > 0) throw new Failed(problems as unknown as Diagnostics)
  return points
}
