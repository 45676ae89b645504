/** From a folder to cases, whatever its layout. */
import { aboutFile, type Diagnostic, type Diagnostics, Failed, failed } from "../../../compiler/diagnostic.ts"
import { toldOnce } from "../alike.ts"
import type { Case, DataOptions, DataSet, Layout, LayoutName } from "../case.ts"
import { byText, isFile } from "../folder.ts"
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
    const notes = [...(found.notes ?? []), ...subjects.notes]
    const { folds } = found
    const data = { root, layout, cases, notes, ...(folds === undefined ? {} : { folds }) }
    return { data, diagnostics: toldOnce(root, diagnostics) }
  }
  const message =
    options.layout === undefined
      ? "no known layout of data is found here"
      : `the data are not in the layout '${options.layout}'`
  throw failed(root, "HS4101", message, known)
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
