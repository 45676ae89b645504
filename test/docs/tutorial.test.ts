/** The tutorial, in an empty folder, as it stands. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import { ran } from "../cli/session.ts"

const text = readFileSync(join(packageRoot, "docs/tutorial.md"), "utf8")
const folder = mkdtempSync(join(tmpdir(), "hasam-tutorial-"))
const commands = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block]) => block!.trim().split("\n"))

test("every command of the tutorial does what the page says", { timeout: 280_000 }, () => {
  for (const [, name, code] of text.matchAll(/```ts\n\/\/ (\S+)\n([\s\S]*?)```/g))
    writeFileSync(join(folder, name!), code!)
  expect(commands.length).toBeGreaterThan(8)
  let said = ""
  for (const command of commands) {
    const [program, ...args] = command.split(" ")
    expect(program).toBe("hasam")
    const { status, out, talk } = ran({ args, cwd: folder, env: process.env })
    expect(status, `${command}\n${talk}`).toBe(0)
    said += out + talk
  }
  expect(said).toMatch(/\badapters +\d[\d,]* +\d[\d,]* +learns/)
  expect(said).toContain("HS1024")
  expect(said).toMatch(/Dice +\d/)
  const there = ["report/report.svg", "runs/adapted/curves.svg", "runs/adapted/cases.csv", "runs/adapted/sheet.png"]
  for (const path of [...there, "masks/table.csv", "package/train.py"])
    expect(existsSync(join(folder, path)), path).toBe(true)
  for (const kind of ["masks", "overlays"]) expect(readdirSync(join(folder, "masks", kind))).toHaveLength(32)
})
