/** The type checker does not start: an error, and the spec is still evaluated. */
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { expect, test } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"

const compile = (env: Readonly<Record<string, string>>, ...specs: readonly string[]) =>
  spawnSync(process.execPath, [join(packageRoot, "bin/hasam-compile.js"), ...specs], {
    cwd: packageRoot,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1", ...env },
  })

const nowhere = { HASAM_TSC: "/nowhere/tsc" }

test("HS1025: a gate that could not check fails; the counts are shown all the same", () => {
  const { status, stdout, stderr } = compile(nowhere, "examples/ablations")
  expect(stderr).toContain("index.ts: error HS1025: the type checker did not run: spawn /nowhere/tsc ENOENT")
  expect(stdout).toContain("✓ all 7 expectations hold")
  expect(status).toBe(1)
})
test("HS1025: mistakes in what is exported as a model are still told, by evaluating", () => {
  const { status, stderr } = compile(nowhere, "test/invalid/ten-mistakes.ts")
  expect(stderr.match(/error HS1\d+/g)!.length).toBeGreaterThanOrEqual(7)
  expect(status).toBe(1)
})
test("HS1025: no folder for temporary files", () => {
  // Nothing is remembered of an earlier check.
  const { status, stderr } = compile({ TMPDIR: "/nowhere/tmp", HASAM_CACHE: "/nowhere/cache" }, "examples/small")
  expect(stderr).toContain("error HS1025: the type checker did not run: the folder for temporary files: there is no such file or folder")
  expect(stderr).toContain("set TMPDIR to one that can be written")
  expect(status).toBe(1)
})
