/** compile --watch, as an editor runs it: what is saved while it compiles is compiled next. */
import { spawn } from "node:child_process"
import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"

/** Adapters of a rank r in two blocks: 2 · (33 r + 16) parameters. */
const specOf = (
  rank: number,
): string => `import { adapt, afterAttention, freezeAll, linear, pipe, relu, residual, sam, sequential, uniform } from "hasam"
const net = sam({ imageSize: 32, patchSize: 8, width: 16, depth: 2, heads: 2, globalBlocks: [0], outChannels: 16, maskChannels: 4,
  decoder: { depth: 1, heads: 2, mlpWidth: 16, iouWidth: 8, iouDepth: 2, maskTokens: 2 } })
export const adapted = pipe(net, freezeAll, adapt(uniform(2, ${rank}), (r) => [afterAttention(residual(sequential(linear(16, r), relu, linear(r, 16))))]))
`

test("a save in the midst of the first round is in the next; Ctrl-C ends it", { timeout: 60_000 }, async () => {
  const file = join(mkdtempSync(join(tmpdir(), "hasam-watch-")), "spec.ts")
  writeFileSync(file, specOf(1))
  const args = [join(packageRoot, "bin/hasam.js"), "compile", file, "--watch", "--brief"]
  const child = spawn(process.execPath, args, {
    env: { ...process.env, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  })
  const heard = { stdout: "", stderr: "" }
  for (const name of ["stdout", "stderr"] as const)
    child[name].on("data", (data) => {
      heard[name] += data
    })
  const rounds = (what: string) => heard.stderr.split(`hasam: ${what}`).length - 1
  try {
    await expect.poll(() => rounds("compiling"), { timeout: 20_000, interval: 5 }).toBe(1)
    // Not done: whichever text this round reads, another one has the new one.
    expect(rounds("done")).toBe(0)
    writeFileSync(file, specOf(2))
    await expect.poll(() => rounds("done, no errors"), { timeout: 30_000 }).toBe(2)
    expect(heard.stdout.trimEnd().split("\n").at(-1)).toMatch(/^adapted +164 /)
    const ended = new Promise((done) => child.once("exit", done))
    child.kill("SIGINT")
    expect(await ended).toBe(0)
  } finally {
    child.kill("SIGKILL")
  }
})
