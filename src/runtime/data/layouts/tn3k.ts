/**
 * TN3K (Gong et al. 2021): trainval-image/0000.jpg with trainval-mask/0000.jpg, test-image with test-mask; the authors' folds divide trainval, each in a
 * tn3k-trainval-fold0.json of { "train": [numbers], "val": [numbers] }, and all of them are tested on the test images.
 */
import { join } from "node:path"
import { aboutFile, type Diagnostic } from "../../../compiler/diagnostic.ts"
import { readBytes } from "../../files.ts"
import type { Case, Folds, Layout } from "../case.ts"
import { byText, images, list } from "../folder.ts"
import type { Split } from "../split.ts"
import { casesOf, joined } from "./pairs.ts"

const foldFile = /^tn3k-trainval-fold(\d+)\.json$/

export const tn3k: Layout = async (root) => {
  const { folders, files } = await list(root)
  if (!["trainval-image", "trainval-mask"].every((name) => folders.includes(name))) return undefined
  const part = async (name: "trainval" | "test", of: Case["part"]) => {
    const [image, mask] = [join(root, `${name}-image`), join(root, `${name}-mask`)]
    return casesOf(image, await images(image), mask, await images(mask), name, of === undefined ? {} : { part: of })
  }
  const tested = folders.includes("test-image") && folders.includes("test-mask")
  const found = joined([await part("trainval", "train"), ...(tested ? [await part("test", "test")] : [])])
  const diagnostics: Diagnostic[] = [...found.diagnostics]
  const splits: Split[] = []
  for (const name of files.filter((file) => foldFile.test(file)).sort(byText)) {
    const split = splitOf((await readBytes(join(root, name))).toString("utf8"), found.cases)
    if (split === undefined)
      diagnostics.push(
        aboutFile(
          join(root, name),
          "HS4303",
          "this is no fold of these images",
          'Take the file as it was published: { "train": [ … ], "val": [ … ] }, the numbers of images in trainval-image.',
        ),
      )
    else splits.push(split)
  }
  const folds: readonly Folds[] = splits.length === 0 ? [] : [{ name: "tn3k-trainval-fold*.json", splits }]
  return { cases: found.cases, diagnostics, folds }
}

/** Numbers count the images in their order. */
const splitOf = (text: string, cases: readonly Case[]): Split | undefined => {
  const trainval = cases
    .filter(({ part }) => part === "train")
    .map(({ id }) => id)
    .sort(byText)
  const test = cases
    .filter(({ part }) => part === "test")
    .map(({ id }) => id)
    .sort(byText)
  try {
    const { train, val } = JSON.parse(text) as { readonly train?: unknown; readonly val?: unknown }
    const ids = [train, val].map((numbers) => (numbers as readonly number[]).map((i) => trainval[i]))
    if (ids.flat().some((id) => id === undefined)) return undefined
    const [training, validation] = ids as [string[], string[]]
    return { seed: 0, by: "case", train: training.toSorted(byText), validation: validation.toSorted(byText), test }
  } catch {
    return undefined
  }
}
