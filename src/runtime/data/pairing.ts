/** Images and masks that belong together by their names. */
import { aboutFile, type Diagnostic } from "../../compiler/diagnostic.ts"
import { spelled, stem as stemOf } from "./folder.ts"

const stem = (name: string): string => spelled(stemOf(name))

export const noMask = (image: string): Diagnostic =>
  aboutFile(
    image,
    "HS4103",
    "the image has no mask",
    "Add its mask, an all-black one where there is nothing, or take the image away.",
  )

export const maskWithoutImage = (mask: string, image?: string): Diagnostic =>
  aboutFile(
    mask,
    "HS4104",
    image === undefined ? "the mask has no image" : `there is a mask for ${image}, and no such image`,
    "Add the image, or take the mask away.",
  )

/** An image's stem in a mask's name: "a", "a_mask", "a_mask_2", "a-seg", "a_gt" … */
const suffix = /[-_ ](?:mask|masks|seg|segmentation|label|labels|gt|annotation)(?:[-_ ]\d+)?$/i

/** Whether a name says itself that it is a mask's. */
export const namesMask = (name: string): boolean => suffix.test(stem(name))

/**
 * Each image's masks, and the masks of no image. A mask that is named exactly as an image belongs to it, whatever its suffix; of two images that differ
 * in their ending only, to both. Where no image has the name, upper and lower case make no difference, if they make none among the images.
 */
export const pair = (
  images: readonly string[],
  masks: readonly string[],
): { readonly masksOf: ReadonlyMap<string, readonly string[]>; readonly left: readonly string[] } => {
  const byStem = new Map<string, readonly string[]>()
  for (const name of images) byStem.set(stem(name), [...(byStem.get(stem(name)) ?? []), name])
  const byLower = new Map<string, readonly string[]>()
  for (const [name, owners] of byStem)
    byLower.set(name.toLowerCase(), [...(byLower.get(name.toLowerCase()) ?? []), ...owners])
  const anyCase = (name: string) => {
    const owners = byLower.get(name.toLowerCase())
    return owners !== undefined && new Set(owners.map(stem)).size === 1 ? owners : undefined
  }
  const masksOf = new Map<string, string[]>(images.map((name) => [name, []]))
  const left: string[] = []
  for (const mask of masks) {
    const owners =
      byStem.get(stem(mask)) ??
      byStem.get(stem(mask).replace(suffix, "")) ??
      anyCase(stem(mask)) ??
      anyCase(stem(mask).replace(suffix, "")) ??
      []
    if (owners.length === 0) left.push(mask)
    for (const image of owners) masksOf.get(image)!.push(mask)
  }
  return { masksOf, left }
}
