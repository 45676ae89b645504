/** `hasam data check`: everything in a data set that would spoil a result, found before training starts. */
import { createHash } from "node:crypto"
import { availableParallelism } from "node:os"
import { aboutFile, type Diagnostic, Failed } from "../../compiler/diagnostic.ts"
import type { Case, DataOptions, DataSet, LayoutName, Part } from "./case.ts"
import type { Encoding } from "./foreground.ts"
import { findCases } from "./layouts/index.ts"
import { type Loaded, loadCase } from "./mask.ts"
import { prefetch } from "./prefetch.ts"
import { area, sizeOf } from "./raster.ts"
import { parts, type Split } from "./split.ts"
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

/** What is kept of a case once it has been looked at. */
interface Seen {
  readonly one: Case
  readonly width: number
  readonly height: number
  readonly grey: boolean
  readonly foreground: number
  readonly encodings: readonly Encoding[]
  readonly hash: string
}

const look = (one: Case, { image, mask, encodings }: Loaded): Seen => ({
  one,
  width: image.width,
  height: image.height,
  grey: image.channels === 1,
  foreground: area(mask) / mask.data.length,
  encodings,
  hash: createHash("sha1")
    .update(`${sizeOf(image)}×${image.channels}`)
    .update(image.data)
    .digest("base64"),
})

/** Reads every image and mask. Nothing is thrown for bad data: all of it is in the report. */
export const checkData = async (root: string, options: CheckOptions = {}): Promise<DataReport> => {
  const diagnostics: Diagnostic[] = []
  const seen: Seen[] = []
  let data: DataSet | undefined
  try {
    const found = await findCases(root, options)
    data = found.data
    diagnostics.push(...found.diagnostics)
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
      if (result instanceof Failed) diagnostics.push(...result.diagnostics)
      else seen.push(result)
      options.onProgress?.(++done, cases.length)
    }
    diagnostics.push(...aboutMasks(root, seen, options.class), ...aboutCases(data, seen))
    if (options.split !== undefined) diagnostics.push(...checkSplit(options.split.split, cases, options.split.file))
    diagnostics.push(...repeated(root, seen, options.split?.split))
  } catch (error) {
    if (!(error instanceof Failed)) throw error
    diagnostics.push(...error.diagnostics)
  }
  return {
    $schema: "hasam/data-report/1",
    root,
    layout: data?.layout ?? null,
    ...counts(data?.cases ?? [], seen),
    diagnostics,
  }
}

/** Whether training on these data would give a result to rely on: the command's exit code. */
export const isUsable = ({ diagnostics }: DataReport): boolean =>
  diagnostics.every(({ severity }) => severity !== "error")

const tally = (keys: readonly (string | undefined)[]): Readonly<Record<string, number>> => {
  const out: Record<string, number> = {}
  for (const key of keys) if (key !== undefined) out[key] = (out[key] ?? 0) + 1
  return out
}

const nameOf = (encoding: Encoding): string => {
  if (encoding.kind === "empty") return "0"
  if (encoding.kind === "binary") return `0 and ${encoding.value}`
  return encoding.kind === "lossy" ? "blurred" : `classes 0, ${encoding.values.join(", ")}`
}

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
              smallest: Math.min(...filled),
              mean: filled.reduce((a, b) => a + b, 0) / filled.length,
              largest: Math.max(...filled),
            },
    },
  }
}

const some = (names: readonly string[]): string =>
  `${names.slice(0, 5).join(", ")}${names.length > 5 ? `, … (${names.length})` : ""}`

const warning = (...about: Parameters<typeof aboutFile>): Diagnostic => ({
  ...aboutFile(...about),
  severity: "warning",
})

