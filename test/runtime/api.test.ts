/** hasam/runtime, as code imports it: the same runs, results and masks as the commands give, and errors with their codes. */
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { beforeAll, expect, test } from "vitest"
import { packageRoot } from "../../src/compiler/frontend/package.ts"
import { readLabels } from "../../src/runtime/data/image.ts"
import { ran } from "../cli/session.ts"

// The built one: specs are evaluated by its worker.
const { attempt, compareMasks, evaluate, load, maskPng, phantoms, readImage, train }: typeof import("hasam/runtime") =
  await import(/* @vite-ignore */ pathToFileURL(join(packageRoot, "dist/runtime/index.js")).href)

const folder = mkdtempSync(join(tmpdir(), "hasam-runtime-"))
const at = (...path: readonly string[]) => join(folder, ...path)
const hasam = (...args: readonly string[]) => {
  const { status, out, talk } = ran({ args, cwd: folder, env: process.env })
  expect(status, talk).toBe(0)
  return out
}
const spec = at("tiny.ts")
const data = at("data")
const point = { prompt: { point: [20, 18] as const } }

beforeAll(async () => {
  writeFileSync(
    spec,
    `import { adam, conv2d, freezeAll, globalAveragePool, linear, model, mse, pipe, pixels, point, sam, sequential, training, unfreeze } from "hasam"
export const tiny = pipe(sam({ imageSize: 32, patchSize: 8, width: 16, depth: 1, heads: 2, globalBlocks: [0], outChannels: 16, maskChannels: 4,
  decoder: { depth: 1, heads: 2, mlpWidth: 16, iouWidth: 8, iouDepth: 2, maskTokens: 2 } }), freezeAll, unfreeze("maskDecoder"))
export const how = training(tiny, { optimizer: adam({ rate: 1e-2 }), epochs: 3, batch: 2 })
export const finder = model(sequential(conv2d(3, 4, 3, { stride: 2 }), globalAveragePool, linear(4, 2)), { name: "finder", takes: { image: pixels({ size: 32 }) }, teaches: { point: point() } })
`,
  )
  const seen: number[] = []
  await phantoms(data, { count: 12, size: 48, seed: 1, on: (done, total) => seen.push(done / total) })
  expect(seen.at(-1)).toBe(1)
})

test("a run is the command's, byte for byte, and either goes on with the other's", async () => {
  const stop = new AbortController()
  const told: string[] = []
  const stopped = await train(`${spec}#tiny`, {
    data,
    out: at("run"),
    signal: stop.signal,
    on: (event) => {
      told.push(event.kind)
      if (event.kind === "epoch") stop.abort()
    },
  })
  expect(stopped).toMatchObject({ finished: false, folder: at("run") })
  expect(existsSync(at("run/curves.svg"))).toBe(true)
  expect(new Set(told)).toEqual(new Set(["note", "warnings", "begun", "compiled", "step", "epoch", "saved"]))
  const { finished, steps, best } = await train(`${spec}#tiny`, { data, out: at("run"), resume: true })
  expect({ finished, steps }).toEqual({ finished: true, steps: 6 })
  expect(best!.epoch).toBeGreaterThan(0)
  hasam("train", "tiny.ts#tiny", "--data", "data", "--out", "commanded")
  expect(readFileSync(at("run/best.safetensors")).equals(readFileSync(at("commanded/best.safetensors")))).toBe(true)
})

test("an evaluation is the command's, and writes only where it is told to", async () => {
  const commanded = JSON.parse(hasam("eval", "commanded", "--json"))
  const results = await evaluate(at("run"))
  if (results.kind !== "masks") throw new Error("the model gives masks")
  expect(results.cases).toEqual(commanded.cases)
  // JSON has no NaN: the interval of a single patient is none.
  expect(JSON.parse(JSON.stringify(results.summaries))).toEqual(commanded.summaries)
  expect(existsSync(at("run/results.json"))).toBe(false)
  await evaluate(at("run"), { out: at("results") })
  expect(readFileSync(at("results/cases.csv"), "utf8")).toBe(readFileSync(at("commanded/cases.csv"), "utf8"))
})

