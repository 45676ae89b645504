/**
 * A run that is killed again and again ends with the same bytes as one that is not, and two in one folder do not meet.
 * HASAM_KILLS=100 and HASAM_PAIRS=20 kill and pair as often as is promised; by default it is less, for time's sake.
 */
import { spawn, spawnSync } from "node:child_process"
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  watch as watchFolder,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { beforeAll, expect, test } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import { writePhantoms } from "../../src/runtime/data/phantoms/index.ts"
import { stream } from "../../src/runtime/data/random.ts"

const wanted = Number(process.env["HASAM_KILLS"] ?? 9)
const pairs = Number(process.env["HASAM_PAIRS"] ?? 2)
const folder = mkdtempSync(join(tmpdir(), "hasam-"))
const spec = `import { adam, adapt, afterAttention, balanced, clipNorm, dropout, freezeAll, linear, pipe, polynomialRate, randomInside, rates, relu, residual, sam, sequential, training, uniform, unfreeze, type Rank } from "hasam"
const tiny = sam({ imageSize: 32, patchSize: 8, width: 16, depth: 1, heads: 2, globalBlocks: [0], outChannels: 16, maskChannels: 4,
  decoder: { depth: 1, heads: 2, mlpWidth: 16, iouWidth: 8, iouDepth: 2, maskTokens: 2 } })
const adapter = (rank: Rank) => residual(sequential(linear(16, rank), relu, dropout(0.2), linear(rank, 16)))
export const model = pipe(tiny, freezeAll, adapt(uniform(1, 4), (rank) => [afterAttention(adapter(rank))]))
export const how = training(model, { optimizer: adam({ rate: 1e-3 }), epochs: ${Math.max(18, wanted + 2)}, batch: 2, accumulate: 2, prompt: randomInside,
  rateSchedule: polynomialRate({ warmup: 3 }), rates: rates({ adapters: (block) => 1e-3 * 0.5 ** (2 - block) }), clip: clipNorm(0.5), sampling: balanced, patience: 1000,
  augmentation: { flip: true, rotation: 8, scale: 0.1, gain: 0.1 } })
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

/** When a run is ended: some time after a checkpoint, as soon as its log grows (the checkpoint is not written yet), or while a file is written. */
type Moment = "checkpoint" | "log" | "writing"
const stamp = (run: string, file: string): string => {
  const found = statSync(join(folder, run, file), { throwIfNoEntry: false })
  return `${found?.mtimeMs} ${found?.size}`
}

/** Starts or resumes a run and ends it `milliseconds` after the moment; true if it was still going. */
const interrupted = (
  run: string,
  moment: Moment,
  milliseconds: number,
  signal: "SIGKILL" | "SIGINT" | "SIGHUP",
): Promise<number | "going" | null> =>
  new Promise((done) => {
    const file = moment === "log" ? "log.jsonl" : "last.safetensors"
    const before = stamp(run, file)
    const child = spawn(process.execPath, [program, ...args(run)], { cwd: folder, stdio: "ignore" })
    let ending = false
    const end = () => {
      if (!ending) setTimeout(() => child.kill(signal), milliseconds)
      ending = true
    }
    const timer = setInterval(() => {
      if (moment !== "writing" && stamp(run, file) !== before) end()
    }, 1)
    const watcher =
      moment !== "writing" || !existsSync(join(folder, run))
        ? undefined
        : watchFolder(join(folder, run), (_, name) => {
            if (/^(last|best|log).*\.part$/.test(name ?? "")) end()
          })
    child.on("exit", (code) => {
      clearInterval(timer)
      watcher?.close()
      done(signal === "SIGKILL" && code === null ? "going" : code)
    })
  })
const same = (a: string, b: string): void => {
  const left = readdirSync(join(folder, a)).sort()
  expect(readdirSync(join(folder, b)).sort()).toEqual(left)
  expect(left).toEqual(["best.safetensors", "curves.svg", "last.safetensors", "log.jsonl", "run.json", "split.json"])
  for (const file of left)
    expect(readFileSync(join(folder, b, file)).equals(readFileSync(join(folder, a, file))), file).toBe(true)
}
beforeAll(async () => {
  writeFileSync(join(folder, "spec.ts"), spec)
  await writePhantoms(join(folder, "data"), { n: 12, size: 32, seed: 4, perSubject: 1 })
  expect(finish("unbroken")).toMatchObject({ status: 0 })
})

test(`SIGKILL at ${wanted} random moments`, { timeout: 20_000 * wanted }, async () => {
  const random = stream("kills")
  let kills = 0
  const beside = new Set<string>()
  while (kills < wanted && !existsSync(join(folder, "killed", "curves.svg"))) {
    const moment = (["checkpoint", "log", "writing"] as const)[kills % 3]!
    if (
      (await interrupted("killed", moment, random.between(0, moment === "checkpoint" ? 20 : 3), "SIGKILL")) === "going"
    )
      kills += 1
    for (const name of readdirSync(join(folder, "killed"))) if (name.endsWith(".part")) beside.add(name)
  }
  expect(kills).toBeGreaterThanOrEqual(wanted)
  expect(finish("killed").status).toBe(0)
  same("unbroken", "killed")
  // Of many kills some do hit a file that is being written; of a few, on a fast disk, perhaps none.
  if (wanted >= 50) expect(beside.size).toBeGreaterThan(0)
})

test.each(["SIGINT", "SIGHUP"] as const)(
  "%s stops after a step, with a checkpoint and exit code 130, and the run goes on",
  async (signal) => {
    expect(await interrupted(signal, "checkpoint", 5, signal)).toBe(130)
    expect(begun(signal)).toBe(true)
    const { status } = finish(signal)
    expect(status).toBe(0)
    same("unbroken", signal)
  },
)

test("a run goes on from its own checkpoint only", () => {
  const other = ["train", "spec.ts", "--data", "data", "--out", "other", "--epochs", "1", "--seed", "1"]
  expect(spawnSync(process.execPath, [program, ...other], { cwd: folder }).status).toBe(0)
  const last = join(folder, "other/last.safetensors")
  writeFileSync(last, readFileSync(join(folder, "unbroken/last.safetensors")))
  const { status, stderr } = spawnSync(process.execPath, [program, ...other, "--resume"], {
    cwd: folder,
    encoding: "utf8",
  })
  expect([status, stderr]).toEqual([1, expect.stringContaining("last.safetensors: error HS5310: ")])
})

test(`two trainings in one folder at once, ${pairs} times`, { timeout: 60_000 * pairs }, async () => {
  const started = (run: string) =>
    new Promise<{ readonly code: number | null; readonly pid: number; readonly text: string }>((done) => {
      const given = ["train", "spec.ts", "--data", "data", "--out", run, "--epochs", "4"]
      const child = spawn(process.execPath, [program, ...given], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] })
      let text = ""
      child.stderr.on("data", (piece) => {
        text += piece
      })
      child.on("close", (code) => done({ code, pid: child.pid!, text }))
    })
  for (let i = 0; i < pairs; i += 1) {
    const [a, b] = await Promise.all([started(`pair-${i}`), started(`pair-${i}`)])
    const [winner, loser] = a.code === 0 ? [a, b] : [b, a]
    expect([winner.code, loser.code], loser.text).toEqual([0, 1])
    expect(loser.text).toContain(`error HS5309: process ${winner.pid} has held the run's folder since `)
    if (i > 0) same("pair-0", `pair-${i}`)
  }
})
