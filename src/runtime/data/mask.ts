/** A case's mask, from its files or its run lengths. */
import { isLeft } from "fp-ts/lib/Either.js"
import { aboutFile, Failed, failed } from "../../compiler/diagnostic.ts"
import type { Case, PixelOptions } from "./case.ts"
import { classMask } from "./classes.ts"
import { type Encoding, foreground } from "./foreground.ts"
import { type Picture, readImage, readLabels } from "./image.ts"
import { type Mask, sizeOf, union } from "./raster.ts"
import { decodeRle } from "./rle.ts"

export interface Loaded {
  readonly image: Picture
  /** As large as the image. */
  readonly mask: Mask
  /** How each mask file is stored; none of run lengths. */
  readonly encodings: readonly Encoding[]
  /** The image was turned by a tag that a mask's file does not have. */
  readonly turnedAlone?: boolean
}

/** Image and mask of a case, at their own size. Throws HS4002, HS4106, HS4201 to HS4203, HS4208 to HS4211. */
export const loadCase = async (one: Case, options: PixelOptions = {}): Promise<Loaded> => {
  const image = await readImage(one.image, options)
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
  // Of two classes, a chosen one is the foreground, as it is of a mask: both can be in one study.
  const chosen = options.labels === 2 && options.class !== undefined
  if (options.labels !== undefined && !chosen)
    return { image, mask: await classMask(one, image, options.labels, options.palette), encodings: [] }
  const masks: Mask[] = []
  const encodings: Encoding[] = []
  let turnedAlone = false
  for (const path of one.mask.paths) {
    const labels = await readLabels(path)
    const result = foreground(labels, options)
    if (isLeft(result))
      throw failed(
        path,
        "HS4203",
        `it cannot be told what in the mask is foreground: ${result.left}`,
        cureOf(labels.kind, labels.lossy === true),
      )
    const { mask, encoding } = result.right
    if (mask.width !== image.width || mask.height !== image.height)
      throw failed(
        path,
        "HS4202",
        `the mask is ${sizeOf(mask)} and its image ${sizeOf(image)} pixels${turnedApart(image, labels)}`,
        "A mask has one value for each pixel of its image; export it again.",
      )
    if (image.axes !== undefined && labels.axes !== undefined && image.axes !== labels.axes)
      throw failed(
        path,
        "HS4202",
        `the mask's axes run to ${labels.axes} and its image's to ${image.axes}`,
        "Save both in one orientation, as `nibabel.as_closest_canonical` does.",
      )
    masks.push(mask)
    encodings.push(encoding)
    turnedAlone ||= image.turned !== labels.turned
  }
  return { image, mask: union(masks as [Mask, ...Mask[]]), encodings, ...(turnedAlone ? { turnedAlone } : {}) }
}

const cureOf = (kind: "grey" | "palette" | "colour", lossy: boolean): string => {
  if (kind === "colour")
    return "Say the colour of each class, background first, as --palette '#000000,#ff0000', and choose one with --class."
  return lossy
    ? "Save the masks again as PNG: what JPEG mixes cannot be told apart."
    : "Choose a class with --class, or save the mask with 0 and one other value."
}

/** A viewer turns a photograph by its EXIF tag; a program that drew the mask may not have. */
const turnedApart = (image: { readonly turned?: number }, mask: { readonly turned?: number }): string =>
  image.turned === mask.turned
    ? ""
    : `, once ${mask.turned === undefined ? "the image" : "the mask"} is turned as its orientation tag says`
