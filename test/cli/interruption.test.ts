/** Ctrl-C once asks for an end, and twice is one; what is cleared away at an end is. */
import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"

test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("%s", async (signal) => {
  const folder = mkdtempSync(join(tmpdir(), "hasam-interruption-"))
  const script = join(folder, "script.mjs")
  writeFileSync(
    script,
    `import { writeFileSync } from "node:fs"
import { interruption } from ${JSON.stringify(join(packageRoot, "dist/cli/interruption.js"))}
const stop = interruption(" after this")
stop.listen()
process.on("exit", (code) => writeFileSync(${JSON.stringify(join(folder, "cleared"))}, String(code)))
stop.signal.addEventListener("abort", () => console.log("asked"))
setInterval(() => undefined, 1000)
console.log("ready")
`,
  )
  const child = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "pipe"] })
  const heard = { stdout: "", stderr: "" }
  for (const name of ["stdout", "stderr"] as const)
    child[name].on("data", (data) => {
      heard[name] += data
    })
  const ended = new Promise((done) => child.once("exit", (code, by) => done([code, by])))
  await expect.poll(() => heard.stdout, { timeout: 20_000 }).toBe("ready\n")
  child.kill(signal)
  await expect.poll(() => heard.stdout, { timeout: 20_000 }).toBe("ready\nasked\n")
  child.kill(signal)
  // As a shell sees a program that was interrupted: 130 for SIGINT.
  expect(await ended).toEqual([null, signal])
  expect(readFileSync(join(folder, "cleared"), "utf8")).toBe("130")
  expect(heard.stderr).toBe("\nstopping after this; once more to stop at once\n")
})
