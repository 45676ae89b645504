/**
 * Breast Ultrasound Images (Al-Dhabyani et al. 2020): folders of classes; "benign (1).png" has "benign (1)_mask.png", "…_mask_1.png" …; or, as it is
 * passed on, folders images and masks in each class.
 */
import { join } from "node:path"
import type { Case, Found, Layout } from "../case.ts"
import { images, list, stem } from "../folder.ts"
import { maskWithoutImage, noMask, pair } from "../pairing.ts"
import { joined, pairOfFolders, pairsOf } from "./pairs.ts"

const inner = "Dataset_BUSI_with_GT"
const classes = ["benign", "malignant", "normal"]
/** The paper's "nearly 650" images are those with a lesion. */
const byDefault = ["benign", "malignant"]
const isMask = (name: string) => /_mask(?:_\d+)?\.[a-z]+$/i.test(name)

export const busi: Layout = async (root, options) => {
  const top = await list(root)
  const folder = top.folders.includes(inner) ? join(root, inner) : root
  const present = (await list(folder)).folders.filter((name) => classes.includes(name.toLowerCase()))
  if (present.length === 0) return undefined
  const wanted = options.classes ?? byDefault
  const used = present.filter((name) => wanted.includes(name.toLowerCase()))
  const left = present.filter((name) => !used.includes(name))
  return {
    ...joined(await Promise.all(used.map((name) => oneClass(join(folder, name), name)))),
    notes: left.map((name) => `the folder ${name} is left out, as in the paper`),
  }
}

const oneClass = async (folder: string, name: string): Promise<Found> => {
  const label = name.toLowerCase()
  const both = await pairOfFolders(folder)
  if (both !== undefined) return pairsOf(both, label, { class: label })
  const files = await images(folder)
  const { masksOf, left } = pair(
    files.filter((file) => !isMask(file)),
    files.filter(isMask),
  )
  const path = (file: string) => join(folder, file)
  const cases: Case[] = [...masksOf]
    .filter(([, masks]) => masks.length > 0)
    .map(([image, masks]) => ({
      id: stem(image),
      image: path(image),
      mask: { kind: "files", paths: masks.map(path) },
      class: label,
    }))
  const unpaired = [...masksOf].filter(([, masks]) => masks.length === 0).map(([image]) => noMask(path(image)))
  return { cases, diagnostics: [...unpaired, ...left.map((mask) => maskWithoutImage(path(mask)))] }
}
