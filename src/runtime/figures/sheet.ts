/** Qualitative sheets, as the paper's Figure 3: a row for each case; the image, the truth, and what each model drew over it. */
import sharp from "sharp"
import { type Point, scalePoint } from "../data/prompts.ts"
import type { Mask, Raster } from "../data/raster.ts"
import { resizeBilinear, resizeNearest } from "../data/resize.ts"

export interface SheetRow {
  readonly name: string
  readonly image: Raster
  /** As large as the image, or as its original. */
  readonly truth: Mask
  /** One a model; undefined where a model has none. Its text (a Dice, say) stands in the picture's corner. */
  readonly predictions: readonly ({ readonly mask: Mask; readonly text?: string } | undefined)[]
  /** The prompt, in pixels of the truth. */
  readonly point?: Point | undefined
}

export interface SheetOptions {
  /** The models' names, over their columns. */
  readonly models: readonly string[]
  /** Width of a picture in pixels. */
  readonly tile?: number
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

const asColour = ({ width, height, channels, data }: Raster): Tile => ({
  width,
  height,
  pixels: Uint8Array.from({ length: 3 * width * height }, (_, i) => data[channels === 1 ? Math.floor(i / 3) : i]!),
})

/** Draws where inside meets outside, two pixels wide: the outermost ring of the mask and the ring around it. */
const drawContour = ({ pixels, width, height }: Tile, { data }: Mask, colour: Colour): void => {
  const at = (x: number, y: number) =>
    data[Math.min(height - 1, Math.max(0, y)) * width + Math.min(width - 1, Math.max(0, x))]
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const here = at(x, y)
      if (at(x - 1, y) !== here || at(x + 1, y) !== here || at(x, y - 1) !== here || at(x, y + 1) !== here)
        pixels.set(colour, 3 * (y * width + x))
    }
}

const xml = (text: string): string => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)

/** A PNG. Truth in pink, predictions in cyan, the prompt as a cross. A row is as high as its image is at the width of a tile. */
export const qualitativeSheet = async (
  rows: readonly SheetRow[],
  { models, tile = 256 }: SheetOptions,
): Promise<Buffer> => {
  const titles = ["image", "truth", ...models]
  const width = titles.length * (tile + gap) - gap
  const heights = rows.map(({ truth }) => Math.max(1, Math.round((truth.height * tile) / truth.width)))
  const tops = heights.map((_, i) => header + heights.slice(0, i).reduce((sum, h) => sum + h + gap, 0))
  const height = header + heights.reduce((sum, h) => sum + h + gap, 0)

  const texts: string[] = titles.map((title, i) => label(i * (tile + gap) + tile / 2, 18, title, "middle", 14))
  const tiles = rows.flatMap((row, r) => {
    const size = { width: tile, height: heights[r]! }
    const [top, baseline] = [tops[r]!, tops[r]! + size.height - 7]
    const image = asColour(resizeBilinear(row.image, size))
    const truth = resizeNearest(row.truth, size)
    texts.push(label(6, baseline, row.name, "start", 12))
    return titles.map((_, column) => {
      const drawn = { ...image, pixels: Uint8Array.from(image.pixels) }
      const left = column * (tile + gap)
      const prediction = row.predictions[column - 2]
      if (column > 0) drawContour(drawn, truth, pink)
      if (prediction !== undefined) {
        drawContour(drawn, resizeNearest(prediction.mask, size), cyan)
        if (prediction.text !== undefined) texts.push(label(left + tile - 6, baseline, prediction.text, "end", 12))
      }
      if (row.point !== undefined && column !== 1) {
        const { x, y } = scalePoint(row.point, row.truth, size)
        texts.push(cross(left + x + 0.5, top + y + 0.5))
      }
      const raw = { width: tile, height: size.height, channels: 3 as const }
      return { input: Buffer.from(drawn.pixels.buffer), raw, left, top }
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
