import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

/** This package's folder, from sources and from a build alike. */
export const packageRoot: string = (() => {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder)
  return folder
})()

export const version: string = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")).version

/** What a spec gets when it imports "hasam". */
export const language = {
  types: join(packageRoot, "dist/dsl/index.d.ts"),
  code: join(packageRoot, "dist/dsl/index.js"),
}
