/** Masks of classes: every pixel holds the number of its class. */
import { isLeft, right } from "fp-ts/lib/Either.js"
import { failed } from "../../compiler/diagnostic.ts"
import type { Case } from "./case.ts"
import { classified } from "./foreground.ts"
import { readLabels } from "./image.ts"
import { type Mask, type Raster, sizeOf } from "./raster.ts"

/** The numbers of classes, 0 for background, of a case with one mask file. Throws HS4202 and HS4203. */
export const classMask = async (
  one: Case,
  image: Raster,
  classes: number,
  palette?: readonly number[],
): Promise<Mask> => {
  const [path, ...others] = one.mask.kind === "files" ? one.mask.paths : []
  if (path === undefined || others.length > 0)
    throw failed(
      one.image,
      "HS4203",
      path === undefined
        ? "run lengths say inside and outside, no classes"
        : "a mask of classes is one file, not several",
      "Save one mask whose pixels hold the numbers of classes, 0 for background.",
    )
  const stored = await readLabels(path)
  const known = palette === undefined ? right(stored) : classified(stored, palette)
  if (isLeft(known) || (stored.lossy === true && palette === undefined))
    throw failed(
      path,
      "HS4203",
      isLeft(known)
        ? `it cannot be told which classes the mask holds: ${known.left}`
        : "a lossy format has mixed the numbers of the mask's classes",
      "Save one mask as PNG whose pixels hold the numbers of classes, or say each class's colour with --palette.",
    )
  const { width, height } = known.right
  const numbers = Array.from(known.right.values)
  // Of two classes, the mask as it is usually drawn: 0 and 255.
  const drawn = classes === 2 && palette === undefined && numbers.every((value) => value === 0 || value === 255)
  const values = drawn ? numbers.map((value) => Math.min(value, 1)) : numbers
  if (width !== image.width || height !== image.height)
    throw failed(
      path,
      "HS4202",
      `the mask is ${sizeOf({ width, height })} and its image ${sizeOf(image)} pixels`,
      "A mask has one value for each pixel of its image; export it again.",
    )
  const wrong = values.find((value) => value >= classes)
  if (wrong !== undefined)
    throw failed(
      path,
      "HS4203",
      `the mask holds ${wrong}, but the model's classes are 0 to ${classes - 1}`,
      "Save the numbers of classes, 0 for background, in the order in which classes(…) names them.",
    )
  return { width, height, data: Uint8Array.from(values) }
}
