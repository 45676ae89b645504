/** ruff and mypy of the versions in scripts/python-tools.txt, as scripts/setup-system.sh installs them. */
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { mkdir, writeFile } from "node:fs/promises"
import { homedir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { pythonWith } from "../../python/index.ts"

const pinned = readFileSync(new URL("../../../scripts/python-tools.txt", import.meta.url), "utf8")
const folder = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "hasam", "python-tools", "bin")

/** The command of a tool, where its version is the pinned one. */
const tool = (name: string): string | undefined => {
  const version = new RegExp(`^${name}==(\\S+)`, "m").exec(pinned)![1]!
  for (const command of [join(folder, name), name])
    try {
      if (execFileSync(command, ["--version"], { encoding: "utf8" }).trim().split(" ").includes(version)) return command
    } catch {}
  console.warn(`skipped: there is no ${name} ${version}; scripts/setup-system.sh installs it`)
  return undefined
}

export const ruff = tool("ruff")
export const mypy = tool("mypy")
export const config = fileURLToPath(new URL("../../../src/backends/pytorch/python/pyproject.toml", import.meta.url))

/** A Python with PyTorch and Pillow, with which packages read images. */
export const pillow = pythonWith("torch", "PIL")

/** A package's files in a folder. */
export const writePackage = async (folder: string, files: Readonly<Record<string, string>>): Promise<void> => {
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, file)), { recursive: true })
    await writeFile(join(folder, file), text)
  }
}
