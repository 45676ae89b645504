/** Qualitative sheets, as the paper's Figure 3: a row for each case; the image, the truth, and what each model drew over it. */
import sharp from "sharp"
import type { Tensor } from "../../compiler/ir/graph.ts"
import { scalePoint } from "../data/prompts.ts"
import type { Mask, Raster } from "../data/raster.ts"
import type { Sample } from "../data/reader.ts"
import { resizeBilinear, resizeNearest } from "../data/resize.ts"
import { compareMasks } from "../metrics/segmentation.ts"
import { bytesOf, colourOf } from "./labels.ts"

export interface SheetRow {
  readonly sample: Pick<Sample, "case" | "image" | "mask" | "point">
  /** Each model's mask by its name, at the original size. */
  readonly masks: Readonly<Record<string, Mask>>
}

type Colour = readonly [number, number, number]
/** The paper's pink for the truth, and a colour that is told apart from it without seeing red. */
const pink: Colour = [255, 105, 180]
const cyan: Colour = [0, 229, 255]

const gap = 6
const header = 26

interface Tile {
  readonly pixels: Uint8Array
  readonly width: number
  readonly height: number
}

/** The prepared image, [3, height, width], as bytes. */
const rasterOf = ({ shape, data }: Tensor): Raster => {
  const [, height = 0, width = 0] = shape
  const n = width * height
  const bytes = Uint8Array.from({ length: 3 * n }, (_, i) => data[(i % 3) * n + Math.floor(i / 3)]!)
  return { width, height, channels: 3, data: bytes }
}

/** Draws where inside meets outside, two pixels wide: the outermost ring of the mask and the ring around it. */
const drawContour = ({ pixels, width, height }: Tile, { data }: Mask, colour: Colour | "classes"): void => {
  const at = (x: number, y: number) =>
    data[Math.min(height - 1, Math.max(0, y)) * width + Math.min(width - 1, Math.max(0, x))]
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const here = at(x, y)
      if (at(x - 1, y) !== here || at(x + 1, y) !== here || at(x, y - 1) !== here || at(x, y + 1) !== here)
        pixels.set(
          // Outside, the ring has the colour of the class that it surrounds.
          colour === "classes"
            ? bytesOf(colourOf(here || at(x - 1, y) || at(x + 1, y) || at(x, y - 1) || at(x, y + 1) || 0))
            : colour,
          3 * (y * width + x),
        )
    }
}

/** One class of a mask of class numbers. */
const classOf = ({ width, height, data }: Mask, k: number): Mask => ({
  width,
  height,
  data: data.map((v) => (v === k ? 1 : 0)),
})
/** The mean over the classes that truth or prediction has; 1 where both have none. */
const meanDice = (mask: Mask, truth: Mask, classes: number): number => {
  const present = Array.from({ length: classes }, (_, k) => k + 1).filter(
    (k) => mask.data.includes(k) || truth.data.includes(k),
  )
  const dice = present.map((k) => compareMasks(classOf(mask, k), classOf(truth, k)).dice)
  return dice.length === 0 ? 1 : dice.reduce((sum, x) => sum + x, 0) / dice.length
}

const xml = (text: string): string => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)

/**
 * A PNG. Truth in pink, predictions in cyan with their Dice, the prompt as a cross. Of `classes` classes each has its colour, that of hasam segment's masks, and a
 * model's picture has its prediction alone, with the mean Dice over classes. A row is `tile` pixels wide for each picture, and as high as its
 * image then is.
 */
export const sheet = async (
  rows: readonly SheetRow[],
  { tile = 256, classes }: { readonly tile?: number; readonly classes?: number } = {},
): Promise<Buffer> => {
  const models = [...new Set(rows.flatMap(({ masks }) => Object.keys(masks)))]
  const titles = ["image", "truth", ...models]
  const width = titles.length * (tile + gap) - gap
  const heights = rows.map(({ sample }) => Math.max(1, Math.round((sample.mask.height * tile) / sample.mask.width)))
  const tops = heights.map((_, i) => header + heights.slice(0, i).reduce((sum, h) => sum + h + gap, 0))
  const height = header + heights.reduce((sum, h) => sum + h + gap, 0)

  const texts: string[] = titles.map((title, i) => label(i * (tile + gap) + tile / 2, 18, title, "middle", 14))
  const tiles = rows.flatMap(({ sample, masks }, r) => {
    const size = { width: tile, height: heights[r]! }
    const baseline = tops[r]! + size.height - 7
    const prepared = rasterOf(sample.image)
    const image = resizeBilinear(prepared, size)
    const truth = resizeNearest(sample.mask, size)
    texts.push(label(6, baseline, sample.case.id, "start", 12))
    return titles.map((title, column) => {
      const drawn = { ...size, pixels: Uint8Array.from(image.data) }
      const left = column * (tile + gap)
      const mask = column < 2 ? undefined : masks[title]
      if (column > 0 && (classes === undefined || mask === undefined))
        drawContour(drawn, truth, classes === undefined ? pink : "classes")
      if (mask !== undefined) {
        drawContour(drawn, resizeNearest(mask, size), classes === undefined ? cyan : "classes")
        const dice = classes === undefined ? compareMasks(mask, sample.mask).dice : meanDice(mask, sample.mask, classes)
        const what = classes === undefined ? "Dice" : "mean Dice"
        texts.push(label(left + tile - 6, baseline, `${what} ${(100 * dice).toFixed(1)}`, "end", 12))
      }
      if (sample.point !== undefined && column !== 1) {
        const { x, y } = scalePoint(sample.point, prepared, size)
        texts.push(cross(left + x + 0.5, tops[r]! + y + 0.5))
      }
      return {
        input: Buffer.from(drawn.pixels.buffer),
        raw: { width: tile, height: size.height, channels: 3 as const },
        left,
        top: tops[r]!,
      }
    })
  })
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${texts.join("")}</svg>`
  return sharp({ create: { width, height, channels: 3, background: "#ffffff" } })
    .composite([...tiles, { input: Buffer.from(svg), left: 0, top: 0 }])
    .png()
    .toBuffer()
}

const cross = (x: number, y: number): string =>
  `<path d="M${x - 5} ${y}H${x + 5}M${x} ${y - 5}V${y + 5}" stroke="#ffd400" stroke-width="2"/>`

/** Dark text with a light rim: it reads on paper and on tissue. */
const label = (x: number, y: number, text: string, anchor: "start" | "middle" | "end", size: number): string =>
  `<text x="${x}" y="${y}" text-anchor="${anchor}" font-family="DejaVu Sans, Arial, sans-serif" font-size="${size}" fill="#111" stroke="#fff" stroke-width="3" paint-order="stroke">${xml(text)}</text>`
