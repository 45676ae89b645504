/**
 * CAMUS (Leclerc et al. 2019): database_nifti/patient0001/patient0001_2CH_ED.nii.gz with patient0001_2CH_ED_gt.nii.gz, views 2CH and 4CH, phases ED and ES;
 * database_split/subgroup_{training,validation,testing}.txt name the patients of each part. Masks: 1 endocardium, 2 epicardium, 3 left atrium. Sequences are left out.
 */
import { join } from "node:path"
import type { Diagnostic } from "../../../compiler/diagnostic.ts"
import { readBytes } from "../../files.ts"
import type { Case, Layout, Part } from "../case.ts"
import { list } from "../folder.ts"
import { noMask } from "../pairing.ts"

const inner = "CAMUS_public"
const imageName = /^(patient\d+)_(2CH|4CH)_(ED|ES)\.nii(\.gz)?$/
const lists: readonly (readonly [string, Part])[] = [
  ["subgroup_training.txt", "train"],
  ["subgroup_validation.txt", "validation"],
  ["subgroup_testing.txt", "test"],
]

export const camus: Layout = async (root) => {
  const top = await list(root)
  const folder = top.folders.includes(inner) ? join(root, inner) : root
  const { folders } = folder === root ? top : await list(folder)
  if (!folders.includes("database_nifti")) return undefined
  const partOf = folders.includes("database_split") ? await partsIn(join(folder, "database_split")) : new Map()
  const cases: Case[] = []
  const diagnostics: Diagnostic[] = []
  let sequences = 0
  for (const patient of (await list(join(folder, "database_nifti"))).folders) {
    const at = join(folder, "database_nifti", patient)
    const { files } = await list(at)
    sequences += files.filter((name) => /_half_sequence\.nii(\.gz)?$/.test(name)).length
    for (const name of files) {
      const [, subject, view, , zipped = ""] = imageName.exec(name) ?? []
      if (subject === undefined) continue
      const id = name.replace(/\.nii(\.gz)?$/, "")
      const mask = `${id}_gt.nii${zipped}`
      const part: Part | undefined = partOf.get(subject)
      if (files.includes(mask))
        cases.push({
          id,
          image: join(at, name),
          mask: { kind: "files", paths: [join(at, mask)] },
          subject,
          class: view!,
          ...(part === undefined ? {} : { part }),
        })
      else diagnostics.push(noMask(join(at, name)))
    }
  }
  return {
    cases,
    diagnostics,
    notes:
      sequences === 0
        ? []
        : [
            `${sequences} sequences (…_half_sequence) are left out: their first and last frames are images of their own`,
          ],
  }
}

/** The part of each patient that a list names. */
const partsIn = async (folder: string): Promise<ReadonlyMap<string, Part>> => {
  const { files } = await list(folder)
  const found = new Map<string, Part>()
  for (const [name, part] of lists) {
    if (!files.includes(name)) continue
    const text = (await readBytes(join(folder, name))).toString("utf8")
    for (const patient of text.split(/\s+/).filter((line) => line !== "")) found.set(patient, part)
  }
  return found
}
