/**
 * BUS-BRA (Gómez-Flores et al. 2024): Images/bus_0001-l.png with Masks/mask_0001-l.png; bus_data.csv says whose each is, and 5-fold-cv.csv and
 * 10-fold-cv.csv are the authors' folds, by patient. As elsewhere, fold i is tested and the next one validates.
 */
import { join } from "node:path"
import { aboutFile, type Diagnostic } from "../../../compiler/diagnostic.ts"
import type { Case, Folds, Layout } from "../case.ts"
import { readCsv } from "../csv.ts"
import { byText, images, list, stem } from "../folder.ts"
import { maskWithoutImage, noMask } from "../pairing.ts"

const inner = "BUSBRA"
const table = "bus_data.csv"
const foldTable = /^(\d+)-fold-cv\.csv$/

// Columns are read in small letters.
export const busbra: Layout = async (root) => {
  const top = await list(root)
  const folder = top.folders.includes(inner) ? join(root, inner) : root
  const { files, folders } = folder === root ? top : await list(folder)
  if (!files.includes(table) || !folders.includes("Images") || !folders.includes("Masks")) return undefined
  const diagnostics: Diagnostic[] = []
  const known = new Map((await readCsv(join(folder, table))).rows.map(({ values }) => [values["id"] ?? "", values]))
  const masks = new Map((await images(join(folder, "Masks"))).map((name) => [stem(name), join(folder, "Masks", name)]))
  const cases: Case[] = []
  for (const name of await images(join(folder, "Images"))) {
    const id = stem(name)
    const key = id.replace(/^bus_/, "mask_")
    const [mask, row] = [masks.get(key), known.get(id)]
    masks.delete(key)
    const image = join(folder, "Images", name)
    if (mask === undefined) diagnostics.push(noMask(image))
    else
      cases.push({
        id,
        image,
        mask: { kind: "files", paths: [mask] },
        ...(row?.["case"] ? { subject: row["case"] } : {}),
        ...(row?.["pathology"] ? { class: row["pathology"] } : {}),
      })
  }
  for (const path of masks.values()) diagnostics.push(maskWithoutImage(path))
  const folds: Folds[] = []
  for (const name of files.filter((file) => foldTable.test(file)))
    folds.push(await foldsOf(join(folder, name), name, cases, diagnostics))
  return { cases, diagnostics, folds }
}

const foldsOf = async (
  file: string,
  name: string,
  cases: readonly Case[],
  diagnostics: Diagnostic[],
): Promise<Folds> => {
  const k = Number(foldTable.exec(name)![1])
  const { rows } = await readCsv(file)
  const foldOf = new Map(
    rows.map(({ values }) => [(values["id"] ?? "").replace(/\.png$/i, ""), Number(values["kfold"])]),
  )
  const lost = cases.filter(({ id }) => !((foldOf.get(id) ?? 0) >= 1 && foldOf.get(id)! <= k))
  if (lost.length > 0)
    diagnostics.push(
      aboutFile(
        file,
        "HS4105",
        `${lost.length} of ${cases.length} images are in no fold from 1 to ${k} (${lost[0]!.id} first)`,
        "Its columns are ID and kFold; take the file as it was published.",
      ),
    )
  const of = (folds: readonly number[]) =>
    cases.flatMap(({ id }) => (folds.includes(foldOf.get(id) ?? 0) ? [id] : [])).sort(byText)
  return {
    name,
    splits: Array.from({ length: k }, (_, i) => {
      const [test, validation] = [i + 1, ((i + 1) % k) + 1]
      const rest = Array.from({ length: k }, (_, j) => j + 1).filter((j) => j !== test && j !== validation)
      return { seed: 0, by: "subject", train: of(rest), validation: of([validation]), test: of([test]) }
    }),
  }
}
