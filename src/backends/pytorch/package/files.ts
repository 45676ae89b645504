/** The package's Python that no model changes: src/backends/pytorch/python, which the build copies beside what it compiles. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const folder = fileURLToPath(new URL("../python/", import.meta.url))

const namesIn = (under: string): readonly string[] =>
  readdirSync(join(folder, under), { withFileTypes: true }).flatMap((entry) => {
    const name = `${under}${entry.name}`
    if (entry.isDirectory() && entry.name !== "__pycache__") return namesIn(`${name}/`)
    return name.endsWith(".py") ? [name] : []
  })

/** File name, with / between → text, in the order of the names. */
export const pythonFiles = (): Readonly<Record<string, string>> =>
  Object.fromEntries(
    namesIn("")
      .toSorted()
      .map((name) => [name, readFileSync(join(folder, name), "utf8")]),
  )

/** Classes and functions of layers.py, for the imports of model.py. */
export const layerNames = (): readonly string[] =>
  [...pythonFiles()["layers.py"]!.matchAll(/^(?:class|def) (\w+)/gm)].map(([, name]) => name!)
