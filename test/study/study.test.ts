/** hasam study, from a spec to its tables: stopped and gone on with to the same bytes, in one process and in several. */
import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { beforeAll, expect, test } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import { writePhantoms } from "../../src/runtime/data/phantoms/index.ts"
import type { StudySettings } from "../../src/runtime/study/open.ts"
import { ran } from "../cli/session.ts"

// The built ones: specs are evaluated by their worker.
const built = <A>(path: string): Promise<A> =>
  import(/* @vite-ignore */ pathToFileURL(join(packageRoot, "dist", path)).href)
const { openStudy, prepareFolder } =
  await built<typeof import("../../src/runtime/study/open.ts")>("runtime/study/open.js")
const { isDone, runJob } = await built<typeof import("../../src/runtime/study/job.ts")>("runtime/study/job.js")
const { jobsOf } = await built<typeof import("../../src/runtime/study/plan.ts")>("runtime/study/plan.js")
const { writeOutputs } = await built<typeof import("../../src/runtime/study/outputs.ts")>("runtime/study/outputs.js")

const folder = mkdtempSync(join(tmpdir(), "hasam-study-"))
const at = (...names: readonly string[]) => join(folder, ...names)
const program = join(packageRoot, "bin/hasam.js")
const hasam = (...args: readonly string[]) => {
  const { status, out, talk } = ran({ args, cwd: folder, env: process.env })
  return { status, out, text: talk }
}

beforeAll(async () => {
  writeFileSync(
    at("spec.ts"),
    `import { adam, asTrained, automatic, conv2d, globalAveragePool, jittered, linear, localizer, masks, model, mse, pixels, point, relu, sam, sequential, study, training } from "hasam"
const image = { image: pixels({ size: 32 }) }
const net = (width: number) => model(sequential(conv2d(3, width, 3, { padding: 1 }), relu, conv2d(width, 1, 3, { padding: 1 })), { name: "net", takes: image, teaches: { masks: masks() } })
export const narrow = net(2)
export const wide = net(4)
export const prompted = sam({ imageSize: 32, patchSize: 8, width: 16, depth: 1, heads: 2, globalBlocks: [0], outChannels: 16, maskChannels: 4,
  decoder: { depth: 1, heads: 2, mlpWidth: 16, iouWidth: 8, iouDepth: 2, maskTokens: 2 } })
export const finder = model(sequential(conv2d(3, 4, 3, { stride: 2 }), relu, globalAveragePool, linear(4, 2)), { name: "finder", takes: image, teaches: { point: point() } })
const brief = { optimizer: adam({ rate: 1e-2 }), epochs: 2, batch: 2 }
export const narrowTraining = training(narrow, brief)
export const wideTraining = training(wide, brief)
export const finderTraining = training(finder, { ...brief, loss: mse(), epochs: 1 })
// So slowly that its masks are not all empty: their differences are what is looked at.
export const byFinder = training(prompted, { ...brief, optimizer: adam({ rate: 1e-5 }), epochs: 1, prompt: localizer })
export const swept = study({ trainings: [narrowTraining, wideTraining], rates: [1e-2, 1e-3] })
export const asked = study({ trainings: [narrow, byFinder, prompted], folds: 3, seeds: [5], prompts: [asTrained, jittered(0.1), automatic(finderTraining)], test: "welch" })
`,
  )
  await writePhantoms(at("data"), { n: 12, size: 48, seed: 2, perSubject: 1 })
})

const settings = (out: string, more: Partial<StudySettings> = {}): StudySettings => ({
  data: at("data"),
  out: at(out),
  ...more,
})
const opened = async (name: string, of: StudySettings) => {
  const found = await openStudy(`${at("spec.ts")}#${name}`, of)
  await prepareFolder(found)
  return found
}

/** Does the holder of a lock still run? */
const alive = (lock: string): boolean => {
  // One that was being taken when the kill came may be empty, and says its process in its name.
  const pid = /run\.lock\.(\d+)\./.exec(lock)?.[1] ?? (JSON.parse(readFileSync(lock, "utf8")) as { pid: number }).pid
  const stat = `/proc/${pid}/stat`
  return existsSync(stat) && !/\) [ZX] /.test(readFileSync(stat, "utf8"))
}