const aboutMasks = (root: string, seen: readonly Seen[], chosen: number | undefined): readonly Diagnostic[] => {
  if (seen.length === 0) return []
  const out: Diagnostic[] = []
  const empty = seen.filter(({ foreground }) => foreground === 0)
  if (empty.length === seen.length)
    out.push(
      aboutFile(
        root,
        "HS4205",
        chosen === undefined ? "all masks are empty" : `all masks are empty: none holds class ${chosen}`,
        `The masks hold ${Object.keys(tally(seen.flatMap(({ encodings }) => encodings.map(nameOf)))).join("; ") || "no runs"}.`,
      ),
    )
  else if (empty.length > 0)
    out.push(
      warning(
        root,
        "HS4205",
        `${empty.length} of ${seen.length} masks are empty: ${some(empty.map(({ one }) => one.id))}`,
        "Right where nothing is there; such cases cannot be prompted from their mask.",
      ),
    )
  if (seen.every(({ foreground }) => foreground === 1))
    out.push(
      aboutFile(
        root,
        "HS4206",
        "every pixel of every mask is foreground",
        "Check how the masks were exported: there is nothing to tell apart.",
      ),
    )
  const encodings = new Set(seen.flatMap((one) => one.encodings.filter(({ kind }) => kind !== "empty").map(nameOf)))
  const binary = [...encodings].filter((name) => name.startsWith("0 and"))
  if (chosen === undefined && (encodings.has("blurred") || binary.length > 1))
    out.push(
      warning(
        root,
        "HS4204",
        `masks are stored in several ways: ${[...encodings].sort().join("; ")}`,
        "They are read correctly here; save all as PNG with 0 and 255 for other programs.",
      ),
    )
  return out
}

const aboutCases = ({ root, cases }: DataSet, seen: readonly Seen[]): readonly Diagnostic[] => {
  const out: Diagnostic[] = []
  const without = cases.filter(({ subject }) => subject === undefined)
  if (without.length > 0 && seen.length > 0)
    out.push(
      warning(
        root,
        "HS4304",
        without.length === cases.length
          ? "subjects are unknown, so images of one person may be in two parts of a split"
          : `${without.length} of ${cases.length} cases have no subject: ${some(without.map(({ id }) => id))}`,
        "Give a table with a column 'subject', or a pattern that finds it in the files' names.",
      ),
    )
  const classes = Object.keys(tally(cases.map((one) => one.class)))
  if (classes.length === 1)
    out.push(
      warning(
        root,
        "HS4206",
        `all cases are of one class, '${classes[0]}'`,
        "Check that the other classes' folders are there.",
      ),
    )
  const partsOf = new Map<string, Set<Part>>()
  for (const { subject, part } of cases)
    if (subject !== undefined && part !== undefined) partsOf.set(subject, (partsOf.get(subject) ?? new Set()).add(part))
  const leaks = [...partsOf].filter(([, found]) => found.size > 1).map(([subject]) => subject)
  if (leaks.length > 0)
    out.push(
      aboutFile(
        root,
        "HS4301",
        `subjects are in two of the parts that the data come in: ${some(leaks)}`,
        "Leave the parts out and have the data split by subject.",
      ),
    )
  return out
}

/** Warnings, but for copies in two parts of a split: those are errors. */
const repeated = (root: string, seen: readonly Seen[], split: Split | undefined): readonly Diagnostic[] => {
  const groups = new Map<string, Case[]>()
  for (const { hash, one } of seen) groups.set(hash, [...(groups.get(hash) ?? []), one])
  const copies = [...groups.values()].filter(({ length }) => length > 1)
  const partOf = ({ id, part }: Case) => (split === undefined ? part : parts.find((name) => split[name].includes(id)))
  const isLeak = (group: readonly Case[]) => new Set(group.map(partOf).filter((part) => part !== undefined)).size > 1
  const spell = (list: readonly (readonly Case[])[]) => some(list.map((group) => group.map(({ id }) => id).join(" = ")))
  const leaks = copies.filter(isLeak)
  const others = copies.filter((group) => !isLeak(group))
  const help = "Keep one of each, or keep them in the same part."
  return [
    ...(leaks.length > 0 ? [aboutFile(root, "HS4207", `the same image is in two parts: ${spell(leaks)}`, help)] : []),
    ...(others.length > 0 ? [warning(root, "HS4207", `images are there more than once: ${spell(others)}`, help)] : []),
  ]
}
