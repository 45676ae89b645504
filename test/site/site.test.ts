import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"

const node = (...args: readonly string[]) =>
  spawnSync(process.execPath, args, { cwd: packageRoot, encoding: "utf8", timeout: 550_000 })

test("the site builds, with every page and the API reference; no comment links to what is not there", {
  timeout: 600_000,
}, () => {
  const api = node("scripts/api.js")
  expect(api.status, api.stderr).toBe(0)
  expect(api.stderr).toBe("")
  const out = mkdtempSync(join(tmpdir(), "hasam-site-"))
  const { status, stderr } = node("node_modules/vitepress/bin/vitepress.js", "build", "docs", "--outDir", out)
  expect(status, stderr).toBe(0)
  for (const page of ["index", "install", "gallery", "language", "errors/HS1003", "systems/README", "api/runtime"])
    expect(existsSync(join(out, `${page}.html`)), page).toBe(true)
  const runtime = readFileSync(join(out, "api/runtime.html"), "utf8")
  for (const name of ["load", "train", "evaluate", "attempt"]) expect(runtime).toContain(`id="${name}"`)
})
