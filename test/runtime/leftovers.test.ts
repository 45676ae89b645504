/** What a killed process left is removed, also where nobody has waited for it: in a container without an init it stays in the system's list. */
import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import { isAlive, writeAtomically } from "../../src/runtime/files.ts"

const linux = existsSync("/proc/self/stat")
if (!linux) console.warn("SKIPPED: processes that were killed and not waited for: this system has no /proc")

test.skipIf(!linux)("a process that has ended and that nobody has waited for is not alive", async () => {
  // The shell becomes a program that waits for no child.
  const parent = spawn("sh", ["-c", "sleep 0.05 & echo $!; exec sleep 60"], { stdio: ["ignore", "pipe", "ignore"] })
  try {
    const pid = Number(await new Promise((resolve) => parent.stdout.once("data", (text) => resolve(String(text)))))
    const state = () => readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "")[0]
    while (state() !== "Z") await new Promise((resolve) => setTimeout(resolve, 10))
    expect(isAlive(pid)).toBe(false)
    expect(isAlive(parent.pid!)).toBe(true)
    const folder = mkdtempSync(join(tmpdir(), "hasam-leftovers-"))
    writeFileSync(join(folder, `run.json.${pid}.1.part`), "half")
    writeFileSync(join(folder, `run.json.${parent.pid}.1.part`), "being written")
    await writeAtomically(join(folder, "run.json"), "whole")
    expect(readdirSync(folder).sort()).toEqual(["run.json", `run.json.${parent.pid}.1.part`].sort())
  } finally {
    parent.kill("SIGKILL")
  }
})
