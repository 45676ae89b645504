/** A run that is killed again and again ends with the same bytes as one that is not. */
import { spawn, spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { beforeAll, expect, test } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import { writePhantoms } from "../../src/runtime/data/phantoms/index.ts"
import { stream } from "../../src/runtime/data/random.ts"

const folder = mkdtempSync(join(tmpdir(), "hasam-"))
const spec = `import { adam, adapt, afterAttention, cosineRate, dropout, freezeAll, linear, pipe, randomInside, relu, residual, sam, sequential, training, uniform, unfreeze, type Rank } from "hasam"
const tiny = sam({ imageSize: 32, patchSize: 8, width: 16, depth: 2, heads: 2, windowSize: 2, globalBlocks: [1], outChannels: 16, maskChannels: 4,
  decoder: { depth: 1, heads: 2, mlpWidth: 16, iouWidth: 8, iouDepth: 2, maskTokens: 2 } })
const adapter = (rank: Rank) => residual(sequential(linear(16, rank), relu, dropout(0.2), linear(rank, 16)))
export const model = pipe(tiny, freezeAll, adapt(uniform(2, 4), (rank) => [afterAttention(adapter(rank))]))
export const how = training(model, { optimizer: adam({ rate: 1e-3 }), epochs: 24, batch: 2, accumulate: 2, prompt: randomInside,
  rateSchedule: cosineRate({ warmup: 1 }), augmentation: { flip: true, rotation: 8, scale: 0.1, gain: 0.1 } })
`
const program = join(packageRoot, "bin/hasam.js")
const begun = (run: string): boolean => existsSync(join(folder, run, "last.safetensors"))
const args = (run: string) => [
  "train",
  "spec.ts",
  "--data",
  "data",
  "--out",
  run,
  "--checkpoint-every",
  "1",
  ...(begun(run) ? ["--resume"] : []),
]
const finish = (run: string) => spawnSync(process.execPath, [program, ...args(run)], { cwd: folder, encoding: "utf8" })

const checkpoint = (run: string): number =>
  statSync(join(folder, run, "last.safetensors"), { throwIfNoEntry: false })?.mtimeMs ?? 0

/** Starts or resumes a run and ends it `milliseconds` after its next checkpoint; true if it was still going. */
const interrupted = (run: string, milliseconds: number, signal: "SIGKILL" | "SIGINT"): Promise<boolean> =>
  new Promise((done) => {
    const before = checkpoint(run)
    const child = spawn(process.execPath, [program, ...args(run)], { cwd: folder, stdio: "ignore" })
    const watch = setInterval(() => {
      if (checkpoint(run) === before) return
      clearInterval(watch)
      setTimeout(() => child.kill(signal), milliseconds)
    }, 1)
    child.on("exit", (code) => {
      clearInterval(watch)
      done(signal === "SIGKILL" ? code === null : !existsSync(join(folder, run, "curves.svg")))
    })
  })
const same = (a: string, b: string): void => {
  for (const file of ["last.safetensors", "best.safetensors", "log.jsonl"])
    expect(readFileSync(join(folder, b, file)).equals(readFileSync(join(folder, a, file))), file).toBe(true)
}
beforeAll(async () => {
  writeFileSync(join(folder, "spec.ts"), spec)
  await writePhantoms(join(folder, "data"), { n: 24, size: 32, seed: 4, perSubject: 1 })
  expect(finish("unbroken")).toMatchObject({ status: 0 })
})

test("SIGKILL at 20 random moments", async () => {
  const random = stream("kills")
  let kills = 0
  while (kills < 20 && !existsSync(join(folder, "killed", "curves.svg")))
    if (await interrupted("killed", random.between(0, 20), "SIGKILL")) kills += 1
  expect(kills).toBeGreaterThanOrEqual(20)
  expect(finish("killed").status).toBe(0)
  same("unbroken", "killed")
})

test("Ctrl-C stops after a step, with a checkpoint, and the run goes on", async () => {
  expect(await interrupted("stopped", 5, "SIGINT")).toBe(true)
  expect(begun("stopped")).toBe(true)
  const { status } = finish("stopped")
  expect(status).toBe(0)
  same("unbroken", "stopped")
})

test("the same run again, the same bytes", () => {
  expect(finish("again").status).toBe(0)
  same("unbroken", "again")
})
