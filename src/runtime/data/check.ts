/** `hasam data check`: everything in a data set that would spoil a result, found before training starts. */
import { availableParallelism } from "node:os"
import { dirname } from "node:path"
import { type Diagnostic, Failed } from "../../compiler/diagnostic.ts"
import { toldOnce } from "./alike.ts"
import type { Case, DataOptions, DataSet, LayoutName, Part } from "./case.ts"
import { pixelHash } from "./copies.ts"
import { aboutCases, aboutImages, aboutMasks, nameOf, repeated, type Seen, tally } from "./findings.ts"
import { isFile } from "./folder.ts"
import { rangeText } from "./images/window.ts"
import { findCases } from "./layouts/index.ts"
import { type Loaded, loadCase } from "./mask.ts"
import { prefetch } from "./prefetch.ts"
import { proposedTable } from "./proposal.ts"
import { area, brightest, type Mask } from "./raster.ts"
import type { Split } from "./split.ts"
import { checkSplit } from "./splitFile.ts"

/** Counted, with units in the names. `docs/data.md` explains each. */
export interface DataReport {
  readonly $schema: "hasam/data-report/1"
  readonly root: string
  readonly layout: LayoutName | null
  readonly cases: number
  /** Null: not known. */
  readonly subjects: number | null
  readonly classes: Readonly<Record<string, number>>
  readonly parts: Readonly<Partial<Record<Part, number>>>
  /** Images of each size, the most frequent first. */
  readonly sizes: readonly { readonly width: number; readonly height: number; readonly images: number }[]
  readonly images: { readonly grey: number; readonly colour: number }
  /** Images by which of their values are black and white: "0…255", "0…4095, as their values show". */
  readonly ranges: Readonly<Record<string, number>>
  /** Images that have been turned as their orientation tag says. */
  readonly turned: number
  /** Cases with a pixel spacing. */
  readonly spaced: number
  /** What was understood that nobody said. */
  readonly notes: readonly string[]
  /** Lines of a csv that would do, where files, names or subjects are not understood. */
  readonly table: string | null
  readonly masks: {
    readonly files: number
    readonly runLengths: number
    readonly severalPerImage: number
    readonly empty: number
    /** Mask files by the values that they hold: "0", "0 and 1", "0 and 255", "classes 0, 1, 2", "blurred". */
    readonly encodings: Readonly<Record<string, number>>
    /** Foreground as a part of the image, of masks that are not empty. */
    readonly foreground: { readonly smallest: number; readonly mean: number; readonly largest: number } | null
  }
  readonly diagnostics: readonly Diagnostic[]
}

export interface CheckOptions extends DataOptions {
  /** Checked for leaks, with the name it is known by. */
  readonly split?: { readonly file: string; readonly split: Split }
  readonly onProgress?: (done: number, total: number) => void
}

const cornersOf = ({ width, data }: Mask): number =>
  data[0]! + data[width - 1]! + data[data.length - width]! + data.at(-1)!

const look = (one: Case, { image, mask, encodings, turnedAlone }: Loaded): Seen => ({
  one,
  width: image.width,
  height: image.height,
  grey: image.channels === 1,
  foreground: area(mask) / mask.data.length,
  encodings,
  hash: pixelHash(image),
  range: image.range,
  ...(image.turned === undefined ? {} : { turned: image.turned }),
  ...(turnedAlone === undefined ? {} : { turnedAlone }),
  brightest: brightest(image),
  flat: image.data.every((v) => v === image.data[0]),
  corners: cornersOf(mask),
})

