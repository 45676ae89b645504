/** Folders in TMPDIR of processes that were killed are removed by the next; those of living ones, and of others, stay. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import { temporaryFolder } from "../../src/compiler/frontend/temporary.ts"

test("what killed processes left goes", () => {
  const within = mkdtempSync(join(tmpdir(), "hasam-"))
  const [before, dead] = [process.env["TMPDIR"], 2 ** 22 + 1]
  process.env["TMPDIR"] = within
  try {
    for (const name of [
      `hasam-tsc-${dead}-a`,
      `hasam-spec-${dead}-b`,
      `hasam-spec-${process.ppid}-c`,
      `hasam-other-${dead}-d`,
      "else",
    ])
      mkdirSync(join(within, name, "inner"), { recursive: true })
    const made = temporaryFolder("spec")
    expect(existsSync(made)).toBe(true)
    rmSync(made, { recursive: true })
    expect(readdirSync(within).toSorted()).toEqual(["else", `hasam-other-${dead}-d`, `hasam-spec-${process.ppid}-c`])
  } finally {
    if (before === undefined) delete process.env["TMPDIR"]
    else process.env["TMPDIR"] = before
  }
})
