/** hasam train, eval and data split, as a user calls them, from images to points and figures. */
import { spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { beforeAll, expect, test } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import { writePhantoms } from "../../src/runtime/data/phantoms/index.ts"
import { ran } from "../cli/session.ts"
import { writeGrey } from "../data/helpers.ts"

const folder = mkdtempSync(join(tmpdir(), "hasam-"))
const program = join(packageRoot, "bin/hasam.js")
const hasam = (...args: readonly string[]) => {
  const { status, out, talk } = ran({ args, cwd: folder, env: process.env })
  return { status, out, text: talk }
}
/** One that must not fail. */
const done = (...args: readonly string[]) => {
  const result = hasam(...args)
  if (result.status !== 0) throw new Error(`hasam ${args.join(" ")}: exit code ${result.status}\n${result.text}`)
  return result
}
const logOf = (run: string) =>
  readFileSync(join(folder, run, "log.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { readonly epoch: number; readonly loss: number; readonly validation?: number })

const tiny = `sam({ imageSize: 32, patchSize: 8, width: 16, depth: 1, heads: 2, globalBlocks: [0], outChannels: 16, maskChannels: 4,
  decoder: { depth: 1, heads: 2, mlpWidth: 16, iouWidth: 8, iouDepth: 2, maskTokens: 2 } })`
beforeAll(async () => {
  writeFileSync(
    join(folder, "tiny.ts"),
    `import { adam, freezeAll, pipe, sam, training, unfreeze } from "hasam"
export const model = pipe(${tiny}, freezeAll, unfreeze("maskDecoder"))
export const how = training(model, { optimizer: adam({ rate: 1e-3 }), epochs: 1, batch: 2 })
`,
  )
  writeFileSync(
    join(folder, "points.ts"),
    `import { adam, conv2d, globalAveragePool, linear, model, mse, pixels, point, relu, sequential, training } from "hasam"
export const points = model(sequential(conv2d(3, 4, 3, { stride: 2 }), relu, globalAveragePool, linear(4, 2)), { name: "points", takes: { image: pixels({ size: 32 }) }, teaches: { point: point() } })
export const how = training(points, { optimizer: adam({ rate: 1e-3 }), loss: mse(), epochs: 1, batch: 2 })
`,
  )
  writeFileSync(
    join(folder, "net.ts"),
    `import { adam, conv2d, masks, model, pixels, relu, sequential, training } from "hasam"
export const net = model(sequential(conv2d(3, 4, 3, { padding: 1 }), relu, conv2d(4, 1, 3, { padding: 1 })), { name: "net", takes: { image: pixels({ size: 32 }) }, teaches: { masks: masks() } })
export const how = training(net, { optimizer: adam({ rate: 1e-3 }), epochs: 1, batch: 2 })
`,
  )
  await writePhantoms(join(folder, "data"), { n: 20, size: 48, seed: 1, perSubject: 1 })
})

test("the small example learns on phantoms", () => {
  const spec = join(packageRoot, "examples/small")
  const { text } = done("train", spec, "--data", "data", "--out", "small", "--epochs", "4")
  expect(text).toContain("14 images train, 3 validate, 3 are kept for testing (split by subject)")
  const losses = logOf("small").map(({ loss }) => loss)
  expect(losses.length).toBe(4)
  expect(losses[3]!).toBeLessThan(0.8 * losses[0]!)
})

test("a localizer's points are the prompts of another model", () => {
  done("train", "points.ts", "--data", "data", "--out", "localizer")
  const located = hasam("eval", "localizer", "--save-points", "points.csv")
  expect(located.out).toMatch(/points: \d of 3 points lie inside the mask \(\d+\.\d\d %\)/)
  const lines = readFileSync(join(folder, "points.csv"), "utf8").trim().split("\n")
  expect(lines[0]).toBe("id,x,y")
  expect(lines.length).toBe(21)
  const prompted = ["--prompt", "localizer", "--points", "points.csv"]
  done("train", "tiny.ts", "--data", "data", "--out", "pointed", ...prompted)
  done("eval", "pointed", "--figures")
  expect(JSON.parse(readFileSync(join(folder, "pointed/results.json"), "utf8")).conventions.prompt).toBe("localizer")
  expect(existsSync(join(folder, "pointed/sheet.png"))).toBe(true)
  expect(hasam("train", "tiny.ts", "--data", "data", "--out", "x", "--prompt", "localizer").text).toContain("HS5002")
})

test("frozen weights in 8 bits: recorded, resumed bit for bit, and evaluated so", () => {
  const frozen = ["--data", "data", "--frozen", "int8"]
  const learned = (run: string) => readFileSync(join(folder, run, "best.safetensors"))
  const dice = (run: string, ...more: readonly string[]): number =>
    JSON.parse(done("eval", run, "--json", ...more).out).summaries.dice.mean
  done("train", "tiny.ts", ...frozen, "--out", "whole", "--epochs", "2")
  done("train", "tiny.ts", ...frozen, "--out", "halves", "--epochs", "1")
  expect(hasam("train", "tiny.ts", "--data", "data", "--out", "halves", "--resume").text).toContain(
    'HS5302: the run folder belongs to a run with other training options (frozen: "int8" then, nothing now)',
  )
  done("train", "tiny.ts", ...frozen, "--out", "halves", "--epochs", "2", "--resume")
  expect(learned("halves")).toEqual(learned("whole"))
  done("train", "tiny.ts", "--data", "data", "--out", "plain", "--epochs", "2")
  expect(learned("plain")).not.toEqual(learned("whole"))
  expect(JSON.parse(readFileSync(join(folder, "whole/run.json"), "utf8")).options.frozen).toBe("int8")
  const asTrained = dice("whole")
  expect(dice("whole", "--frozen", "int8")).toBe(asTrained)
  expect(dice("whole", "--frozen", "float32")).not.toBe(asTrained)
  expect(hasam("eval", "whole", "--target", "reference").text).toContain("HS2511")
  expect(hasam("train", "net.ts", ...frozen, "--out", "x").text).toContain("HS2512")
  expect(hasam("train", "tiny.ts", ...frozen, "--out", "x", "--target", "pytorch").text).toContain(
    "--frozen does not go with --target pytorch: only the CPU engine keeps frozen weights in fewer bits",
  )
  expect(existsSync(join(folder, "x"))).toBe(false)
})

test("what blocks give, of one run and of two", () => {
  done("eval", "pointed", "--histograms", "1")
  done("train", "tiny.ts", "--data", "data", "--out", "again", "--seed", "1")
  done("eval", "again", "--histograms", "1")
  expect(readFileSync(join(folder, "again/blocks.svg"), "utf8")).toContain("block 1")
  const { out } = done("compare", "pointed", "again", "--histograms", "both.svg")
  expect(out).toContain("pointed")
  const svg = readFileSync(join(folder, "both.svg"), "utf8")
  for (const run of ["pointed", "again"]) expect(svg).toContain(run)
  expect(hasam("eval", "again", "--histograms", "2").text).toContain("HS5002: there is no block 2")
  expect(hasam("eval", "again", "--histograms", "x").text).toContain(
    "--histograms: error HS5002: 'x' is not a whole number from 1 to 10,000",
  )
  done("eval", "pointed", "--out", "bare", "--histograms", "1")
  done("eval", "again", "--out", "elsewhere")
  expect(hasam("compare", "bare", "elsewhere", "--histograms", "y.svg").text).toContain("HS4002: the run has no values")
})

test("a run is evaluated from any folder", () => {
  const { status } = spawnSync(process.execPath, [program, "eval", join(folder, "pointed")], { cwd: tmpdir() })
  expect(status).toBe(0)
})

const inPart = (
  { cases }: { readonly cases: readonly { readonly id: string; readonly part: string }[] },
  part: string,
): string[] => cases.filter((one) => one.part === part).map(({ id }) => id)

test("folds as files; a fold trains", () => {
  const { out } = hasam("data", "split", "data", "--folds", "5", "--out", "folds")
  expect(out.trim().split("\n").length).toBe(5)
  const split = (n: number) => JSON.parse(readFileSync(join(folder, `folds/fold-${n}.json`), "utf8"))
  const tested = [1, 2, 3, 4, 5].flatMap((n) => inPart(split(n), "test"))
  expect(new Set(tested).size).toBe(20)
  expect(tested.length).toBe(20)
  const trained = hasam("train", "tiny.ts", "--data", "data", "--out", "fold", "--split", "folds/fold-2.json")
  expect(trained.text).toContain("12 images train, 4 validate, 4 are kept for testing")
  const results = hasam("eval", "fold", "--json")
  expect(JSON.parse(results.out).cases.map(({ id }: { readonly id: string }) => id)).toEqual(
    inPart(split(2), "test").sort(),
  )
})

test("a fraction of the training images, the same validation and test", () => {
  const { text } = hasam("train", "tiny.ts", "--data", "data", "--out", "half", "--fraction", "0.5")
  expect(text).toContain("7 images train, 3 validate, 3 are kept for testing")
  expect(hasam("train", "tiny.ts", "--data", "data", "--out", "half2", "--fraction", "2").text).toContain("HS5002")
})

test("images with an empty mask are left out, and it is said; a model without prompts takes all", async () => {
  cpSync(join(folder, "data"), join(folder, "some-empty"), { recursive: true })
  const split = JSON.parse(readFileSync(join(folder, "half/split.json"), "utf8"))
  for (const id of [inPart(split, "train")[0]!, inPart(split, "test")[0]!])
    await writeGrey(join(folder, `some-empty/masks/${basename(id)}.png`), 48, 36, new Uint8Array(48 * 36))
  const { text } = done("train", "tiny.ts", "--data", "some-empty", "--out", "empty")
  expect(text).toContain("warning HS4205: 2 of 20 masks are empty")
  expect(text).toContain("note: 1 of 14 training images are left out: their masks are empty")
  const results = hasam("eval", "empty", "--json")
  expect(results.text).toContain("note: 1 of 3 test images are left out")
  expect(JSON.parse(results.out).cases.length).toBe(2)
  const net = done("train", "net.ts", "--data", "some-empty", "--out", "net")
  expect(net.text).not.toContain("left out")
})

test("a disk that is full: an error with the file's name, and the checkpoint before it is whole", () => {
  done("train", "tiny.ts", "--data", "data", "--out", "disk")
  const last = readFileSync(join(folder, "disk/last.safetensors"))
  const run = join(folder, "disk/run.json")
  const about = JSON.parse(readFileSync(run, "utf8"))
  writeFileSync(run, JSON.stringify({ ...about, options: { ...about.options, epochs: 3 } }))
  const again = ["train", "tiny.ts", "--data", "data", "--out", "disk", "--epochs", "3", "--resume"]
  // No file may grow beyond 8 KiB: writes end as on a full disk.
  const shell = `trap "" XFSZ; ulimit -f 8; exec "$0" "$@"`
  const full = spawnSync("bash", ["-c", shell, process.execPath, program, ...again], { cwd: folder, encoding: "utf8" })
  expect(full.status).toBe(1)
  expect(full.stderr).toMatch(/disk\/\w+\.safetensors: error HS4001: /)
  expect(readFileSync(join(folder, "disk/last.safetensors")).equals(last)).toBe(true)
  done(...again)
  expect(logOf("disk").map(({ epoch }) => epoch)).toEqual([0, 1, 2])
})
