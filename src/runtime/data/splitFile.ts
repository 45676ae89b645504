/** Splits as files, and what can be wrong with one. */
import { dirname, relative, resolve, sep } from "node:path"
import { type Either, isLeft, map } from "fp-ts/lib/Either.js"
import * as t from "io-ts"
import { aboutFile, type Diagnostic, type Diagnostics, Failed, failed } from "../../compiler/diagnostic.ts"
import { readBytes, writeAtomically } from "../files.ts"
import type { Case, Part } from "./case.ts"
import { isFile } from "./folder.ts"
import { parts, type Split } from "./split.ts"

const by = t.union([t.literal("subject"), t.literal("case")])
const ids = t.readonlyArray(t.string)
/** Before cases were told: their ids only. */
const Ids = t.type({ $schema: t.literal("hasam/split/1"), seed: t.number, by, train: ids, validation: ids, test: ids })
/** With all that layouts know of the cases, so that other programs need none. Paths are relative to the data's folder, with / between. */
const Entry = t.intersection([
  t.type({ id: t.string, part: t.keyof({ train: null, validation: null, test: null }), image: t.string }),
  t.partial({
    masks: t.readonlyArray(t.string),
    /** Kaggle's run lengths, where the mask is in no file. */
    runs: t.string,
    subject: t.string,
    class: t.string,
    /** Millimetres per pixel. */
    spacing: t.type({ x: t.number, y: t.number }),
  }),
])
type Entry = t.TypeOf<typeof Entry>
const Manifest = t.type({ $schema: t.literal("hasam/split/2"), seed: t.number, by, cases: t.readonlyArray(Entry) })

const entryOf = (folder: string, { id, image, mask, subject, class: group, spacing }: Case, part: Part): Entry => {
  const from = (path: string) => relative(folder, path).split(sep).join("/")
  return {
    id,
    part,
    image: from(image),
    ...(mask.kind === "rle" ? { runs: mask.runs } : { masks: mask.paths.map(from) }),
    ...(subject === undefined ? {} : { subject }),
    ...(group === undefined ? {} : { class: group }),
    ...(spacing === undefined ? {} : { spacing }),
  }
}

/** A split with its cases (docs/schema/split-2.json). `root`: the folder or csv of the data. Throws HS4001. */
export const saveSplit = async (
  path: string,
  split: Split,
  { root, cases }: { readonly root: string; readonly cases: readonly Case[] },
): Promise<void> => {
  const folder = resolve((await isFile(root)) ? dirname(root) : root)
  const known = new Map(cases.map((one) => [one.id, one]))
  const entries = parts.flatMap((part) => split[part].map((id) => entryOf(folder, known.get(id)!, part)))
  const manifest = { $schema: "hasam/split/2", seed: split.seed, by: split.by, cases: entries }
  return writeAtomically(path, `${JSON.stringify(manifest, undefined, 1)}\n`)
}

/** The split in a file, checked against the data; `cure` says what to do where they lack its cases. Throws HS4002, HS4301, HS4303. */
export const loadSplit = async (path: string, cases: readonly Case[], cure?: string): Promise<Split> => {
  const help = "Write it with `hasam data split`, or delete it to have the data split anew."
  const json = parse((await readBytes(path)).toString("utf8"))
  const older = (json as { readonly $schema?: unknown } | undefined)?.$schema === "hasam/split/1"
  const decoded: Either<t.Errors, Split> = older
    ? Ids.decode(json)
    : map(({ seed, by, cases }: t.TypeOf<typeof Manifest>) => ({ seed, by, ...partsOf(cases) }))(Manifest.decode(json))
  if (isLeft(decoded)) {
    const fields = [...new Set(decoded.left.map(({ context }) => context[1]?.key).filter((key) => key !== undefined))]
    throw failed(
      path,
      "HS4303",
      `this is not a split${fields.length > 0 ? `: look at ${fields.join(", ")}` : ""}`,
      help,
    )
  }
  const { seed, by, train, validation, test } = decoded.right
  const split = { seed, by, train, validation, test }
  const problems = checkSplit(split, cases, path, cure)
  if (problems.length > 0) throw new Failed(problems as unknown as Diagnostics)
  return split
}

const partsOf = (entries: readonly Entry[]): { readonly [P in Part]: readonly string[] } => {
  const of = (wanted: Part) => entries.flatMap(({ id, part }) => (part === wanted ? [id] : []))
  return { train: of("train"), validation: of("validation"), test: of("test") }
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const some = (names: readonly string[]): string =>
  `${names.slice(0, 5).join(", ")}${names.length > 5 ? `, … (${names.length})` : ""}`

/** Cases or subjects in two parts (a leak: the test would flatter), and cases that the data lack. */
export const checkSplit = (
  split: Split,
  cases: readonly Case[],
  file: string,
  cure = "It was made for other data; delete it to have the data split anew.",
): readonly Diagnostic[] => {
  const subjectOf = new Map(cases.map(({ id, subject }) => [id, subject]))
  const unknown = parts.flatMap((part) => split[part]).filter((id) => !subjectOf.has(id))
  const leaks = (keys: (id: string) => string | undefined): readonly string[] => {
    const partOf = new Map<string, string>()
    const found = new Set<string>()
    for (const part of parts)
      for (const id of split[part]) {
        const key = keys(id)
        if (key === undefined) continue
        if ((partOf.get(key) ?? part) !== part) found.add(key)
        partOf.set(key, part)
      }
    return [...found]
  }
  const twice = leaks((id) => id)
  const subjects = leaks((id) => subjectOf.get(id))
  const help = "Split by subject, so that no person is both learnt from and tested on."
  const problem = (code: "HS4301" | "HS4303", list: readonly string[], message: string, help: string) =>
    list.length > 0 ? [aboutFile(file, code, `${message}: ${some(list)}`, help)] : []
  return [
    ...problem("HS4303", unknown, "the split names cases that the data lack", cure),
    ...problem("HS4301", twice, "cases are in two parts of the split", help),
    ...problem("HS4301", subjects, "subjects are in two parts of the split", help),
  ]
}
