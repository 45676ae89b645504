/** From a folder to cases, whatever its layout. */
import { join, relative } from "node:path"
import { aboutFile, type Diagnostic, type Diagnostics, Failed, failed } from "../../../compiler/diagnostic.ts"
import { toldOnce } from "../alike.ts"
import type { Case, DataOptions, DataSet, Layout, LayoutName } from "../case.ts"
import { byText, images, isFile, list } from "../folder.ts"
import { readSpacing } from "../image.ts"
import { prefetch } from "../prefetch.ts"
import { withSubjects } from "../subjects.ts"
import { busbra } from "./busbra.ts"
import { busi } from "./busi.ts"
import { camus } from "./camus.ts"
import { folders } from "./folders.ts"
import { kaggle } from "./kaggle.ts"
import { nnunet } from "./nnunet.ts"
import { table } from "./table.ts"
import { tn3k } from "./tn3k.ts"

/** In the order in which they are tried: a table knows more (subjects, spacing) than the folders beside it. */
const layouts: { readonly [K in LayoutName]: Layout } = {
  ...{ table, kaggle, busi, busbra, tn3k, camus, nnunet, folders },
}

export const layoutNames = Object.keys(layouts) as readonly LayoutName[]

const known =
  "Known are: a csv with the columns image and mask; Kaggle's nerve data (train/1_1.tif with 1_1_mask.tif or train_masks.csv); BUSI (folders benign, malignant); nnU-Net's imagesTr and labelsTr; folders images and masks with files of the same names; a folder of images with masks named …_mask."

/** The cases of a folder or csv, and all that is wrong with its files' names and tables. Throws HS4002, HS4101, HS4105. */
export const findCases = async (
  root: string,
  options: DataOptions = {},
): Promise<{ readonly data: DataSet; readonly diagnostics: readonly Diagnostic[] }> => {
  const here = await casesIn(root, options)
  if (here !== undefined) return here
  for await (const inner of onlyFolders(root)) {
    const found = await casesIn(inner, options)
    if (found === undefined) continue
    const notes = [`the data are in ${relative(root, inner)}, the only folder there`, ...found.data.notes]
    return { ...found, data: { ...found.data, notes } }
  }
  const message =
    options.layout === undefined
      ? "no known layout of data is found here"
      : `the data are not in the layout '${options.layout}'`
  throw failed(root, "HS4101", message, known)
}

const casesIn = async (root: string, options: DataOptions) => {
  const single = await isFile(root)
  const tried = options.layout !== undefined ? [options.layout] : single ? (["table"] as const) : layoutNames
  for (const layout of tried) {
    if (single && layout !== "table") continue
    const found = await layouts[layout](root, options)
    if (found === undefined) continue
    const subjects = withSubjects(
      [...found.cases].sort((a, b) => byText(a.id, b.id)),
      options.subject,
    )
    const cases = await withSpacing(subjects.cases)
    const diagnostics = [...found.diagnostics, ...twice(cases)]
    if (cases.length === 0 && diagnostics.length === 0) diagnostics.push(nothing(root))
    const idle = layout === "folders" ? await idleTables(root) : []
    const notes = [...(found.notes ?? []), ...subjects.notes, ...idle]
    const { folds } = found
    const data = { root, layout, cases, notes, ...(folds === undefined ? {} : { folds }) }
    return { data, diagnostics: toldOnce(root, diagnostics) }
  }
  return undefined
}

/** Archives are often unpacked into folders of their own, one in another: those that hold one folder and no image, outermost first, give what is in them. */
async function* onlyFolders(root: string): AsyncGenerator<string, void, undefined> {
  if (await isFile(root)) return
  let folder = root
  for (let depth = 0; depth < 4; depth += 1) {
    const [only, ...others] = (await list(folder)).folders.filter((name) => name !== "__MACOSX")
    if (only === undefined || others.length > 0 || (await images(folder)).length > 0) return
    folder = join(folder, only)
    yield folder
  }
}

/** Tables beside folders that were paired by names: what they say is not used, and that is told. */
const idleTables = async (root: string): Promise<readonly string[]> => {
  const names = (await list(root)).files.filter((name) => /\.(csv|tsv)$/i.test(name))
  return names.map((name) => `${name} is not used: its first line has no columns image and mask`)
}

const nothing = (root: string) => aboutFile(root, "HS4102", "there are no images", known)

const twice = (cases: readonly Case[]): readonly Diagnostic[] =>
  cases
    .filter(({ id }, i) => cases[i - 1]?.id === id)
    .map(({ id, image }) => aboutFile(image, "HS4107", `there are two images named ${id}`, "Rename one of them."))

/** DICOM and NIfTI say how large a pixel is. What a table says comes first. */
const withSpacing = async (cases: readonly Case[]): Promise<readonly Case[]> => {
  const tells = ({ image }: Case) => !/\.(png|jpe?g|jpe|jfif|tiff?|webp|gif|bmp)$/i.test(image)
  if (!cases.some((one) => one.spacing === undefined && tells(one))) return cases
  const out: Case[] = []
  const read = async (one: Case): Promise<Case> => {
    if (one.spacing !== undefined || !tells(one)) return one
    const spacing = await readSpacing(one.image).catch(() => undefined)
    return spacing === undefined ? one : { ...one, spacing }
  }
  for await (const one of prefetch(cases, read, 8)) out.push(one)
  return out
}

/** The cases of a data set whose files pair up. Throws `Failed` with all that is wrong. */
export const openData = async (root: string, options: DataOptions = {}): Promise<DataSet> => {
  const { data, diagnostics } = await findCases(root, options)
  const errors = diagnostics.filter(({ severity }) => severity === "error")
  if (errors.length > 0) throw new Failed(errors as unknown as Diagnostics)
  return data
}
