/** Training runs: HS5301 to HS5313, through the command line, on a model that trains in a second. */
import { spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, utimesSync } from "node:fs"
import { hostname, tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { beforeAll, expect, test } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import { writePhantoms } from "../../src/runtime/data/phantoms/index.ts"
import type { RunEvent } from "../../src/runtime/events.ts"
import type { Trainer } from "../../src/runtime/training/elsewhere.ts"
import { withRunFolder } from "../../src/runtime/training/lock.ts"
import { ran } from "../cli/session.ts"

// The built one: specs are evaluated by its worker.
const { startRun }: typeof import("../../src/runtime/training/start.ts") = await import(
  /* @vite-ignore */ pathToFileURL(join(packageRoot, "dist/runtime/training/start.js")).href
)
const folder = mkdtempSync(join(tmpdir(), "hasam-"))
const spec = `import { add, adam, bceWithLogits, dice, freezeAll, pipe, sam, training, unfreeze } from "hasam"
const tiny = sam({ imageSize: 32, patchSize: 8, width: 16, depth: 1, heads: 2, globalBlocks: [0], outChannels: 16, maskChannels: 4,
  decoder: { depth: 1, heads: 2, mlpWidth: 16, iouWidth: 8, iouDepth: 2, maskTokens: 2 } })
export const frozen = pipe(tiny, freezeAll)
export const model = pipe(tiny, freezeAll, unfreeze("maskDecoder"))
export const how = training(model, { optimizer: adam({ rate: 1e-3 }), loss: add(dice(), bceWithLogits()), epochs: 1, batch: 2 })
`
const hasam = (...args: readonly string[]) => {
  const { status, talk } = ran({ args, cwd: folder, env: process.env })
  return { status, text: talk }
}
const train = (out: string, ...args: readonly string[]) => hasam("train", "spec.ts#model", "--data", "data", "--out", out, ...args)

/** A process that has ended. */
const gone = spawnSync("true").pid

beforeAll(async () => {
  writeFileSync(join(folder, "spec.ts"), spec)
  await writePhantoms(join(folder, "data"), { n: 16, size: 32, seed: 1, perSubject: 1 })
  expect(train("run")).toMatchObject({ status: 0 })
})

test("a run leaves what it is, where it stands, what it learned, and its log", () => {
  for (const file of ["run.json", "split.json", "last.safetensors", "best.safetensors", "log.jsonl", "curves.svg"])
    expect(existsSync(join(folder, "run", file)), file).toBe(true)
})
test("HS5301: a rate that makes everything infinite; the folder keeps what was good", () => {
  const { status, text } = train("diverges", "--rate", "1e6", "--epochs", "3")
  expect(status).toBe(1)
  expect(text).toContain("error HS5301: ")
})
test("HS5302: other options, another model", () => {
  const { status, text } = train("run", "--resume", "--batch", "3")
  expect(status).toBe(1)
  expect(text).toContain("error HS5302: the run folder belongs to a run with other training options (batch: 2 then, 3 now)")
  const other = hasam("train", "spec.ts#frozen", "--data", "data", "--out", "run", "--resume")
  expect(other.text).toContain("error HS5302: the run folder belongs to a run with other model, base weights")
})
test("HS5302: other data say which the run was trained on; images that went since are no reason to delete its split", () => {
  cpSync(join(folder, "data"), join(folder, "moved"), { recursive: true })
  const { status, text } = hasam("train", "spec.ts", "--data", "moved", "--out", "run", "--resume")
  expect(status).toBe(1)
  expect(text).toContain(`--data: error HS5302: the run in 'run' was trained on '${join(folder, "data")}', not on '${join(folder, "moved")}'`)
  expect(text).toContain(`Go on with --data ${join(folder, "data")}.`)
  const split = join(folder, "run", "split.json")
  const whole = readFileSync(split, "utf8")
  const json = JSON.parse(whole)
  writeFileSync(split, JSON.stringify({ ...json, cases: json.cases.map((one: { id: string }, i: number) => (i === 0 ? { ...one, id: "gone" } : one)) }))
  expect(train("run", "--resume").text).toMatch(/HS4303: the split names cases that the data lack: gone\s+They were renamed or removed in 'data' since/)
  expect(hasam("eval", "run").text).toContain("evaluate all that is there with --part all")
  writeFileSync(split, whole)
})
test("HS5303: a folder that holds a run", () => {
  const { status, text } = train("run")
  expect(status).toBe(1)
  expect(text).toContain("error HS5303: 'run' holds a run already")
})
test("a record says what was done: no other rate on a finished run, and each change in the history", () => {
  const path = join(folder, "run", "run.json")
  const before = readFileSync(path, "utf8")
  const { status, text } = train("run", "--resume", "--rate", "7")
  expect([status, readFileSync(path, "utf8") === before]).toEqual([2, true])
  expect(text).toMatch(/--rate: error HS5002: --rate does nothing: the run in 'run' is finished, after 1 epoch and \d+ steps?/)
  // A run that stands at step 2 of an epoch: what a kill leaves.
  cpSync(join(folder, "run"), join(folder, "half"), { recursive: true })
  const last = join(folder, "half", "last.safetensors")
  const bytes = readFileSync(last)
  const at = bytes.indexOf('{\\"epoch\\":1,')
  expect(at).toBeGreaterThan(0)
  bytes.write('{\\"epoch\\":0,', at)
  writeFileSync(last, bytes)
  expect(train("half", "--resume", "--rate", "0.01")).toMatchObject({ status: 0 })
  const { options, history } = JSON.parse(readFileSync(join(folder, "half", "run.json"), "utf8"))
  expect(options.optimizer.rate).toBe(0.01)
  expect(history).toEqual([{ step: expect.any(Number), option: "rate", from: 0.001, to: 0.01 }])
  expect(history[0].step).toBeGreaterThan(0)
  // What was changed stays so: going on says nothing of it again.
  expect(train("half", "--resume")).toMatchObject({ status: 0 })
})
test("HS5312: frozen at initial values; HS5313: nothing found in any epoch", () => {
  const told = (out: string, seed: string) => {
    const { status, text } = train(out, "--rate", "1e-9", "--seed", seed)
    expect(status).toBe(0)
    expect(text).toMatch(/spec\.ts: warning HS5312: [\d,]+ of [\d,]+ parameters are frozen at random initial values: no --weights was given/)
    return [/validation Dice (\d\.\d+)/.exec(text)![1] === "0.0000", text.includes(`${out}: warning HS5313: validation Dice was 0 in every epoch`)]
  }
  expect(told("nonsense", "5")).toEqual([true, true])
  expect(told("some", "3")).toEqual([false, false])
})
test.each([[[0, 0], true], [[0, 0.2], false], [[], false]] as const)("HS5313 where another program trained: validation %j", async (validation, warns) => {
  const events: RunEvent[] = []
  const trainer: Trainer = async ({ folder: run }) => {
    const lines = validation.map((value, epoch) => JSON.stringify({ epoch, step: epoch + 1, loss: 1, validation: value }))
    writeFileSync(join(run, "log.jsonl"), lines.map((line) => `${line}\n`).join(""))
    return { finished: true }
  }
  const out = join(folder, `elsewhere-${validation.join("-")}`)
  await startRun(join(folder, "spec.ts#model"), { data: join(folder, "data"), out, target: "pytorch" }, { on: (event) => events.push(event), trainer })
  const told = events.flatMap((event) => (event.kind === "warnings" ? event.diagnostics.map(({ code }) => code) : []))
  expect(told.includes("HS5313")).toBe(warns)
})
test("HS5304: nothing to resume", () => {
  const { status, text } = train("nothing", "--resume")
  expect(status).toBe(1)
  expect(text).toContain("error HS5304: 'nothing' holds no checkpoint of a run")
  expect(existsSync(join(folder, "nothing"))).toBe(false)
})
test("HS5305: a model that is frozen whole", () => {
  const { status, text } = hasam("train", "spec.ts#frozen", "--data", "data", "--out", "frozen")
  expect(status).toBe(1)
  expect(text).toContain("error HS5305: ")
})
test("HS5306: a run file that is damaged", () => {
  const path = join(folder, "run", "run.json")
  const whole = readFileSync(path, "utf8")
  writeFileSync(path, whole.slice(0, 40))
  const { status, text } = train("run", "--resume")
  writeFileSync(path, whole)
  expect(status).toBe(1)
  expect(text).toContain("error HS5306: the file is not JSON")
})
test.each(["null", "[]", "7", '""', `${"[".repeat(1e5)}${"]".repeat(1e5)}`])("HS5306: a run file that is other JSON: %.9s", (json) => {
  const path = join(folder, "run", "run.json")
  const whole = readFileSync(path, "utf8")
  writeFileSync(path, json)
  const { status, text } = train("run", "--resume")
  writeFileSync(path, whole)
  expect([status, text]).toEqual([1, expect.stringContaining("error HS5306: the file does not say what the run is")])
})
test("HS5306: a checkpoint of which one bit of one number is another", () => {
  cpSync(join(folder, "run"), join(folder, "flipped"), { recursive: true })
  const last = join(folder, "flipped", "last.safetensors")
  const bytes = readFileSync(last)
  bytes[bytes.length - 3]! ^= 1
  writeFileSync(last, bytes)
  const { status, text } = train("flipped", "--resume", "--epochs", "2")
  expect([status, text]).toEqual([1, expect.stringContaining("last.safetensors: error HS5306: the tensors are not those that the run wrote")])
})
test("HS5307: fewer images than a batch", () => {
  const { status, text } = train("batch", "--batch", "50")
  expect(status).toBe(1)
  expect(text).toMatch(/error HS5307: \d+ images for training do not make a batch of 50/)
})
test("HS5308: a spacing for some images only", () => {
  const table = join(folder, "data", "data.csv")
  const whole = readFileSync(table, "utf8")
  writeFileSync(table, whole.replace(/,[\d.]+(?=\r?\n?$)/, ","))
  const { status, text } = hasam("eval", "run", "--part", "all")
  writeFileSync(table, whole)
  expect(status).toBe(1)
  expect(text).toMatch(/data: error HS5308: 1 of \d+ images have no pixel spacing/)
})
test("HS5309: a folder that another process holds; a lock that a crash left, and what it left beside, go by themselves", () => {
  const lock = join(folder, "locked", "run.lock")
  const held = (pid: number, host = hostname()) =>
    writeFileSync(lock, JSON.stringify({ id: "x", pid, host, started: "", since: "2026-11-25" }))
  mkdirSync(join(folder, "locked"))
  held(process.pid)
  const { status, text } = train("locked")
  expect(status).toBe(1)
  expect(text).toContain(`locked: error HS5309: process ${process.pid} has held the run's folder since 2026-11-25`)
  held(1, "another.machine")
  expect(train("locked").text).toContain("error HS5309: process 1 on another.machine has held")
  expect(readdirSync(join(folder, "locked"))).toEqual(["run.lock"])
  held(gone)
  writeFileSync(join(folder, "locked", `last.safetensors.${gone}.3.part`), "half")
  expect(train("locked")).toMatchObject({ status: 0 })
  expect(readdirSync(join(folder, "locked")).filter((name) => /lock|part/.test(name))).toEqual([])
})
test("HS5309: what is no lock does not hold a folder for ever, nor its starter", () => {
  const lock = join(folder, "odd", "run.lock")
  mkdirSync(lock, { recursive: true })
  const { status, text } = train("odd")
  expect([status, text]).toEqual([1, expect.stringContaining("odd: error HS5309: something that is no file stands in the place of the run's 'run.lock'")])
  expect(text).toContain("Remove 'run.lock' from the folder")
  rmSync(lock, { recursive: true })
  // Neither a process nor gone: the system would say of 0 and -1 that they live.
  for (const pid of [0, -1]) {
    writeFileSync(lock, JSON.stringify({ id: "x", pid, host: hostname(), started: "", since: "2026-11-25" }))
    expect(train("odd").text).toContain("its lock 'run.lock' does not say which")
  }
  utimesSync(lock, 0, 0)
  expect(train("odd")).toMatchObject({ status: 0 })
})
test("a run in a folder with a # in its name is found again", () => {
  const inside = join("a #b%20c", "run")
  mkdirSync(join(folder, "a #b%20c"))
  cpSync(join(folder, "spec.ts"), join(folder, "a #b%20c", "spec.ts"))
  const made = hasam("train", "a #b%20c/spec.ts#model", "--data", "data", "--out", inside)
  expect([made.status, made.text]).toEqual([0, expect.stringContaining("done")])
  expect(hasam("eval", inside)).toMatchObject({ status: 0 })
})
test("HS5309: a folder that is deleted while its run goes on is said to be, and nobody else is blamed", async () => {
  const run = join(folder, "deleted")
  const work = withRunFolder(run, async ({ demand }) => {
    await demand()
    rmSync(run, { recursive: true })
    await demand()
  })
  await expect(work).rejects.toMatchObject({
    diagnostics: [{ code: "HS5309", message: "the run's folder, or its 'run.lock', was deleted or moved while the run was going on" }],
  })
})
test("HS5310: a checkpoint on another base", () => {
  const last = join(folder, "run", "last.safetensors")
  const whole = readFileSync(last)
  const bytes = Buffer.from(whole)
  const at = bytes.indexOf('"hasam.base":"') + '"hasam.base":"'.length
  bytes[at] = bytes[at] === 0x61 ? 0x62 : 0x61
  writeFileSync(last, bytes)
  const { status, text } = train("run", "--resume")
  writeFileSync(last, whole)
  expect(status).toBe(1)
  expect(text).toContain("error HS5310: the checkpoint was written by a run on other base weights")
})
test("training checks the data first: an error stops it before a folder is made", () => {
  const table = join(folder, "data", "data.csv")
  const [header, first] = readFileSync(table, "utf8").split("\n")
  const image = join(folder, "data", first!.split(",")[header!.split(",").indexOf("image")]!)
  const whole = readFileSync(image)
  writeFileSync(image, whole.subarray(0, whole.length / 2))
  const { status, text } = train("checked")
  writeFileSync(image, whole)
  expect(status).toBe(1)
  expect(text).toMatch(/error HS42\d\d: |error HS41\d\d: /)
  expect(existsSync(join(folder, "checked"))).toBe(false)
})
