/** Who is in an image, from its file's name where no table and no folder says it. */
import { basename } from "node:path"
import { failed } from "../../compiler/diagnostic.ts"
import type { Case } from "./case.ts"
import { stem } from "./folder.ts"

/** Kaggle's nerve data: {subject}_{image}. */
const numbered = /^(\d+)_\d+$/

const nameOf = ({ image }: Case): string => stem(basename(image))

/**
 * With a pattern, its first group or its whole match. Without, the first number of names that are all as Kaggle's, if it is the same in several of them:
 * keeping images together that belong to several people costs nothing but a coarser split. Throws HS5002 for a pattern that no name matches.
 */
export const withSubjects = (
  cases: readonly Case[],
  pattern: RegExp | undefined,
): { readonly cases: readonly Case[]; readonly notes: readonly string[] } => {
  const unknown = cases.filter(({ subject }) => subject === undefined)
  if (unknown.length === 0) return { cases, notes: [] }
  const used = pattern ?? (isNumbered(unknown) ? numbered : undefined)
  if (used === undefined) return { cases, notes: [] }
  const subjectOf = (one: Case): string | undefined => {
    const match = used.exec(nameOf(one))
    return match?.[1] ?? match?.[0]
  }
  const example = unknown.find((one) => subjectOf(one) !== undefined)
  if (example === undefined)
    throw failed(
      "--subject",
      "HS5002",
      `the pattern ${used.source} is in no image's name (${nameOf(unknown[0]!)} first)`,
      "Write a regular expression whose first group is the subject, as '^(\\d+)_'.",
    )
  return {
    cases: cases.map((one) => {
      const subject = one.subject ?? subjectOf(one)
      return subject === undefined ? one : { ...one, subject }
    }),
    notes: [`subjects are read from the files' names: ${nameOf(example)} is of ${subjectOf(example)}`],
  }
}

const isNumbered = (cases: readonly Case[]): boolean => {
  const subjects = new Set<string>()
  for (const one of cases) {
    const match = numbered.exec(nameOf(one))
    if (match === null) return false
    subjects.add(match[1]!)
  }
  return subjects.size >= 2 && cases.length >= 2 * subjects.size
}