/** Every file of a folder but what says when, by its name. */
const filesOf = (of: string, below = ""): Readonly<Record<string, string>> =>
  Object.fromEntries(
    readdirSync(at(of, below), { withFileTypes: true, recursive: true })
      .filter((one) => one.isFile())
      .map((one) => join(one.parentPath, one.name))
      .map((path) => [path.slice(at(of).length), readFileSync(path).toString("base64")] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )

test("trainings × rates end in tables; stopped, killed and gone on with, every file has the same bytes", async () => {
  const whole = await opened("swept", settings("whole"))
  for (const job of jobsOf(whole.study)) expect(await runJob(whole, job)).toBe(true)
  const text = await writeOutputs(whole, "text")
  expect(text).toMatch(/^swept: models over cases\n\nModel +Trainable parameters +Dice % +IoU % +HD95 mm +NSD %\n/)
  expect(text).toContain("design: 1 seed, 1 fold (split by seed 0)\n")
  expect(text).toContain("budget: 2 epochs, batch 2, the same for all")
  expect(text).toMatch(/learning rates 0\.01, 0\.001 tried by each; chosen by validation: narrow 0\.0\d+, wide 0\.0\d+/)
  expect(text).not.toContain("models over runs")
  expect(text).toMatch(/narrow +75 /)
  for (const name of [
    "table.txt",
    "table.md",
    "table.tex",
    "table.html",
    "boxes.svg",
    "sheet.png",
    "runs.csv",
    "models/wide/results.json",
  ])
    expect(existsSync(at("whole", name)), name).toBe(true)
  const page = readFileSync(at("whole/table.html"), "utf8")
  expect(page).toMatch(/^<!doctype html>/)
  expect(page).toContain("<h2>swept: models over cases</h2>")
  expect(page).toContain('<th scope="row">narrow</th><td data-n="75">75</td>')
  expect(readFileSync(at("whole/runs.csv"), "utf8").trim().split("\n").length).toBe(1 + 2)

  const broken = await opened("swept", settings("broken"))
  const [first, second, ...rest] = jobsOf(broken.study)
  const stop = new AbortController()
  const on = ({ kind }: { readonly kind: string }) => kind === "step" && stop.abort()
  expect(await runJob(broken, first!, { on, signal: stop.signal })).toBe(false)
  expect(await isDone(broken, first!)).toBe(false)
  // What a kill between training and the end of its evaluation leaves.
  expect(await runJob(broken, second!)).toBe(true)
  rmSync(at("broken/runs", second!.id, "results.json"))
  // And one of the whole command, with its children.
  const args = ["study", "spec.ts#swept", "--data", "data", "--out", "broken", "--jobs", "2"]
  const child = spawn(process.execPath, [program, ...args], { cwd: folder, stdio: "ignore", detached: true })
  const ended = new Promise((resolve) => child.once("exit", resolve))
  const begun = () =>
    existsSync(at("broken/runs", rest[0]!.id)) && readdirSync(at("broken/runs", rest[0]!.id)).length > 0
  while (!begun() && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 50))
  process.kill(-child.pid!, "SIGKILL")
  await ended
  // Its children are killed with it, which takes the system a moment.
  const lockOf = /^run\.lock(\.\d+\.[\w-]+\.part)?$/
  const gone = () =>
    !readdirSync(at("broken/runs")).some((run) =>
      readdirSync(at("broken/runs", run)).some((name) => lockOf.test(name) && alive(at("broken/runs", run, name))),
    )
  while (!gone()) await new Promise((resolve) => setTimeout(resolve, 50))
  rmSync(at("broken/logs"), { recursive: true })
  const again = await opened("swept", settings("broken"))
  for (const job of [first!, second!, ...rest]) expect(await runJob(again, job)).toBe(true)
  await writeOutputs(again, "text")
  expect(filesOf("broken")).toEqual(filesOf("whole"))
})

test("folds, models as they are, prompts that are moved and a localizer's, Welch's test", {
  timeout: 280_000,
}, async () => {
  const args = ["study", "spec.ts#asked", "--data", "data", "--out", "asked"]
  const listed = hasam(...args, "--jobs", "2", "--list")
  expect(listed.out.trim().split("\n").length).toBe(12)
  expect(listed.out).toContain("hasam study spec.ts#asked --data data --out asked --job prompted-seed5-fold3\n")
  expect(existsSync(at("asked"))).toBe(false)
  const found = await opened("asked", settings("asked"))
  for (const job of jobsOf(found.study)) expect(await runJob(found, job)).toBe(true)
  const out = await writeOutputs(found, "text")
  for (const title of [
    "data, prompted by the truth",
    "data, prompts moved by 10 %",
    "data, prompted by localizer-finder",
  ])
    expect(out).toContain(`${title}\n`)
  expect(out).toContain("Welch's two-sample t-test, not corrected")
  expect(out).toMatch(/3 folds \(split by seed 0\)/)
  expect(out).toContain("asked: models over runs")
  const cases = (column: number, model: string) =>
    JSON.parse(readFileSync(at("asked/models", String(column), model, "results.json"), "utf8")).cases as readonly {
      readonly dice: number
    }[]
  expect(cases(1, "prompted").length).toBe(12)
  expect(cases(2, "narrow")).toEqual(cases(1, "narrow")) // it takes no prompt
  // Trained with the finder's points: asked by the truth, by that moved, and by the finder.
  expect(cases(3, "byFinder")).not.toEqual(cases(1, "byFinder"))
  expect(cases(2, "byFinder")).not.toEqual(cases(1, "byFinder"))
  const options = JSON.parse(readFileSync(at("asked/runs/byFinder-seed5-fold1/run.json"), "utf8"))
  expect(options.options.prompt).toEqual({ kind: "localizer" })
  expect(cases(3, "prompted")).not.toEqual(cases(1, "prompted"))
  const repeated = hasam(...args, "--format", "latex")
  expect(repeated.text).toContain("asked: 3 models, 12 jobs, 12 of them done")
  expect(repeated.out.trim()).toBe(readFileSync(at("asked/table.tex"), "utf8").trim())
})
