/**
 * A run's folder belongs to one process from its first moment. The lock is a file that says who holds it; one that a crash left is known by its
 * process being gone, or, from another machine, by not having been touched for a while.
 */
import { randomUUID } from "node:crypto"
import { readFileSync } from "node:fs"
import { link, lstat, readFile, rename, rm, rmdir, stat, utimes, writeFile } from "node:fs/promises"
import { hostname } from "node:os"
import { dirname, join, resolve } from "node:path"
import { failed } from "../../compiler/diagnostic.ts"
import { cannotWrite, isAlive, makeFolder, removeLeftovers } from "../files.ts"

const fileName = "run.lock"
/** The owner touches its lock this often, in milliseconds; on another machine nothing else tells that it lives. */
const beat = 30_000
/** Another machine's lock that was not touched for so long is left over. */
const silence = 20 * beat

interface Holder {
  readonly id: string
  readonly pid: number
  readonly host: string
  /** Tells a process from a later one of the same number: when it was started, where the system says. */
  readonly started: string
  readonly since: string
}

/** A process's start as the system counts it, with the boot it was in; empty where the system does not tell. */
const startOf = (pid: number): string => {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()
    const line = readFileSync(`/proc/${pid}/stat`, "utf8")
    // The name in brackets may hold anything; the start is the 20th field behind it.
    const fields = line.slice(line.lastIndexOf(")") + 2).split(" ")
    // One that was killed and that nobody has waited for, as in a container without an init, has ended all the same.
    if (fields[0] === "Z" || fields[0] === "X") return "ended"
    return `${boot} ${fields[19]}`
  } catch {
    return ""
  }
}

const holderOf = (text: string): Holder | undefined => {
  try {
    const json = JSON.parse(text) as Holder | null
    // 0 and below are no process but groups of them, to which every process could be counted.
    return typeof json?.id === "string" &&
      Number.isSafeInteger(json.pid) &&
      json.pid > 0 &&
      typeof json.host === "string"
      ? json
      : undefined
  } catch {
    return undefined
  }
}

const holds = async (path: string, text: string): Promise<boolean> => {
  const holder = holderOf(text)
  const touched = await stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  )
  if (holder === undefined || holder.host !== hostname()) return Date.now() - touched < silence
  return isAlive(holder.pid) && (holder.started === "" || holder.started === startOf(holder.pid))
}

const held = (folder: string, holder: Holder | undefined) =>
  failed(
    folder,
    "HS5309",
    holder === undefined
      ? `another process holds the run's folder; its lock '${fileName}' does not say which`
      : `process ${holder.pid}${holder.host === hostname() ? "" : ` on ${holder.host}`} has held the run's folder since ${holder.since}`,
    "Wait for it, stop it, or give another --out.",
  )

const taken = (folder: string) =>
  failed(
    folder,
    "HS5309",
    `something that is no file stands in the place of the run's '${fileName}'`,
    `Remove '${fileName}' from the folder, or give another --out.`,
  )

const gone = (folder: string) =>
  failed(
    folder,
    "HS5309",
    `the run's folder, or its '${fileName}', was deleted or moved while the run was going on`,
    "Start the run again, and leave its folder alone while it runs.",
  )

const read = (path: string): Promise<string | undefined> => readFile(path, "utf8").catch(() => undefined)

/** Whether a file, or something else, such as a folder, stands in the lock's place. */
const isFileOrGone = (path: string): Promise<boolean> =>
  lstat(path).then(
    (there) => there.isFile(),
    () => true,
  )

/** The lock appears whole or not at all: a file beside it gets its name, which only one of several processes can give. */
const take = async (folder: string, mine: Holder): Promise<void> => {
  const path = join(folder, fileName)
  const beside = join(folder, `${fileName}.${mine.pid}.${mine.id}.part`)
  try {
    await writeFile(beside, `${JSON.stringify(mine)}\n`)
    for (;;) {
      const problem = await link(beside, path).then(
        () => undefined,
        (error: NodeJS.ErrnoException) => error,
      )
      if (problem === undefined) return
      if (problem.code !== "EEXIST") {
        // A file system without hard links.
        const written = await writeFile(path, `${JSON.stringify(mine)}\n`, { flag: "wx" }).then(
          () => undefined,
          (error: NodeJS.ErrnoException) => error,
        )
        if (written === undefined) return
        if (written.code !== "EEXIST") throw written
      }
      if (!(await isFileOrGone(path))) throw taken(folder)
      // One that may not be read is told as such: it does not go by itself.
      const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOENT") throw error
        return undefined
      })
      if (text === undefined) continue
      if (await holds(path, text)) throw held(folder, holderOf(text))
      await setAside(path, join(folder, `${fileName}.${mine.pid}.${randomUUID()}.part`), text)
    }
  } finally {
    await rm(beside, { force: true })
  }
}

/** Takes a lock away that was left over, unless another process has been quicker and put its own there. */
const setAside = async (path: string, aside: string, text: string): Promise<void> => {
  const moved = await rename(path, aside).then(
    () => true,
    () => false,
  )
  if (!moved) return
  if ((await read(aside)) !== text) await link(aside, path).catch(() => undefined)
  await rm(aside, { force: true })
}

export interface RunLock {
  /** Throws HS5309 if the folder is no longer this process's: asked before anything is written that would overwrite another's. */
  readonly demand: () => Promise<void>
}

/**
 * Owns the folder while `work` runs; it is made where there is none, and taken away again if nothing was put in. What killed processes left beside
 * is removed. Throws HS5309 where another process holds it, and what `work` throws.
 */
export const withRunFolder = async <A>(folder: string, work: (lock: RunLock) => Promise<A>): Promise<A> => {
  const path = join(folder, fileName)
  const mine: Holder = {
    id: randomUUID(),
    pid: process.pid,
    host: hostname(),
    started: startOf(process.pid),
    since: new Date().toISOString(),
  }
  let made: string | undefined
  try {
    made = await makeFolder(folder)
    await take(folder, mine)
  } catch (error) {
    if (error instanceof Error && error.name === "Failed") throw error
    throw cannotWrite(folder, error)
  }
  const isMine = async (): Promise<boolean> => holderOf((await read(path)) ?? "")?.id === mine.id
  const demand = async (): Promise<void> => {
    if (await isMine()) return
    const text = await read(path)
    throw text === undefined ? gone(folder) : held(folder, holderOf(text))
  }
  const timer = setInterval(() => {
    const now = new Date()
    utimes(path, now, now).catch(() => undefined)
  }, beat)
  timer.unref()
  try {
    await removeLeftovers(folder)
    return await work({ demand })
  } finally {
    clearInterval(timer)
    if (await isMine()) await rm(path, { force: true })
    if (made !== undefined) await removeEmpty(resolve(folder), resolve(made))
  }
}

/** The folders that were made and hold nothing. */
const removeEmpty = async (folder: string, first: string): Promise<void> => {
  const removed = await rmdir(folder).then(
    () => true,
    () => false,
  )
  if (removed && folder !== first && dirname(folder) !== folder) await removeEmpty(dirname(folder), first)
}
