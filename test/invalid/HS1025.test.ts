/** The type checker does not start: a warning, and the spec is still evaluated. */
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { expect, test } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"

const compile = (tsc: string, ...specs: readonly string[]) =>
  spawnSync(process.execPath, [join(packageRoot, "bin/hasam-compile.js"), ...specs], {
    cwd: packageRoot,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1", HASAM_TSC: tsc },
  })

test("HS1025: the counts are still proven", () => {
  const { status, stdout, stderr } = compile("/nowhere/tsc", "examples/ablations")
  expect(stderr).toContain("index.ts: warning HS1025: the type checker did not run: spawn /nowhere/tsc ENOENT")
  expect(stdout).toContain("✓ all 7 expectations hold")
  expect(status).toBe(0)
})
test("HS1025: mistakes in what is exported as a model are still told, by evaluating", () => {
  const { status, stderr } = compile("/nowhere/tsc", "test/invalid/ten-mistakes.ts")
  expect(stderr.match(/error HS1\d+/g)).toHaveLength(6)
  expect(status).toBe(1)
})
