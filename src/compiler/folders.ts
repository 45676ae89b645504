/**
 * Folders are made one by one: asked for all at once (`recursive`), Node never comes back where the system says of a folder's parent, which is there, that it
 * is not, as /proc does.
 */
import { existsSync, mkdirSync, statSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { codeOf } from "./system.ts"

/** The folders that are not there yet, the outermost first. */
export const missingFolders = (path: string): readonly string[] => {
  const at = resolve(path)
  return existsSync(at) || dirname(at) === at ? [] : [...missingFolders(dirname(at)), at]
}

/** What the system says when a folder or a file cannot be made. That its parent is missing is not so where the parent is there. */
export const refusal = (path: string, error: unknown): unknown =>
  codeOf(error) === "ENOENT" && existsSync(dirname(resolve(path)))
    ? new Error("the system lets nothing be made in that folder", { cause: error })
    : error

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** Makes a folder and those above it. Throws what the system says. */
export const makeFolderNow = (path: string): void => {
  for (const folder of missingFolders(path))
    try {
      mkdirSync(folder)
    } catch (error) {
      // Another process may have made it since.
      if (codeOf(error) !== "EEXIST" || !isFolder(folder)) throw refusal(folder, error)
    }
}
