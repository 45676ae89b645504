/** Folders for what another program has to read from a disk. A process that is killed leaves its own behind; the next that makes one removes it. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** Their names say what they are for and whose they are. */
const ours = /^hasam-(?:tsc|spec)-(\d+)-/

const lives = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (problem) {
    return (problem as NodeJS.ErrnoException).code === "EPERM"
  }
}

let swept = false
const sweep = (within: string): void => {
  if (swept) return
  swept = true
  for (const name of readdirSync(within)) {
    const [, pid] = ours.exec(name) ?? []
    if (pid === undefined || lives(Number(pid))) continue
    try {
      rmSync(join(within, name), { recursive: true, force: true })
    } catch {
      // On a shared machine it may be someone else's.
    }
  }
}

/** A new folder; who asks for it removes it. Throws where TMPDIR is missing, full, or not to be written. */
export const temporaryFolder = (of: "tsc" | "spec"): string => {
  const within = tmpdir()
  sweep(within)
  return mkdtempSync(join(within, `hasam-${of}-${process.pid}-`))
}
