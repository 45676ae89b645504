/**
 * What is asked of each image: points, a box, a mask found before, or several of them for one object; or nothing. Each row of a csv is an object, or a part
 * of one where a column says which.
 */
import { basename, dirname, resolve } from "node:path"
import { aboutFile, type Diagnostic, type Diagnostics, Failed, failed } from "../../compiler/diagnostic.ts"
import type { Prompting } from "../../dsl/task.ts"
import { readCsv } from "../data/csv.ts"
import { spelled, stem } from "../data/folder.ts"
import type { Box, Point } from "../data/prompts.ts"
import type { MaskPrompt } from "../task/maskPrompt.ts"
import type { Size } from "../task/pixels.ts"
import type { Named } from "./images.ts"
import { readMaskPrompt } from "./maskFile.ts"

export interface LabelledPoint extends Point {
  /** 1 inside, 0 outside. */
  readonly label: 0 | 1
}

/** One object, in pixels of the original image, x first: all that is said goes together. */
export interface Asked {
  readonly points?: readonly LabelledPoint[]
  readonly box?: Box
  readonly mask?: MaskPrompt
}
/** The same before its mask is read: one image's masks are held at a time. */
export interface Wanted extends Omit<Asked, "mask"> {
  readonly maskFile?: string
}

/** What the model is to take for it. */
export const kindsOf = ({ points, box, mask, maskFile }: Asked & Wanted): readonly Prompting[] => [
  ...(points === undefined ? [] : (["points"] as const)),
  ...(box === undefined ? [] : (["box"] as const)),
  ...(mask === undefined && maskFile === undefined ? [] : (["mask"] as const)),
]
const words = { points: "points", box: "boxes", mask: "masks" } as const satisfies Record<Prompting, string>

/** Throws HS4402 where a model does not take what it is asked by. */
export const demandTaken = (about: string, asked: Asked | Wanted, takes: readonly Prompting[]): void => {
  const strange = kindsOf(asked).find((kind) => !takes.includes(kind))
  if (strange !== undefined)
    throw failed(
      about,
      "HS4402",
      `the model takes no ${words[strange]}`,
      `It takes ${takes.map((kind) => words[kind]).join(", ")}.`,
    )
}

const shape =
  "Write a csv with the columns id, and x, y, or x0, y0, x1, y1, or mask (a file); also label (1 inside, 0 outside) and object: rows of one object go together."
const idColumns = ["id", "image", "name", "file", "filename"]
const corners = ["x0", "y0", "x1", "y1"] as const

/** Objects by the id that the file gives. Throws HS4002, HS4105, HS4401. */
export const readAsked = async (path: string): Promise<ReadonlyMap<string, readonly Wanted[]>> => {
  const { columns, rows } = await readCsv(path)
  const id = idColumns.find((name) => columns.includes(name))
  const has = {
    box: corners.every((name) => columns.includes(name)),
    points: ["x", "y"].every((name) => columns.includes(name)),
    mask: columns.includes("mask"),
  }
  if (id === undefined || (!has.box && !has.points && !has.mask))
    throw failed(
      path,
      "HS4401",
      `the table has neither points nor boxes nor masks: its columns are ${columns.join(", ")}`,
      shape,
    )
  const problems: Diagnostic[] = []
  const objects = new Map<string, Map<string, Wanted>>()
  for (const { line, values } of rows) {
    const number = (name: string): number => (values[name] ? Number(values[name]) : Number.NaN)
    const wrong = (message: string) => problems.push({ ...aboutFile(path, "HS4401", message, shape), line, column: 1 })
    const image = spelled(values[id]!)
    const of = objects.get(image) ?? new Map<string, Wanted>()
    objects.set(image, of)
    const key = values["object"] || `row ${of.size}`
    const before = of.get(key) ?? {}
    const name = `the object ${key} of ${values[id]}`
    const box = has.box && corners.some((corner) => values[corner])
    const file = has.mask ? values["mask"] : ""
    let wanted: Wanted = before
    if (box) {
      const given = { x0: number("x0"), y0: number("y0"), x1: number("x1"), y1: number("y1") }
      if (!Object.values(given).every(Number.isFinite) || given.x1 < given.x0 || given.y1 < given.y0)
        wrong(`'${corners.map((corner) => values[corner]).join(", ")}' is not a box`)
      else if (before.box !== undefined) wrong(`${name} has two boxes`)
      else wanted = { ...wanted, box: given }
    }
    if (file) {
      if (before.maskFile !== undefined) wrong(`${name} has two masks`)
      else wanted = { ...wanted, maskFile: resolve(dirname(path), file) }
    }
    if (has.points && (values["x"] || values["y"] || (!box && !file))) {
      const [x, y, label] = [number("x"), number("y"), values["label"] ? number("label") : 1]
      if (!Number.isFinite(x) || !Number.isFinite(y)) wrong(`'${values["x"]}, ${values["y"]}' is not a point`)
      else if (label !== 0 && label !== 1) wrong(`the label '${values["label"]}' is neither 1 (inside) nor 0 (outside)`)
      else wanted = { ...wanted, points: [...(before.points ?? []), { x, y, label }] }
    } else if (!box && !file) wrong("the row says nothing of where the object is")
    of.set(key, wanted)
  }
  if (problems.length > 0) throw new Failed(problems as unknown as Diagnostics)
  return new Map([...objects].map(([name, found]) => [name, [...found.values()]]))
}

/** The objects of an image: its id is its name with or without folders and ending. */
export const askedOf = <A>(all: ReadonlyMap<string, A>, { path, name }: Named): A | undefined =>
  [name, basename(path), stem(basename(path)), path]
    .map((one) => all.get(spelled(one)))
    .find((one) => one !== undefined)

/** Throws HS4402 where images are asked nothing. */
export const demandEach = (from: string, all: number, without: readonly string[], help: string): void => {
  if (without.length > 0)
    throw failed(
      from,
      "HS4402",
      `there is no prompt for ${without.length} of ${all} images: ${without.slice(0, 5).join(", ")}${without.length > 5 ? ", …" : ""}`,
      help,
    )
}

/** With its mask. Throws HS4002 and HS42… for a file that is no mask, HS4402 for one of another size than the image. */
export const withMask = async ({ maskFile, ...asked }: Wanted, image: Size): Promise<Asked> =>
  maskFile === undefined ? asked : { ...asked, mask: await readMaskPrompt(maskFile, image) }

/** Left out of the image: what lies beyond its border. */
export const outside = ({ points = [], box }: Asked, { width, height }: Size): string | undefined => {
  const beyond = ({ x, y }: Point) => x < 0 || y < 0 || x >= width || y >= height
  const point = points.find(beyond)
  if (point !== undefined) return `the point (${point.x}, ${point.y})`
  if (box === undefined) return undefined
  const { x0, y0, x1, y1 } = box
  const within = x1 >= 0 && y1 >= 0 && x0 < width && y0 < height
  return within ? undefined : `the box (${x0}, ${y0}, ${x1}, ${y1})`
}
