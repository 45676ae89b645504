import { statSync } from "node:fs"
import { join, resolve } from "node:path"
import { aboutFile, type Diagnostic } from "../diagnostic.ts"

const statOf = (path: string) => {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined // a part of the path is a file, a circle of links, or no one may look
  }
}

const kind = (path: string): "file" | "folder" | undefined => {
  const stat = statOf(path)
  return stat?.isFile() ? "file" : stat?.isDirectory() ? "folder" : undefined
}

/** `path#export`; a path that is there may hold a # of its own. */
export const splitSpec = (given: string): { readonly path: string; readonly name?: string } => {
  const at = given.lastIndexOf("#")
  const path = resolve(given)
  if (at < 0 || kind(path) !== undefined || kind(`${path}.ts`) !== undefined) return { path: given }
  return { path: given.slice(0, at), name: given.slice(at + 1) }
}

/** A spec's entry: the file, or the folder's index.ts. */
export const resolveSpec = (given: string): string | Diagnostic => {
  const path = resolve(given)
  const found = kind(path)
  const missing = (message: string, help: string) => aboutFile(given, "HS1001", message, help)
  if (found === "folder") {
    const index = join(path, "index.ts")
    return kind(index) === "file"
      ? index
      : missing(`the folder '${given}' has no index.ts`, "Give a folder with an index.ts, or the file itself.")
  }
  if (found === undefined) {
    if (kind(`${path}.ts`) === "file") return `${path}.ts`
    return missing(`there is no file or folder '${given}'`, "Check the path; it is taken from the current folder.")
  }
  return /\.[cm]?tsx?$/.test(path)
    ? path
    : missing(`'${given}' is not a TypeScript file`, "A spec is a .ts file that exports models.")
}
