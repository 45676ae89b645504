/** A data set of phantoms: folders images and masks, and a table data.csv with subjects and spacing. */
import { join } from "node:path"
import sharp from "sharp"
import { writeAtomically, writeFolderAtomically } from "../../files.ts"
import { csvText } from "../csv.ts"
import { phantom } from "./phantom.ts"

export interface PhantomOptions {
  /** Images. */
  readonly n: number
  /** Their width in pixels, at least 32; the height is three quarters of it. */
  readonly size?: number
  readonly seed?: number
  /** Images of each subject, which share their tissue and the scanner's settings. */
  readonly perSubject?: number
  readonly onProgress?: (done: number, total: number) => void
}

/** The imaged width of tissue. */
const millimetres = 40

const grey = (width: number, height: number, data: Uint8Array): Promise<Buffer> =>
  sharp(data, { raw: { width, height, channels: 1 } })
    .toColourspace("b-w")
    .png({ compressionLevel: 9, palette: false })
    .toBuffer()

/**
 * Writes n phantoms into a new folder. The same options give the same pixels on every machine, and the same bytes with the same version of
 * sharp; the first images of a larger set are those of a smaller one. Throws HS4001.
 */
export const writePhantoms = (root: string, options: PhantomOptions): Promise<void> => {
  const { n, size = 256, seed = 0, perSubject = 4, onProgress } = options
  return writeFolderAtomically(root, async (folder) => {
    const rows: (string | number)[][] = []
    const digits = Math.max(4, `${n}`.length)
    for (let i = 0; i < n; i++) {
      const subject = Math.floor(i / perSubject)
      const name = `${`${i}`.padStart(digits, "0")}.png`
      const { image, mask } = phantom({ width: size, seed, subject, index: i })
      const { width, height } = image
      await writeAtomically(join(folder, "images", name), await grey(width, height, image.data))
      await writeAtomically(
        join(folder, "masks", name),
        await grey(
          width,
          height,
          mask.data.map((x) => 255 * x),
        ),
      )
      rows.push([`images/${name}`, `masks/${name}`, `p${`${subject}`.padStart(3, "0")}`, millimetres / size])
      onProgress?.(i + 1, n)
    }
    await writeAtomically(join(folder, "data.csv"), csvText(["image", "mask", "subject", "spacing"], rows))
  })
}
