import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { isLeft, isRight } from "fp-ts/lib/Either.js"
import sharp from "sharp"
import { describe, expect, test } from "vitest"
import { checkData, isUsable } from "../../src/runtime/data/check.ts"
import { foreground, type MaskOptions } from "../../src/runtime/data/foreground.ts"
import { readLabels } from "../../src/runtime/data/image.ts"
import { openData } from "../../src/runtime/data/layouts/index.ts"
import { loadCase } from "../../src/runtime/data/mask.ts"
import { scan, temporary, withCode, writeGrey } from "./helpers.ts"

const [width, height] = [96, 80]
const disc = (cx: number, cy: number, r: number) => (x: number, y: number) => (x - cx) ** 2 + (y - cy) ** 2 <= r ** 2
const [one, two, three] = [disc(30, 30, 17), disc(66, 52, 20), disc(70, 15, 6)]
const paint = (value: (x: number, y: number) => number) =>
  Uint8Array.from({ length: width * height }, (_, i) => value(i % width, Math.floor(i / width)))
const only = paint((x, y) => (one(x, y) ? 1 : 0))
const ofClass = (k: number) => paint((x, y) => (classOf(x, y) === k ? 1 : 0))
const classOf = (x: number, y: number) => (one(x, y) ? 1 : two(x, y) ? 2 : three(x, y) ? 3 : 0)

type Save = (path: string, image: sharp.Sharp) => Promise<unknown>
const formats: Readonly<Record<string, Save>> = {
  "jpeg 60": (path, image) => image.jpeg({ quality: 60 }).toFile(path),
  "jpeg 75": (path, image) => image.jpeg({ quality: 75 }).toFile(path),
  "jpeg 95": (path, image) => image.jpeg({ quality: 95 }).toFile(path),
  webp: (path, image) => image.webp({ quality: 80 }).toFile(path),
  "png after jpeg": async (path, image) =>
    sharp(await image.jpeg({ quality: 80 }).toBuffer())
      .toColourspace("b-w")
      .png()
      .toFile(path),
  "png after shrinking and enlarging": async (path, image) => {
    const half = await image
      .resize(width / 2, height / 2, { kernel: "linear" })
      .png()
      .toBuffer()
    return sharp(half).resize(width, height, { kernel: "linear" }).toColourspace("b-w").png().toFile(path)
  },
}
const grey = (values: Uint8Array) =>
  sharp(Buffer.from(values), { raw: { width, height, channels: 1 } }).toColourspace("b-w")

const read = async (save: Save, values: Uint8Array, options: MaskOptions = {}) => {
  const path = join(await temporary(), "mask.png")
  await save(path, grey(values))
  return foreground(await readLabels(path), options)
}
/** Of the pixels in either, how many are in one only. */
const apart = (a: Uint8Array, b: Uint8Array) =>
  a.reduce((n, v, i) => n + Number(v !== b[i]), 0) / a.reduce((n, v, i) => n + Number(v === 1 || b[i] === 1), 0)

describe.each(Object.entries(formats))("%s", (name, save) => {
  // Of a disc of radius 17; a halved one knows its edge to half a pixel of its own.
  const lost = name.includes("shrinking") ? 0.08 : 0.05
  test.each([255, 254, 128, 200])("one value, %d, with blurred edges is cut at half", async (value) => {
    const result = await read(
      save,
      only.map((v) => v * value),
    )
    if (isLeft(result)) throw new Error(result.left)
    expect(result.right.encoding.kind).toBe("blurred")
    expect(apart(result.right.mask.data, only)).toBeLessThan(lost)
  })
  test("with --class 255 nothing is lost, and another class is not there", async () => {
    const values = only.map((v) => v * 255)
    const result = await read(save, values, { class: 255 })
    if (isLeft(result)) throw new Error(result.left)
    expect(apart(result.right.mask.data, only)).toBeLessThan(lost)
    expect(isLeft(await read(save, values, { class: 1 }))).toBe(true)
  })
  test("empty stays empty", async () => {
    const result = await read(
      save,
      only.map(() => 0),
    )
    expect(isRight(result) && result.right.encoding).toEqual({ kind: "empty" })
  })
  test.each([[[0, 127, 255, 64]], [[0, 85, 170, 255]]])(
    "classes %j are not taken for a blurred mask",
    async (levels) => {
      const result = await read(
        save,
        paint((x, y) => levels[classOf(x, y)]!),
      )
      expect(isLeft(result)).toBe(true)
    },
  )
})

