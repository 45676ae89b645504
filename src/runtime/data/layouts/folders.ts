/**
 * A folder of images beside a folder of masks, paired by name; the same inside train, val and test where the authors split the data, or the other way
 * round; and the same folders of classes or patients inside both.
 */
import { join } from "node:path"
import type { Found, Layout, Part } from "../case.ts"
import { images, list } from "../folder.ts"
import { namesMask } from "../pairing.ts"
import { casesOf, joined, type Known, pairOfFolders, pairsOf } from "./pairs.ts"

const parts: ReadonlyMap<string, Part> = new Map([
  ["train", "train"],
  ["training", "train"],
  ["val", "validation"],
  ["valid", "validation"],
  ["validation", "validation"],
  ["test", "test"],
])

export const folders: Layout = async (root) => {
  const { folders: names } = await list(root)
  const here = await oneLevel(root, "", {})
  const below = await Promise.all(
    names.filter((name) => parts.has(name.toLowerCase())).map((name) => oneLevel(join(root, name), name, meant(name))),
  )
  const found = [here, ...below].filter((x) => x !== undefined)
  return found.length === 0 ? flat(root) : joined(found)
}

/** One folder in which a mask is told from its image by a suffix alone. */
const flat = async (root: string): Promise<Found | undefined> => {
  const files = await images(root)
  const masks = files.filter((name) => namesMask(name))
  if (masks.length === 0) return undefined
  return casesOf(
    root,
    files.filter((name) => !namesMask(name)),
    root,
    masks,
    "",
    {},
  )
}

const oneLevel = async (folder: string, name: string, known: Known): Promise<Found | undefined> => {
  const both = await pairOfFolders(folder)
  if (both === undefined) return undefined
  const inMasks = new Set((await list(both.masks)).folders)
  const within = (await list(both.images)).folders.filter((inner) => inMasks.has(inner))
  const deeper = within.map((inner) =>
    pairsOf(
      { images: join(both.images, inner), masks: join(both.masks, inner) },
      name === "" ? inner : `${name}/${inner}`,
      { ...known, ...meant(inner) },
    ),
  )
  return joined(await Promise.all([pairsOf(both, name, known), ...deeper]))
}

/** A folder's name says a part, a patient, or else a class. */
const meant = (name: string): Known => {
  const part = parts.get(name.toLowerCase())
  if (part !== undefined) return { part }
  return /^(patient|pat|subject|sub|person|case|p|s)?[-_ ]?\d+$/i.test(name) ? { subject: name } : { class: name }
}
