/** A case's mask, from its files or its run lengths. */
import { isLeft } from "fp-ts/lib/Either.js"
import { aboutFile, Failed, failed } from "../../compiler/diagnostic.ts"
import type { Case } from "./case.ts"
import { type Encoding, foreground } from "./foreground.ts"
import { readImage, readLabels } from "./image.ts"
import { type Mask, type Raster, sizeOf, union } from "./raster.ts"
import { decodeRle } from "./rle.ts"

export interface Loaded {
  readonly image: Raster
  /** As large as the image. */
  readonly mask: Mask
  /** How each mask file is stored; none of run lengths. */
  readonly encodings: readonly Encoding[]
}

/** Image and mask of a case, at their own size. Throws HS4002, HS4106, HS4201, HS4202, HS4203. */
export const loadCase = async (one: Case, options: { readonly class?: number } = {}): Promise<Loaded> => {
  const image = await readImage(one.image)
  if (one.mask.kind === "rle") {
    const { runs, file, line } = one.mask
    const mask = decodeRle(runs, image)
    if (isLeft(mask))
      throw new Failed([
        {
          ...aboutFile(
            file,
            "HS4106",
            `the run lengths of ${one.id} are wrong: ${mask.left}`,
            "Write pairs of start and length, counted from 1 down the columns.",
          ),
          line,
          column: 1,
        },
      ])
    return { image, mask: mask.right, encodings: [] }
  }
  const masks: Mask[] = []
  const encodings: Encoding[] = []
  for (const path of one.mask.paths) {
    const result = foreground(await readLabels(path), options.class)
    if (isLeft(result))
      throw failed(
        path,
        "HS4203",
        `it cannot be told what in the mask is foreground: ${result.left}`,
        "Choose a class with --class, or save the mask with 0 and one other value.",
      )
    const { mask, encoding } = result.right
    if (mask.width !== image.width || mask.height !== image.height)
      throw failed(
        path,
        "HS4202",
        `the mask is ${sizeOf(mask)} and its image ${sizeOf(image)} pixels`,
        "A mask has one value for each pixel of its image; export it again.",
      )
    masks.push(mask)
    encodings.push(encoding)
  }
  return { image, mask: union(masks as [Mask, ...Mask[]]), encodings }
}
