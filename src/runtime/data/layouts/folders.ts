/** A folder of images beside a folder of masks, paired by name; the same inside train, val and test where the authors split the data. */
import { join } from "node:path"
import { own } from "../../../dsl/own.ts"
import type { Case, DataOptions, Found, Layout, Part } from "../case.ts"
import { images, list, stem } from "../folder.ts"
import { maskWithoutImage, noMask, pair } from "../pairing.ts"

const imageFolders = ["images", "image", "imgs", "img", "scans"]
const maskFolders = ["masks", "mask", "labels", "label", "segmentations", "annotations", "gt"]
const parts: Readonly<Record<string, Part>> = {
  train: "train",
  training: "train",
  val: "validation",
  valid: "validation",
  validation: "validation",
  test: "test",
}

export const folders: Layout = async (root, options) => {
  const { folders: names } = await list(root)
  const here = await oneLevel(root, "", options)
  const below = await Promise.all(
    names
      .filter((name) => own(parts, name.toLowerCase()) !== undefined)
      .map((name) => oneLevel(join(root, name), name, options)),
  )
  const found = [here, ...below].filter((x) => x !== undefined)
  if (found.length === 0) return undefined
  return {
    cases: found.flatMap(({ cases }) => cases),
    diagnostics: found.flatMap(({ diagnostics }) => diagnostics),
  }
}

const oneLevel = async (folder: string, name: string, options: DataOptions): Promise<Found | undefined> => {
  const { folders: names } = await list(folder)
  const named = (known: readonly string[]) => names.find((x) => known.includes(x.toLowerCase()))
  const [imageFolder, maskFolder] = [named(imageFolders), named(maskFolders)]
  if (imageFolder === undefined || maskFolder === undefined) return undefined
  const { masksOf, left } = pair(await images(join(folder, imageFolder)), await images(join(folder, maskFolder)))
  const part = own(parts, name.toLowerCase())
  const cases = [...masksOf]
    .filter(([, masks]) => masks.length > 0)
    .map(([image, masks]): Case => {
      const subject = subjectIn(stem(image), options.subject)
      return {
        id: name === "" ? stem(image) : `${name}/${stem(image)}`,
        image: join(folder, imageFolder, image),
        mask: { kind: "files", paths: masks.map((mask) => join(folder, maskFolder, mask)) },
        ...(subject === undefined ? {} : { subject }),
        ...(part === undefined ? {} : { part }),
      }
    })
  const unpaired = [...masksOf].filter(([, masks]) => masks.length === 0)
  return {
    cases,
    diagnostics: [
      ...unpaired.map(([image]) => noMask(join(folder, imageFolder, image))),
      ...left.map((mask) => maskWithoutImage(join(folder, maskFolder, mask))),
    ],
  }
}

const subjectIn = (name: string, pattern: RegExp | undefined): string | undefined => {
  const match = pattern?.exec(name)
  return match?.[1] ?? match?.[0]
}
