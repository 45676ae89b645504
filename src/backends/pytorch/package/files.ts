/** The package's Python that no model changes: src/backends/pytorch/python, which the build copies beside what it compiles. */
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

const folder = fileURLToPath(new URL("../python/", import.meta.url))

/** File name → text, in the order of the names. */
export const pythonFiles = (): Readonly<Record<string, string>> =>
  Object.fromEntries(
    readdirSync(folder)
      .filter((name) => name.endsWith(".py"))
      .sort()
      .map((name) => [name, readFileSync(new URL(`../python/${name}`, import.meta.url), "utf8")]),
  )

/** Classes and functions of layers.py, for the imports of model.py. */
export const layerNames = (): readonly string[] =>
  [...pythonFiles()["layers.py"]!.matchAll(/^(?:class|def) (\w+)/gm)].map(([, name]) => name!)