test("masks are the command's, of a file and of pixels", async () => {
  const path = at("data/images/0003.png")
  const model = await load(at("run"))
  const { width, height, labels, objects } = await model.segment(path, point)
  expect([width, height, labels.length]).toEqual([48, 36, 48 * 36])
  hasam("segment", "commanded", path, "--out", "masks", "--point", "20,18")
  const { values } = await readLabels(at("masks/masks/0003.png"))
  const mask = { width, height, data: Uint8Array.from(values, (v) => Number(v > 0)) }
  expect(compareMasks({ width, height, data: objects[0]!.mask }, mask).dice).toBe(1)
  expect(objects[0]!.pixels).toBe(mask.data.reduce((n, x) => n + x, 0))
  const two = await model.segment(await readImage(path), { prompt: [point.prompt, { box: [4, 4, 30, 30] }] })
  expect(two.objects.map(({ label }) => label)).toEqual([1, 2])
  expect(two.objects[0]!.probabilities).toEqual(objects[0]!.probabilities)
  writeFileSync(at("mask.png"), await maskPng({ width, height, data: objects[0]!.mask }))
  expect(Array.from((await readLabels(at("mask.png"))).values, (v) => Number(v > 0))).toEqual([...objects[0]!.mask])
  await model.dispose()
})

test("a network runs on tensors by name", async () => {
  const model = await load(`${spec}#tiny`, { target: "reference" })
  const image = { shape: [1, 3, 24, 32], data: new Float32Array(3 * 24 * 32).fill(90) }
  const outputs = await model.run({
    image,
    original_size: { shape: [1, 2], data: Float32Array.of(24, 32) },
    point_coords: { shape: [1, 1, 2], data: Float32Array.of(9, 9) },
    point_labels: { shape: [1, 1], data: Float32Array.of(1) },
  })
  expect(outputs["masks"]!.shape).toEqual([1, 1, 24, 32])
  const wrong = await attempt(() => model.run({ picture: image }))
  expect(wrong).toMatchObject({ ok: false, diagnostics: [{ code: "HS5204" }, { code: "HS5201" }] })
  const finder = await load(`${spec}#finder`, { target: "reference" })
  const { x, y } = await finder.locate(at("data/images/0000.png"))
  expect(Number.isFinite(x + y)).toBe(true)
})

const image = { width: 4, height: 4, channels: 1, data: new Uint8Array(16) } as const
const tiny = () => load(`${spec}#tiny`, { target: "reference" })
const finder = () => load(`${spec}#finder`, { target: "reference" })
const wrong: readonly (readonly [string, string, () => Promise<unknown>])[] = [
  ["a spec that is not there", "HS1001", () => load(at("nothing.ts"))],
  ["a model that is not there", "HS1008", () => load(`${spec}#other`)],
  ["a target that is none", "HS2503", () => load(`${spec}#tiny`, { target: "gpu" as "cpu" })],
  ["weights that are not there", "HS4002", () => load(`${spec}#tiny`, { weights: at("nothing.pth") })],
  ["another size of a run", "HS5002", () => load(at("run"), { inputSize: [64, 64] })],
  ["an image that is not there", "HS4002", async () => (await tiny()).segment(at("nothing.png"), point)],
  [
    "too few pixels",
    "HS4201",
    async () => (await tiny()).segment({ ...image, width: 5 }, { prompt: { point: [1, 1] } }),
  ],
  ["no prompt", "HS4402", async () => (await tiny()).segment(image)],
  ["a prompt outside", "HS4402", async () => (await tiny()).segment(image, point)],
  ["an empty mask", "HS4402", async () => (await tiny()).segment(image, { prompt: { mask: new Uint8Array(16) } })],
  [
    "a mask of grey values",
    "HS4402",
    async () => (await tiny()).segment(image, { prompt: { mask: new Uint8Array(16).fill(255) } }),
  ],
  ["masks of a localizer", "HS5002", async () => (await finder()).segment(image)],
  ["a point of a segmenter", "HS5002", async () => (await tiny()).locate(image)],
  ["no data", "HS4002", () => train(`${spec}#tiny`, { data: at("nothing"), out: at("x") })],
  ["no epoch", "HS5002", () => train(`${spec}#tiny`, { data, out: at("x"), epochs: 0 })],
  [
    "a target that does not train here",
    "HS2503",
    () => train(`${spec}#tiny`, { data, out: at("x"), target: "pytorch" as "cpu" }),
  ],
  ["nothing to go on with", "HS5304", () => train(`${spec}#tiny`, { data, out: at("x"), resume: true })],
  ["no data to evaluate on", "HS5002", () => evaluate(`${spec}#tiny`)],
  ["phantoms where something is", "HS4001", () => phantoms(data)],
]
test.each(wrong)("errors are values: %s is %s", async (_, code, work) => {
  expect(await attempt(work)).toMatchObject({ ok: false, diagnostics: [{ code, message: expect.any(String) }] })
})

test("what is no error of the user's is thrown", async () => {
  await expect(attempt(() => Promise.reject(new TypeError("mine")))).rejects.toThrow("mine")
})
