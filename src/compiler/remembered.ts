/** Files in which commands remember what they found, from one call to the next. Whoever deletes them loses time only. */
import { createHash } from "node:crypto"
import { readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import { makeFolderNow } from "./folders.ts"

/** HASAM_CACHE names the folder, else the user's cache. */
export const memoryFolder = (kind: string): string =>
  join(process.env["HASAM_CACHE"] ?? join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "hasam"), kind)

/** The file for a key of any length. */
export const memoryOf = (kind: string, key: string | Uint8Array): string =>
  join(memoryFolder(kind), `${createHash("sha256").update(key).digest("hex")}.json`)

const most = 200

/** Whole or not at all; of many, the oldest go. It is made once the folder is there, whose name it may depend on. Throws where nothing can be written. */
export const remember = (kind: string, file: string, make: () => unknown): void => {
  const beside = `${file}.${process.pid}`
  makeFolderNow(memoryFolder(kind))
  writeFileSync(beside, JSON.stringify(make()))
  renameSync(beside, file)
  prune(memoryFolder(kind))
}

const prune = (folder: string): void => {
  const names = readdirSync(folder)
  if (names.length <= most) return
  const aged = names.map((name) => ({ path: join(folder, name), age: statSync(join(folder, name)).mtimeMs }))
  for (const { path } of aged.toSorted((a, b) => b.age - a.age).slice(most / 2)) rmSync(path, { force: true })
}