describe("sharp files", () => {
  const png: Save = (path, image) => image.png().toFile(path)
  test.each([[[0, 1, 2, 3]], [[0, 127, 255, 64]], [[0, 240, 255, 250]], [[0, 1, 255, 2]]])(
    "classes %j, each as drawn",
    async (levels) => {
      const values = paint((x, y) => levels[classOf(x, y)]!)
      expect(isLeft(await read(png, values))).toBe(true)
      for (const k of [1, 2, 3]) {
        const result = await read(png, values, { class: levels[k]! })
        expect(isRight(result) && apart(result.right.mask.data, ofClass(k))).toBe(0)
      }
    },
  )
  test("a class that is thin stays a class", async () => {
    const values = paint((x, y) => (one(x, y) ? 255 : y === 70 && x > 5 ? 128 : 0))
    expect(isLeft(await read(png, values))).toBe(true)
  })
  test("inverted", async () => {
    const result = await read(
      png,
      only.map((v) => 255 * (1 - v)),
      { inverted: true },
    )
    expect(isRight(result) && apart(result.right.mask.data, only)).toBe(0)
  })
})

const colours = [
  [0, 0, 0],
  [255, 0, 0],
  [0, 255, 0],
  [255, 255, 0],
] as const
const palette = colours.map(([r, g, b]) => (r << 16) | (g << 8) | b)
const coloured = () => {
  const data = Buffer.alloc(3 * width * height)
  for (let i = 0; i < width * height; i++) data.set(colours[classOf(i % width, Math.floor(i / width))]!, 3 * i)
  return sharp(data, { raw: { width, height, channels: 3 } })
}

test.each(["png", "jpeg", "webp", "tiff"] as const)("coloured masks by their palette: %s", async (format) => {
  const path = join(await temporary(), "mask.bin")
  await coloured().toFormat(format, { quality: 90 }).toFile(path)
  const labels = await readLabels(path)
  expect(isLeft(foreground(labels))).toBe(true)
  for (const k of [1, 2, 3]) {
    const result = foreground(labels, { palette, class: k })
    if (isLeft(result)) throw new Error(result.left)
    expect(apart(result.right.mask.data, ofClass(k))).toBeLessThan(format === "png" ? 1e-9 : 0.12)
  }
  if (format === "png") expect(isLeft(foreground(labels, { palette: palette.slice(0, 3), class: 1 }))).toBe(true)
})

test("a mask that lies in the transparency", async () => {
  const path = join(await temporary(), "mask.png")
  const data = Buffer.alloc(4 * width * height)
  only.forEach((v, i) => data.set([255, 255, 255, 255 * v], 4 * i))
  await sharp(data, { raw: { width, height, channels: 4 } })
    .png()
    .toFile(path)
  const result = foreground(await readLabels(path))
  expect(isRight(result) && apart(result.right.mask.data, only)).toBe(0)
})

const folder = async (n: number, values: (i: number) => Uint8Array, save: Save) => {
  const root = await temporary()
  for (let i = 0; i < n; i++) {
    await writeGrey(join(root, "images", `${i}.png`), width, height, scan(width, height, i + 1))
    await mkdir(join(root, "masks"), { recursive: true })
    await save(join(root, "masks", `${i}.jpg`), grey(values(i)))
  }
  return root
}

test("blurred masks are told once for the data set, with their number", async () => {
  const report = await checkData(await folder(12, () => only.map((v) => v * 255), formats["jpeg 75"]!))
  expect(isUsable(report)).toBe(true)
  expect(withCode(report.diagnostics, "HS4204")).toMatchObject([
    { severity: "warning", message: expect.stringContaining("12 of 12 mask files have values between") },
  ])
})

test("masks that cannot be told are told once, however many there are", async () => {
  const report = await checkData(
    await folder(12, (i) => paint((x, y) => (20 + i) * 3 * classOf(x, y)), formats["jpeg 75"]!),
  )
  expect(withCode(report.diagnostics, "HS4203")).toMatchObject([
    { message: expect.stringContaining("the same of 11 more") },
  ])
})

test("some masks are inverted", async () => {
  const png: Save = (path, image) => image.png().toFile(path)
  const report = await checkData(await folder(5, (i) => only.map((v) => 255 * (i === 3 ? 1 - v : v)), png))
  expect(withCode(report.diagnostics, "HS4212")).toMatchObject([
    {
      severity: "error",
      message: expect.stringContaining("1 of 5 masks are inverted: all but an island is foreground in 3"),
    },
  ])
  expect(isUsable(report)).toBe(false)
})

test("of a model of two classes a chosen class is the foreground; of more it is one of them", async () => {
  const folder = await temporary()
  const [image, mask] = [join(folder, "images/a.png"), join(folder, "masks/a.png")]
  await writeGrey(
    image,
    width,
    height,
    paint(() => 90),
  )
  await writeGrey(mask, width, height, paint(classOf))
  const { cases } = await openData(folder)
  const of = async (labels: number, chosen?: number) => (await loadCase(cases[0]!, { labels, class: chosen })).mask.data
  expect(Buffer.from(await of(2, 2)).equals(ofClass(2))).toBe(true)
  expect(Buffer.from(await of(4)).equals(paint(classOf))).toBe(true)
  await expect(of(2)).rejects.toMatchObject({ diagnostics: [{ code: "HS4203" }] })
})
