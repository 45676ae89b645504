/** A type check that found nothing is remembered as long as nothing that it read, or would have read, has changed. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { beforeEach, expect, test, vi } from "vitest"
import { knownClean, rememberClean } from "../../src/compiler/frontend/checked.ts"

let folder: string
const spec = () => join(folder, "specs/spec.ts")
const longAgo = new Date(Date.now() - 60_000)
const write = (path: string, text: string): void => {
  writeFileSync(path, text)
  utimesSync(path, longAgo, longAgo)
}
const remember = (files = [spec()], settled: readonly string[] = []): void =>
  rememberClean("a checker", files, settled, Date.now())
const known = (): boolean => knownClean("a checker")

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hasam-checked-"))
  vi.stubEnv("HASAM_CACHE", join(folder, "cache"))
  mkdirSync(join(folder, "specs"))
  write(spec(), "export const one = 1")
  return () => {
    vi.unstubAllEnvs()
    rmSync(folder, { recursive: true, force: true })
  }
})

test("the same checker on the same texts is known; another checker is not", () => {
  expect(known()).toBe(false)
  remember()
  expect(known()).toBe(true)
  expect(knownClean("another checker")).toBe(false)
})
test.each<readonly [what: string, change: () => void]>([
  ["another text of the same length and time", () => write(spec(), "export const one = 2")],
  ["a file that is gone", () => rmSync(spec())],
  ["a file beside it, which an import may mean now", () => write(join(folder, "specs/numbers.ts"), "")],
  ["a file above, which an import may mean now", () => write(join(folder, "specs.ts"), "")],
  ["a package.json above", () => write(join(folder, "package.json"), '{ "imports": { "#x": "./x.ts" } }')],
  [
    "a record that is damaged",
    () => {
      const checked = join(folder, "cache/checked")
      for (const name of readdirSync(checked)) writeFileSync(join(checked, name), "{}")
    },
  ],
])("%s is checked anew", (_, change) => {
  remember()
  expect(known()).toBe(true)
  change()
  expect(known()).toBe(false)
})
test("a folder beside it or above is none that an import means before a file", () => {
  remember()
  mkdirSync(join(folder, "specs/run"))
  mkdirSync(join(folder, "runs"))
  expect(known()).toBe(true)
})
test("a file that was written while it was checked is not remembered", () => {
  writeFileSync(spec(), "export const one = 2")
  remember()
  expect(known()).toBe(false)
})
test("what imports packages is not remembered, but for those that are settled", () => {
  const library = join(folder, "node_modules/library")
  mkdirSync(library, { recursive: true })
  write(join(library, "index.d.ts"), "")
  remember([spec(), join(library, "index.d.ts")])
  expect(known()).toBe(false)
  remember([spec(), join(library, "index.d.ts")], [library])
  expect(known()).toBe(true)
  write(join(library, "index.d.ts"), "export {}")
  expect(known()).toBe(false)
})
