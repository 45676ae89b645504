/** Splits as files, and what can be wrong with one. */
import { isLeft } from "fp-ts/lib/Either.js"
import * as t from "io-ts"
import { aboutFile, type Diagnostic, type Diagnostics, Failed, failed } from "../../compiler/diagnostic.ts"
import { readBytes, writeAtomically } from "../files.ts"
import type { Case } from "./case.ts"
import { parts, type Split } from "./split.ts"

const ids = t.readonlyArray(t.string)
const SplitFile = t.type({
  $schema: t.literal("hasam/split/1"),
  seed: t.number,
  by: t.union([t.literal("subject"), t.literal("case")]),
  train: ids,
  validation: ids,
  test: ids,
})

/** Throws HS4001. */
export const saveSplit = (path: string, split: Split): Promise<void> =>
  writeAtomically(path, `${JSON.stringify({ $schema: "hasam/split/1", ...split }, undefined, 1)}\n`)

/** The split in a file, checked against the data. Throws HS4002, HS4301, HS4303. */
export const loadSplit = async (path: string, cases: readonly Case[]): Promise<Split> => {
  const help = "Write it with `hasam data split`, or delete it to have the data split anew."
  const decoded = SplitFile.decode(parse((await readBytes(path)).toString("utf8")))
  if (isLeft(decoded)) {
    const fields = [...new Set(decoded.left.map(({ context }) => context[1]?.key).filter((key) => key !== undefined))]
    throw failed(
      path,
      "HS4303",
      `this is not a split${fields.length > 0 ? `: look at ${fields.join(", ")}` : ""}`,
      help,
    )
  }
  const { $schema: _, ...split } = decoded.right
  const problems = checkSplit(split, cases, path)
  if (problems.length > 0) throw new Failed(problems as unknown as Diagnostics)
  return split
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
export const checkSplit = (split: Split, cases: readonly Case[], file: string): readonly Diagnostic[] => {
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
  const problem = (code: "HS4301" | "HS4303", list: readonly string[], message: string, cure: string) =>
    list.length > 0 ? [aboutFile(file, code, `${message}: ${some(list)}`, cure)] : []
  return [
    ...problem(
      "HS4303",
      unknown,
      "the split names cases that the data lack",
      "It was made for other data; delete it to have the data split anew.",
    ),
    ...problem("HS4301", twice, "cases are in two parts of the split", help),
    ...problem("HS4301", subjects, "subjects are in two parts of the split", help),
  ]
}
