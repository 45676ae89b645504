/** What is written of one image: its mask, an overlay, probabilities; and the rows of the table. */
import { join } from "node:path"
import sharp from "sharp"
import { components } from "../data/components.ts"
import { pngBytes } from "../data/images/pngWrite.ts"
import type { Spacing } from "../data/images/stored.ts"
import { area, type Mask, type Raster } from "../data/raster.ts"
import { colourOf } from "../figures/labels.ts"
import { writeAtomically } from "../files.ts"
import { labelsOf } from "../task/classes.ts"
import { dicomSegBytes, sourceOf } from "./dicomSeg.ts"
import { niftiBytes } from "./nifti.ts"
import type { Answer } from "./segmenter.ts"

export interface WriteOptions {
  readonly format: "png" | "nifti" | "dicomseg"
  readonly overlays: boolean
  readonly probabilities: boolean
}

/** Class or object numbers at each pixel, and what each number is. */
export interface Labelled {
  readonly labels: Mask
  /** In the order of the numbers, from 1 on. */
  readonly found: readonly { readonly label: number; readonly mask: Mask; readonly answer: Answer }[]
}

/** Objects that overlap: the pixel is of the one that is surest of it. */
export const labelled = ({ width, height }: Raster, answers: readonly Answer[]): Labelled => {
  const size = width * height
  const labels = new Uint8Array(size)
  const [first] = answers
  if (first !== undefined && first.planes > 1) {
    labels.set((first.decided ?? labelsOf(first.probabilities, [height, width])).data)
    const found = Array.from({ length: first.planes - 1 }, (_, k) => ({
      label: k + 1,
      mask: { width, height, data: labels.map((v) => Number(v === k + 1)) },
      answer: first,
    }))
    return { labels: { width, height, data: labels }, found }
  }
  const inside = answers.map(
    ({ probabilities, decided }): Mask =>
      decided ?? { width, height, data: Uint8Array.from(probabilities.subarray(0, size), (p) => Number(p > 0.5)) },
  )
  const surest = new Float32Array(size)
  answers.forEach(({ probabilities }, k) => {
    for (let i = 0; i < size; i++)
      if (inside[k]!.data[i] === 1 && probabilities[i]! > surest[i]!) {
        surest[i] = probabilities[i]!
        labels[i] = Math.min(255, k + 1)
      }
  })
  const found = answers.map((answer, k) => ({
    label: k + 1,
    mask: inside[k]!,
    answer,
  }))
  return { labels: { width, height, data: labels }, found }
}

/** A row of table.csv. */
export interface ObjectRow {
  readonly id: string
  readonly image: string
  readonly object: number
  readonly class?: string
  readonly pixels: number
  readonly mm2?: number
  readonly components: number
  readonly numbers: Readonly<Record<string, number>>
  readonly confidence?: number
  /** Mean probability of the pixels inside. */
  readonly certainty?: number
}

export const rowsOf = (
  id: string,
  image: string,
  { found }: Labelled,
  spacing: Spacing | undefined,
  classNames: readonly string[] | undefined,
): readonly ObjectRow[] =>
  found.map(({ label, mask, answer }) => {
    const pixels = area(mask)
    const size = mask.data.length
    const from = answer.planes > 1 ? label * size : 0
    let sum = 0
    for (let i = 0; i < size; i++) if (mask.data[i] === 1) sum += answer.probabilities[from + i]!
    const name = classNames?.[label]
    return {
      id,
      image,
      object: label,
      ...(name === undefined ? {} : { class: name }),
      pixels,
      ...(spacing === undefined ? {} : { mm2: pixels * spacing.x * spacing.y }),
      components: components(mask).length,
      numbers: answer.numbers,
      ...(answer.confidence === undefined ? {} : { confidence: answer.confidence }),
      ...(pixels === 0 ? {} : { certainty: sum / pixels }),
    }
  })

const maskBytes = ({ labels, found }: Labelled, classes: boolean): Buffer =>
  classes || found.length > 1
    ? pngBytes(
        labels,
        labels.data,
        Array.from({ length: Math.max(2, found.length + 1) }, (_, k) => colourOf(k)),
      )
    : pngBytes(
        labels,
        labels.data.map((v) => 255 * Math.min(1, v)),
      )

/** The image in colour with each object's outline, one pixel to each side of its edge. */
const overlayBytes = async (image: Raster, { found }: Labelled): Promise<Buffer> => {
  const { width, height, channels, data } = image
  const out = Buffer.alloc(3 * width * height)
  for (let i = 0; i < width * height; i++)
    for (let c = 0; c < 3; c++) out[3 * i + c] = data[channels === 1 ? i : 3 * i + c]!
  for (const { label, mask } of found) {
    const colour = colourOf(label)
    const at = (x: number, y: number) => (x >= 0 && y >= 0 && x < width && y < height ? mask.data[y * width + x]! : 0)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const inside = at(x, y)
        if (inside === at(x - 1, y) && inside === at(x + 1, y) && inside === at(x, y - 1) && inside === at(x, y + 1))
          continue
        out.set([colour >> 16, (colour >> 8) & 255, colour & 255], 3 * (y * width + x))
      }
  }
  return sharp(out, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer()
}

/** The folders that files go to. */
export const folders = ["masks", "overlays", "probabilities"] as const
type Written = readonly [path: `${(typeof folders)[number]}/${string}`, bytes: Buffer]

/** Probabilities in 16 bits, 65535 is one; of classes and objects one file each. */
const probabilityFiles = (name: string, { labels, found }: Labelled): readonly Written[] =>
  found.map(({ label, answer }) => {
    const size = labels.data.length
    const from = answer.planes > 1 ? label * size : 0
    const plane = Uint16Array.from(answer.probabilities.subarray(from, from + size), (p) => Math.round(65535 * p))
    return [`probabilities/${name}${found.length > 1 ? `.${label}` : ""}.png`, pngBytes(labels, plane)]
  })

/** Writes all that was asked for of one image. Throws HS4001. */
export const writeImage = async (
  out: string,
  { name, path }: { readonly name: string; readonly path: string },
  image: Raster & { readonly spacing?: Spacing },
  found: Labelled,
  classNames: readonly string[] | undefined,
  prompted: boolean,
  { format, overlays, probabilities }: WriteOptions,
): Promise<void> => {
  const maskFile = async (): Promise<Written> => {
    switch (format) {
      case "png":
        return [`masks/${name}.png`, maskBytes(found, classNames !== undefined)]
      case "nifti":
        return [`masks/${name}.nii.gz`, await niftiBytes(path, found.labels, image.spacing)]
      case "dicomseg":
        return [`masks/${name}.dcm`, await dicomSegBytes(await sourceOf(path), found, { classNames, prompted })]
    }
  }
  const files: readonly Written[] = [
    ...(probabilities ? probabilityFiles(name, found) : []),
    ...(overlays ? [[`overlays/${name}.png`, await overlayBytes(image, found)] as const] : []),
    await maskFile(),
  ]
  for (const [file, bytes] of files) await writeAtomically(join(out, file), bytes)
}
