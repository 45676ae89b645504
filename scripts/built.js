// Whether dist/ is what its sources give: build.js leaves in it a digest of all that it was made from and of all that it made. Content alone
// counts: a clone, a copy or a change that was taken back has new times and the same dist.
import { createHash } from "node:crypto"
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const record = "built.json"
/** What a build reads: sources, the scripts themselves, their settings, and the packages that are installed. */
const sources = [
  "src",
  "scripts",
  "tsconfig.json",
  "package.json",
  "package-lock.json",
  "node_modules/.package-lock.json",
]

/** Files below a path, or the path itself, in one order everywhere. */
const filesOf = (root, path) => {
  const whole = join(root, path)
  if (!existsSync(whole)) return []
  if (statSync(whole).isFile()) return [path]
  const names = readdirSync(whole, { recursive: true }).map((name) => `${path}/${name.replaceAll("\\", "/")}`)
  return names.filter((name) => !/__pycache__|_cache/.test(name) && statSync(join(root, name)).isFile()).sort()
}
const digestOf = (root, names) => {
  const hash = createHash("sha256")
  for (const name of names) {
    const content = readFileSync(join(root, name))
    hash.update(`${name}\0${content.length}\0`).update(content)
  }
  return hash.digest("hex")
}

/** Taken before a build: what is changed while it runs is not in it. */
export const digestOfSources = (root) =>
  digestOf(
    root,
    sources.flatMap((path) => filesOf(root, path)),
  )
/** `folder`: dist, below the root. */
const digestOfMade = (root, folder) => {
  const made = filesOf(root, folder).map((name) => name.slice(folder.length + 1))
  return digestOf(
    join(root, folder),
    made.filter((name) => name !== record),
  )
}

export const leaveRecord = (root, folder, from) =>
  writeFileSync(join(root, folder, record), JSON.stringify({ from, made: digestOfMade(root, folder) }))

export const isBuilt = (root, folder = "dist") => {
  const path = join(root, folder, record)
  if (!existsSync(path)) return false
  const { from, made } = JSON.parse(readFileSync(path, "utf8"))
  return from === digestOfSources(root) && made === digestOfMade(root, folder)
}
