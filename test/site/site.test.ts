import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { expect, test } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"

test("the site builds, with every page", { timeout: 300_000 }, () => {
  const out = mkdtempSync(join(tmpdir(), "hasam-site-"))
  const bin = join(dirname(createRequire(import.meta.url).resolve("vitepress/package.json")), "bin/vitepress.js")
  const { status, stderr } = spawnSync(process.execPath, [bin, "build", "docs", "--outDir", out], {
    cwd: packageRoot,
    encoding: "utf8",
  })
  expect(status, stderr).toBe(0)
  for (const page of ["index", "install", "gallery", "language", "errors/HS1003"])
    expect(existsSync(join(out, `${page}.html`))).toBe(true)
})
