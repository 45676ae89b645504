/** Cases of a folder of images beside a folder of masks, paired by name. */
import { join } from "node:path"
import type { Case, Found } from "../case.ts"
import { images, list, stem } from "../folder.ts"
import { maskWithoutImage, noMask, pair } from "../pairing.ts"

const imageFolders = ["images", "image", "imgs", "img", "scans"]
const maskFolders = ["masks", "mask", "labels", "label", "segmentations", "annotations", "gt"]

/** What a case knows from the folders in which it lies. */
export type Known = Pick<Case, "part" | "class" | "subject">

/** Names of the folders of images and masks in a folder. */
export const pairOfFolders = async (
  folder: string,
): Promise<{ readonly images: string; readonly masks: string } | undefined> => {
  const { folders: names } = await list(folder)
  const named = (known: readonly string[]) => names.find((x) => known.includes(x.toLowerCase()))
  const [imageFolder, maskFolder] = [named(imageFolders), named(maskFolders)]
  return imageFolder === undefined || maskFolder === undefined
    ? undefined
    : { images: join(folder, imageFolder), masks: join(folder, maskFolder) }
}

/** `prefix` makes ids one of their kind in the data set. */
export const pairsOf = async (
  folders: { readonly images: string; readonly masks: string },
  prefix: string,
  known: Known,
): Promise<Found> =>
  casesOf(folders.images, await images(folders.images), folders.masks, await images(folders.masks), prefix, known)

export const casesOf = (
  imageFolder: string,
  imageNames: readonly string[],
  maskFolder: string,
  maskNames: readonly string[],
  prefix: string,
  known: Known,
): Found => {
  const { masksOf, left } = pair(imageNames, maskNames)
  const cases = [...masksOf]
    .filter(([, masks]) => masks.length > 0)
    .map(
      ([image, masks]): Case => ({
        id: prefix === "" ? stem(image) : `${prefix}/${stem(image)}`,
        image: join(imageFolder, image),
        mask: { kind: "files", paths: masks.map((mask) => join(maskFolder, mask)) },
        ...known,
      }),
    )
  const unpaired = [...masksOf].filter(([, masks]) => masks.length === 0)
  return {
    cases,
    diagnostics: [
      ...unpaired.map(([image]) => noMask(join(imageFolder, image))),
      ...left.map((mask) => maskWithoutImage(join(maskFolder, mask))),
    ],
  }
}

export const joined = (found: readonly Found[]): Found => ({
  cases: found.flatMap(({ cases }) => cases),
  diagnostics: found.flatMap(({ diagnostics }) => diagnostics),
})