/** Reads every image and mask. Nothing is thrown for bad data: all of it is in the report. */
export const checkData = async (root: string, options: CheckOptions = {}): Promise<DataReport> => {
  const diagnostics: Diagnostic[] = []
  const seen: Seen[] = []
  let data: DataSet | undefined
  try {
    const found = await findCases(root, options)
    data = found.data
    for (const one of found.diagnostics) diagnostics.push(one)
    const { cases } = data
    const looked = prefetch(
      cases,
      (one) =>
        loadCase(one, options).then(
          (loaded) => look(one, loaded),
          (error: unknown) => {
            if (error instanceof Failed) return error
            throw error
          },
        ),
      Math.min(4, availableParallelism()),
    )
    let done = 0
    for await (const result of looked) {
      if (result instanceof Failed) for (const one of result.diagnostics) diagnostics.push(one)
      else seen.push(result)
      options.onProgress?.(++done, cases.length)
    }
    for (const one of [...aboutImages(root, seen), ...aboutMasks(root, seen, options.class), ...aboutCases(data, seen)])
      diagnostics.push(one)
    if (options.split !== undefined)
      for (const one of checkSplit(options.split.split, cases, options.split.file)) diagnostics.push(one)
    for (const one of repeated(root, seen, options.split?.split)) diagnostics.push(one)
  } catch (error) {
    if (!(error instanceof Failed)) throw error
    for (const one of error.diagnostics) diagnostics.push(one)
  }
  return {
    $schema: "hasam/data-report/1",
    root,
    layout: data?.layout ?? null,
    ...counts(data?.cases ?? [], seen),
    notes: data?.notes ?? [],
    table: diagnostics.some(({ code }) => ofFiles.includes(code))
      ? await proposedTable(await folderOf(root), data?.cases ?? [])
      : null,
    diagnostics: toldOnce(root, diagnostics),
  }
}

/** What a table would mend: layouts, tables, pairs, subjects. */
const ofFiles: readonly string[] = ["HS4002", "HS4101", "HS4102", "HS4103", "HS4104", "HS4105", "HS4107", "HS4304"]

const folderOf = async (root: string): Promise<string> =>
  (await isFile(root).catch(() => false)) ? dirname(root) : root

/** Whether training on these data would give a result to rely on: the command's exit code. */
export const isUsable = ({ diagnostics }: DataReport): boolean =>
  diagnostics.every(({ severity }) => severity !== "error")

const counts = (cases: readonly Case[], seen: readonly Seen[]) => {
  const subjects = new Set(cases.map(({ subject }) => subject).filter((subject) => subject !== undefined))
  const sizes = new Map<string, { width: number; height: number; images: number }>()
  for (const { width, height } of seen) {
    const key = `${width}×${height}`
    sizes.set(key, { width, height, images: (sizes.get(key)?.images ?? 0) + 1 })
  }
  const filled = seen.map(({ foreground }) => foreground).filter((share) => share > 0)
  const files = cases.map(({ mask }) => (mask.kind === "files" ? mask.paths.length : 0))
  return {
    cases: cases.length,
    subjects: subjects.size === 0 ? null : subjects.size,
    classes: tally(cases.map((one) => one.class)),
    parts: tally(cases.map(({ part }) => part)) as DataReport["parts"],
    sizes: [...sizes.values()].sort((a, b) => b.images - a.images || b.width - a.width || b.height - a.height),
    ranges: tally(seen.map(({ range }) => rangeText(range))),
    turned: seen.filter(({ turned }) => turned !== undefined).length,
    spaced: cases.filter(({ spacing }) => spacing !== undefined).length,
    images: { grey: seen.filter(({ grey }) => grey).length, colour: seen.filter(({ grey }) => !grey).length },
    masks: {
      files: files.reduce((sum, n) => sum + n, 0),
      runLengths: cases.filter(({ mask }) => mask.kind === "rle").length,
      severalPerImage: files.filter((n) => n > 1).length,
      empty: seen.length - filled.length,
      encodings: tally(seen.flatMap(({ encodings }) => encodings.map(nameOf))),
      foreground:
        filled.length === 0
          ? null
          : {
              smallest: filled.reduce((a, b) => Math.min(a, b), 1),
              mean: filled.reduce((a, b) => a + b, 0) / filled.length,
              largest: filled.reduce((a, b) => Math.max(a, b), 0),
            },
    },
  }
}
