import { statSync } from "node:fs"
import { join, resolve } from "node:path"
import { aboutFile, type Diagnostic } from "../diagnostic.ts"

const kind = (path: string): "file" | "folder" | undefined => {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat?.isFile() ? "file" : stat?.isDirectory() ? "folder" : undefined
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
