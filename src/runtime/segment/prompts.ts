/** What is asked of each image: points, boxes, or nothing. Each row of a csv is an object, or a point of one where a column says which. */
import { basename } from "node:path"
import { aboutFile, type Diagnostic, type Diagnostics, Failed, failed } from "../../compiler/diagnostic.ts"
import { readCsv } from "../data/csv.ts"
import { stem } from "../data/folder.ts"
import type { Box, Point } from "../data/prompts.ts"
import type { Named } from "./images.ts"

export interface LabelledPoint extends Point {
  /** 1 inside, 0 outside. */
  readonly label: 0 | 1
}

/** In pixels of the original image, x first. */
export type Asked =
  | { readonly kind: "points"; readonly points: readonly LabelledPoint[] }
  | { readonly kind: "box"; readonly box: Box }
  | { readonly kind: "nothing" }

const shape =
  "Write a csv with the columns id, x, y, or id, x0, y0, x1, y1; also label (1 inside, 0 outside) and object."
const idColumns = ["id", "image", "name", "file", "filename"]

/** Objects by the id that the file gives. Throws HS4002, HS4105, HS4401. */
export const readAsked = async (path: string): Promise<ReadonlyMap<string, readonly Asked[]>> => {
  const { columns, rows } = await readCsv(path)
  const id = idColumns.find((name) => columns.includes(name))
  const boxes = ["x0", "y0", "x1", "y1"].every((name) => columns.includes(name))
  const points = ["x", "y"].every((name) => columns.includes(name))
  if (id === undefined || (!boxes && !points))
    throw failed(path, "HS4401", `the table has neither points nor boxes: its columns are ${columns.join(", ")}`, shape)
  const problems: Diagnostic[] = []
  const objects = new Map<string, Map<string, Asked>>()
  for (const { line, values } of rows) {
    const number = (name: string): number => (values[name] ? Number(values[name]) : Number.NaN)
    const wrong = (message: string) => problems.push({ ...aboutFile(path, "HS4401", message, shape), line, column: 1 })
    const of = objects.get(values[id]!) ?? new Map<string, Asked>()
    objects.set(values[id]!, of)
    const key = values["object"] || `row ${of.size}`
    if (boxes && values["x0"]) {
      const box = { x0: number("x0"), y0: number("y0"), x1: number("x1"), y1: number("y1") }
      if (!Object.values(box).every(Number.isFinite) || box.x1 < box.x0 || box.y1 < box.y0)
        wrong(`'${values["x0"]}, ${values["y0"]}, ${values["x1"]}, ${values["y1"]}' is not a box`)
      else if (of.has(key)) wrong(`the object ${key} of ${values[id]} has two boxes`)
      else of.set(key, { kind: "box", box })
      continue
    }
    const [x, y, label] = [number("x"), number("y"), values["label"] ? number("label") : 1]
    if (!Number.isFinite(x) || !Number.isFinite(y)) wrong(`'${values["x"]}, ${values["y"]}' is not a point`)
    else if (label !== 0 && label !== 1) wrong(`the label '${values["label"]}' is neither 1 (inside) nor 0 (outside)`)
    else {
      const before = of.get(key)
      if (before?.kind === "box") wrong(`the object ${key} of ${values[id]} has a box and a point`)
      else
        of.set(key, { kind: "points", points: [...(before?.kind === "points" ? before.points : []), { x, y, label }] })
    }
  }
  if (problems.length > 0) throw new Failed(problems as unknown as Diagnostics)
  return new Map([...objects].map(([name, found]) => [name, [...found.values()]]))
}

/** The objects of an image: its id is its name with or without folders and ending. */
export const askedOf = (
  all: ReadonlyMap<string, readonly Asked[]>,
  { path, name }: Named,
): readonly Asked[] | undefined =>
  all.get(name) ?? all.get(basename(path)) ?? all.get(stem(basename(path))) ?? all.get(path)

/** Left out of the image: what lies beyond its border. */
export const outside = (
  asked: Asked,
  { width, height }: { readonly width: number; readonly height: number },
): string | undefined => {
  const beyond = ({ x, y }: Point) => x < 0 || y < 0 || x >= width || y >= height
  if (asked.kind === "points") {
    const point = asked.points.find(beyond)
    return point === undefined ? undefined : `the point (${point.x}, ${point.y})`
  }
  if (asked.kind === "nothing") return undefined
  const { x0, y0, x1, y1 } = asked.box
  const within = x1 >= 0 && y1 >= 0 && x0 < width && y0 < height
  return within ? undefined : `the box (${x0}, ${y0}, ${x1}, ${y1})`
}
