/** Files are written whole or not at all: beside their place first, then renamed. */
import { readFileSync } from "node:fs"
import { mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from "node:fs/promises"
import { basename, dirname, join, resolve } from "node:path"
import { type Diagnostic, type Diagnostics, Failed, failed } from "../compiler/diagnostic.ts"
import { missingFolders, refusal } from "../compiler/folders.ts"
import { codeOf, reason } from "../compiler/system.ts"

export { reason } from "../compiler/system.ts"

let written = 0

/** One that was killed and that nobody has waited for, as in a container without an init, is still in the system's list. */
const hasEnded = (pid: number): boolean => {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, "utf8")
    // The name in brackets may hold anything; the state stands behind it.
    return /^[ZX]/.test(line.slice(line.lastIndexOf(")") + 2))
  } catch {
    return false
  }
}

/** Does a process of this number run on this machine? */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return !hasEnded(pid)
  } catch (error) {
    return codeOf(error) === "EPERM"
  }
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (there) => there.isDirectory(),
    () => false,
  )

/** Makes a folder and those above it; gives the outermost that was made, if any. Throws what the system says. */
const foldersMade = async (path: string): Promise<string | undefined> => {
  const missing = missingFolders(path)
  if (missing.length === 0 && !(await isFolder(path))) throw Object.assign(new Error("no folder"), { code: "ENOTDIR" })
  for (const folder of missing)
    await mkdir(folder).catch(async (error: unknown) => {
      if (codeOf(error) !== "EEXIST" || !(await isFolder(folder))) throw refusal(folder, error)
    })
  return missing[0]
}
/** The same. Throws HS4001. */
export const makeFolder = (path: string): Promise<string | undefined> =>
  foldersMade(path).catch((error: unknown) => {
    throw failed(path, "HS4001", `the folder cannot be made: ${reason(error)}`, cureOf(error))
  })

/** The name of what is written beside a file, without numbers: systems take 255 bytes. */
const nameBeside = (name: string): string => {
  const letters = [...name]
  while (Buffer.byteLength(letters.join("")) > 200) letters.pop()
  return letters.join("")
}
const placeBeside = (path: string): string =>
  join(dirname(path), `${nameBeside(basename(path))}.${process.pid}.${written++}.part`)

/** What a write that was killed left: NAME.PID.NUMBER.part, of a process that is gone. Numbers of processes are used again; an hour is long for a write. */
const leftover = /^(.+)\.(\d+)\.[\w-]+\.part$/
const hour = 3_600_000
const isLeftover = async (path: string, pid: number): Promise<boolean> =>
  pid !== process.pid &&
  (!isAlive(pid) ||
    (await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs > hour,
      () => false,
    )))

/** Removes what killed processes left in a folder beside their files; with `of`, beside this one only. */
export const removeLeftovers = async (folder: string, of?: string): Promise<void> => {
  for (const name of await readdir(folder).catch(() => [])) {
    const [, base, pid] = leftover.exec(name) ?? []
    if (base === undefined || (of !== undefined && base !== nameBeside(of))) continue
    const path = join(folder, name)
    if (await isLeftover(path, Number(pid))) await rm(path, { recursive: true, force: true }).catch(() => undefined)
  }
}

/**
 * Writes a file so that its place holds either what was there before or all of `data`, even when the disk fills up or
 * the process is killed on the way. Missing folders are made. Throws HS4001.
 */
export const writeAtomically = async (
  path: string,
  data: string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<void> => {
  const beside = placeBeside(path)
  try {
    await foldersMade(dirname(path))
    await removeLeftovers(dirname(path), basename(path))
    const file = await open(beside, "w")
    try {
      await file.writeFile(data as Uint8Array) // Node takes iterables too; its types lag behind
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(beside, path)
  } catch (error) {
    await rm(beside, { force: true }).catch(() => undefined)
    throw cannotWrite(path, refusal(path, error))
  }
  await syncFolder(dirname(path))
}

/**
 * A folder that is there with all its files or not at all: `fill` writes into a folder beside its place, which is renamed at the end.
 * An empty folder in its place is replaced. Throws HS4001, also where something is there already.
 */
export const writeFolderAtomically = async (path: string, fill: (folder: string) => Promise<void>): Promise<void> => {
  const beside = placeBeside(resolve(path))
  const there = await readdir(path).catch(() => [])
  if (there.length > 0) throw failed(path, "HS4001", "the folder is not empty", "Choose another one, or delete it.")
  try {
    await removeLeftovers(dirname(path), basename(path))
    await foldersMade(beside)
    await fill(beside)
    await rmdir(path).catch(() => undefined)
    await rename(beside, path)
  } catch (error) {
    await rm(beside, { recursive: true, force: true }).catch(() => undefined)
    if (error instanceof Failed)
      throw new Failed(error.diagnostics.map(renamed(beside, path)) as unknown as Diagnostics)
    throw cannotWrite(path, refusal(path, error))
  }
  await syncFolder(dirname(path))
}

/** A diagnostic names the place that was asked for. */
const renamed = (from: string, to: string) => (one: Diagnostic) => ({ ...one, file: one.file.replace(from, to) })

const cureOf = (error: unknown): string =>
  codeOf(error) === "ENOSPC" || codeOf(error) === "EDQUOT"
    ? "Free some space, or write to another disk; what was there before is unchanged."
    : codeOf(error) === "ENAMETOOLONG"
      ? "Choose a shorter one: a name has 255 bytes at most, of which letters such as ü take two."
      : "Choose another place; what was there before is unchanged."

/** The diagnostic for a file that cannot be written, for those who write by other means (logs that are appended to). */
export const cannotWrite = (path: string, error: unknown) =>
  failed(path, "HS4001", `the file cannot be written: ${reason(error)}`, cureOf(error))

/** Makes the rename itself last over a power cut. Not every system can, and the file is whole either way. */
const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, "r").catch(() => undefined)
  await folder?.sync().catch(() => undefined)
  await folder?.close().catch(() => undefined)
}

/** A file's bytes. Throws HS4002. */
export const readBytes = async (path: string): Promise<Buffer> => {
  try {
    return await readFile(path)
  } catch (error) {
    throw failed(path, "HS4002", `the file cannot be read: ${reason(error)}`, "Check the path and its permissions.")
  }
}
