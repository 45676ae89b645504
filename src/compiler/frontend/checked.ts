/**
 * Type checks that found nothing, remembered: the same checker on the same texts would find nothing again. What counts is what the checker
 * read, and where else it would have looked: the contents of every file of the program, the names of files in the folders of the user's files and
 * just above, and every package.json and the names in every node_modules further up. Anything that differs, or cannot be read, is a check anew; so
 * is what imports packages other than the language, whose places are many. Errors are never remembered.
 */
import { createHash } from "node:crypto"
import { readdirSync, readFileSync, statSync } from "node:fs"
import { dirname, join } from "node:path"
import { memoryOf, remember } from "../remembered.ts"

interface Memory {
  /** Every file that was read, and what the folders around the user's own held. */
  readonly files: readonly string[]
  readonly folders: readonly string[]
  readonly digest: string
}

const kind = "checked"

const above = (path: string): readonly string[] => (dirname(path) === path ? [path] : [path, ...above(dirname(path))])

/** What is not there is nothing; what cannot be read is thrown. */
const ifThere = (read: () => string): string => {
  try {
    return read()
  } catch (problem) {
    if ((problem as NodeJS.ErrnoException).code === "ENOENT") return ""
    throw problem
  }
}
const namesIn = (folder: string): string => readdirSync(folder).toSorted().join("\n")
/** Without folders in it: of what an import names a file is taken before a folder, so that a new one, of a run for instance, changes nothing. */
const filesIn = (folder: string): string =>
  readdirSync(folder, { withFileTypes: true })
    .filter((one) => !one.isDirectory())
    .map(({ name }) => name)
    .toSorted()
    .join("\n")

/** Throws where something cannot be read: then nothing is known. */
const digestOf = (key: string, files: readonly string[], folders: readonly string[]): string => {
  const hash = createHash("sha256").update(key)
  const add = (name: string, content: string | Uint8Array): void => {
    hash.update(`\0${name}\0${content.length}\0`).update(content)
  }
  for (const file of files) add(file, readFileSync(file))
  for (const one of folders) add(one, filesIn(one))
  for (const one of new Set(folders.flatMap(above))) {
    add(
      one,
      ifThere(() => readFileSync(join(one, "package.json"), "utf8")),
    )
    add(
      one,
      ifThere(() => namesIn(join(one, "node_modules"))),
    )
  }
  return hash.digest("hex")
}

/** Is this check, of the checker and the project that `key` names, known to find nothing? */
export const knownClean = (key: string): boolean => {
  try {
    const { files, folders, digest } = JSON.parse(readFileSync(memoryOf(kind, key), "utf8")) as Memory
    return digestOf(key, files, folders) === digest
  } catch {
    return false
  }
}

/** Clocks of file systems are coarse, and those of servers differ a little. */
const coarse = 2000

/**
 * Remembers a check, begun at `since`, that found nothing in `files`; those under `settled` are the checker's and the language's own. A file
 * that was written about then may have been read before, and nothing is remembered.
 */
export const rememberClean = (
  key: string,
  files: readonly string[],
  settled: readonly string[],
  since: number,
): void => {
  const own = files.filter((file) => !settled.some((place) => file.startsWith(place)))
  if (own.length === 0 || own.some((file) => /[\\/]node_modules[\\/]/.test(file))) return
  const folders = [...new Set(own.flatMap((file) => [dirname(file), dirname(dirname(file))]))]
  try {
    if (files.some((file) => statSync(file).mtimeMs > since - coarse)) return
    const memory = (): Memory => ({ files, folders, digest: digestOf(key, files, folders) })
    remember(kind, memoryOf(kind, key), memory)
  } catch {
    // Nowhere to write, or a file that is gone already: the next check is made anew.
  }
}
