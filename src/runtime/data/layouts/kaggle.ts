/**
 * The Ultrasound Nerve Segmentation competition: train/{subject}_{image}.tif with {subject}_{image}_mask.tif, or
 * train_masks.csv with subject, img, pixels. An empty row is an image without a nerve. As it is passed on, the files are PNG or JPEG, too.
 */
import { dirname, join } from "node:path"
import { aboutFile, type Diagnostic } from "../../../compiler/diagnostic.ts"
import type { Case, Layout } from "../case.ts"
import { readCsv } from "../csv.ts"
import { byText, list } from "../folder.ts"
import { maskWithoutImage, noMask } from "../pairing.ts"

const table = "train_masks.csv"
const imageName = /^(\d+)_(\d+)\.(?:tiff?|png|jpe?g|bmp)$/i
const maskName = /^(\d+_\d+)_mask\.(?:tiff?|png|jpe?g|bmp)$/i

export const kaggle: Layout = async (root, options) => {
  const top = await list(root)
  const folder = top.folders.includes("train") ? join(root, "train") : root
  const { files } = folder === root ? top : await list(folder)
  const scans = files.filter((name) => imageName.test(name))
  const maskFiles = files.filter((name) => maskName.test(name))
  const csv = await findTable([root, folder, dirname(folder)])
  if (scans.length === 0 || (maskFiles.length === 0 && csv === undefined)) return undefined

  const diagnostics: Diagnostic[] = []
  const fromTable = options.masks === "rle" || (options.masks === undefined && maskFiles.length === 0)
  const masks =
    fromTable && csv !== undefined
      ? await masksOfTable(csv, diagnostics)
      : new Map(
          maskFiles.map((name) => [maskName.exec(name)![1]!, { kind: "files" as const, paths: [join(folder, name)] }]),
        )
  const cases: Case[] = []
  for (const name of scans) {
    const [, subject, number] = imageName.exec(name)!
    const id = `${subject}_${number}`
    const mask = masks.get(id)
    masks.delete(id)
    if (mask === undefined) diagnostics.push(noMask(join(folder, name)))
    else cases.push({ id, image: join(folder, name), mask, subject: subject! })
  }
  for (const [id, mask] of masks)
    diagnostics.push(
      mask.kind === "files"
        ? maskWithoutImage(mask.paths[0]!)
        : { ...maskWithoutImage(mask.file, `${id}.tif`), line: mask.line, column: 1 },
    )
  return { cases: cases.sort((a, b) => byText(a.id, b.id)), diagnostics }
}

const findTable = async (folders: readonly string[]): Promise<string | undefined> => {
  for (const folder of folders) if ((await list(folder)).files.includes(table)) return join(folder, table)
  return undefined
}

const masksOfTable = async (file: string, diagnostics: Diagnostic[]) => {
  const { columns, rows } = await readCsv(file)
  const masks = new Map<string, Extract<Case["mask"], { kind: "rle" }> | Extract<Case["mask"], { kind: "files" }>>()
  const missing = ["subject", "img", "pixels"].filter((name) => !columns.includes(name))
  if (missing.length > 0) {
    diagnostics.push(
      aboutFile(
        file,
        "HS4105",
        `the table has no column ${missing.join(", ")}`,
        "Its columns are subject, img, pixels.",
      ),
    )
    return masks
  }
  for (const { line, values } of rows) {
    const id = `${values.subject}_${values.img}`
    if (masks.has(id))
      diagnostics.push({
        ...aboutFile(file, "HS4107", `${id} is listed twice`, "Keep one row for each image."),
        line,
        column: 1,
      })
    else masks.set(id, { kind: "rle", runs: values.pixels!, file, line })
  }
  return masks
}
