/** No test runs a stale dist: whatever a build reads or made and is changed, added or gone, dist is built again before any test (test/build.ts). */
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { packageRoot } from "../src/compiler/frontend/package.ts"

interface Built {
  readonly digestOfSources: (root: string) => string
  readonly leaveRecord: (root: string, folder: string, from: string) => void
  readonly isBuilt: (root: string) => boolean
}
const { digestOfSources, isBuilt, leaveRecord }: Built = await import(join(packageRoot, "scripts/built.js"))

const files = [
  "src/dsl/index.ts",
  "src/backends/pytorch/python/run.py",
  "scripts/build.js",
  "tsconfig.json",
  "package.json",
  "package-lock.json",
  "node_modules/.package-lock.json",
  "dist/dsl/index.js",
  "dist/built.json",
]
const root = mkdtempSync(join(tmpdir(), "hasam-built-"))
const written = (name: string) => {
  mkdirSync(dirname(join(root, name)), { recursive: true })
  writeFileSync(join(root, name), "1")
}
beforeAll(() => {
  files.forEach(written)
  leaveRecord(root, "dist", digestOfSources(root))
})
afterAll(() => rmSync(root, { recursive: true }))

/** The same after a change that is taken back. */
const after = (name: string, change: (path: string) => void): boolean => {
  const path = join(root, name)
  const kept = `${root}.kept`
  cpSync(root, kept, { recursive: true })
  try {
    change(path)
    return isBuilt(root)
  } finally {
    rmSync(root, { recursive: true })
    cpSync(kept, root, { recursive: true })
    rmSync(kept, { recursive: true })
  }
}

test("the dist of these tests is what src gives", () => {
  expect(isBuilt(packageRoot)).toBe(true)
})

test.each(files.slice(0, -1))("%s: changed or gone, dist is stale", (name) => {
  expect(isBuilt(root)).toBe(true)
  expect(after(name, (path) => appendFileSync(path, "2"))).toBe(false)
  expect(after(name, (path) => rmSync(path))).toBe(false)
  expect(isBuilt(root)).toBe(true)
})

test.each(["src/dsl/more.ts", "scripts/more.js", "dist/more.js"])("%s: there is one more, dist is stale", (name) => {
  expect(after(name, (path) => writeFileSync(path, ""))).toBe(false)
})

test("without its record dist is stale; Python's caches and a new time are no change", () => {
  expect(after("dist/built.json", (path) => rmSync(path))).toBe(false)
  const cached = "src/backends/pytorch/python/__pycache__/run.pyc"
  expect(after(cached, () => written(cached))).toBe(true)
  expect(after("src/dsl/index.ts", (path) => writeFileSync(path, "1"))).toBe(true)
})
