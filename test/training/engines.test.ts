/** Rates by part, AutoLR, clipping, polynomial decay, dropout and drop path on every engine: the same losses as the float64 evaluation, and the same tensors. */
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Backend } from "../../src/backends/backend.ts"
import { openWasm } from "../../src/backends/tfjs/engines/host.ts"
import { backendOf } from "../../src/backends/tfjs/index.ts"
import { xla } from "../../src/backends/xla/engine.ts"
import type { Tensors } from "../../src/compiler/ir/graph.ts"
import {
  adam,
  autoLr,
  balanced,
  clipNorm,
  conv2d,
  define,
  dropout,
  dropPath,
  features,
  masks,
  model,
  pixels,
  polynomialRate,
  rates,
  relu,
  repeat,
  residual,
  sequential,
  training,
} from "../../src/dsl/index.ts"
import { modelWeights } from "../../src/runtime/base.ts"
import { openData } from "../../src/runtime/data/layouts/index.ts"
import { writePhantoms } from "../../src/runtime/data/phantoms/index.ts"
import { reader } from "../../src/runtime/data/reader.ts"
import { engineNamed } from "../../src/runtime/engines.ts"
import { pixelsOf } from "../../src/runtime/task/index.ts"
import { train } from "../../src/runtime/training/train.ts"
import { tryWebGpu } from "../backends/tfjs/engines.ts"
import { absent, quick } from "../backends/xla/plugin.ts"
import { relativeError } from "../ir/support.ts"

const net = model(
  define(
    "Net",
    {
      stem: conv2d(3, 4, 3, { padding: 1 }),
      blocks: repeat(2, () => residual(sequential(conv2d(4, 4, 3, { padding: 1 }), relu, dropout(0.2), dropPath(0.3)))),
      head: conv2d(4, 1, 1),
    },
    { image: features(3) },
    (m, { image }) => ({ masks: m.head(m.blocks(m.stem(image))) }),
  ),
  { name: "Net", takes: { image: pixels({ size: 16 }) }, teaches: { masks: masks() }, blocks: "blocks" },
)
const how = training(net, {
  ...{ optimizer: adam({ rate: 1e-2 }), epochs: 2, batch: 2, accumulate: 2, sampling: balanced, clip: clipNorm(0.05) },
  rates: rates({ blocks: (block) => 1e-2 * 0.5 ** (3 - block), head: 5e-2 }),
  rateSchedule: polynomialRate({ warmup: 1 }),
  seed: 4,
})
/** The second block begins at a smaller rate than the first, until an epoch is undone. */
const tuned = {
  ...how,
  rates: [{ part: "blocks", rate: [1e-2, 1e-2, 1e-3, 1e-2] }],
  autoLr: autoLr({ order: 1, least: 1, trials: 3 }),
}
const folder = mkdtempSync(join(tmpdir(), "hasam-"))
const trained = async (name: string, backend: Backend, options = how) => {
  const { cases } = await openData(join(folder, "data"))
  const losses: number[] = []
  const { learned } = await train({
    ...{ name, version: "1", model: net.data, options, validation: [], resume: false, backend },
    weights: (await modelWeights(net.data, undefined, 4)).tensors,
    reader: reader({ pixels: pixelsOf(net.data), seed: 4, sampling: options.sampling }),
    train: cases,
    folder: mkdtempSync(join(folder, "run-")),
    identity: { run: "run", base: "base" },
    on: (event) => {
      if (event.kind === "step") losses.push(event.loss)
    },
  })
  return { losses, learned }
}
const flat = (tensors: Tensors): Float64Array =>
  Float64Array.from(
    Object.keys(tensors)
      .sort()
      .flatMap((name) => [...tensors[name]!.data]),
  )

let expected: { readonly losses: readonly number[]; readonly learned: Tensors }
let expectedTuned: typeof expected
const wasm = await openWasm()
// A software driver compiles each kernel anew: HASAM_SYSTEMS=1 takes the time.
const gpu = process.env["HASAM_SYSTEMS"] !== undefined ? await tryWebGpu() : undefined
if (process.env["HASAM_SYSTEMS"] === undefined)
  console.warn("skipped: WebGPU, whose software driver takes minutes: HASAM_SYSTEMS=1 runs it")
beforeAll(async () => {
  await writePhantoms(join(folder, "data"), { n: 8, size: 24, seed: 5, perSubject: 1 })
  expected = await trained("reference", await engineNamed("reference")({}))
  expectedTuned = await trained("tuned", await engineNamed("reference")({}), tuned)
})
afterAll(async () => {
  await wasm.dispose()
  await gpu?.dispose()
})
type Result = typeof expected
const near = ({ losses, learned }: Result, wanted: Result) => {
  expect(losses.length).toBe(wanted.losses.length)
  losses.forEach((loss, i) => expect(Math.abs(loss / wanted.losses[i]! - 1), `batch ${i}`).toBeLessThan(2e-5))
  expect(relativeError(flat(learned), flat(wanted.learned))).toBeLessThan(1e-4)
}
const same = async (name: string, backend: Backend) => {
  near(await trained(name, backend), expected)
  near(await trained(name, backend, tuned), expectedTuned)
}

test("epochs are undone, and steps counted again", () => {
  expect(expected.losses.length).toBe(8)
  expect(expectedTuned.losses.length).toBeGreaterThan(8)
})
test("each option changes what is learned", async () => {
  const { clip: _, ...unclipped } = how
  const { rates: __, ...even } = how
  const backend = await engineNamed("reference")({})
  for (const options of [unclipped, even, { ...how, rateSchedule: { kind: "constant" } as const }])
    expect(
      relativeError(flat((await trained("other", backend, options)).learned), flat(expected.learned)),
    ).toBeGreaterThan(1e-3)
})
test("the CPU engine", async () => same("cpu", await engineNamed("cpu")({})))
test("wasm", async () => same("wasm", backendOf(wasm)))
test.skipIf(gpu === undefined)("WebGPU", async () => same("webgpu", backendOf(gpu!)))
test.skipIf(absent !== undefined)("XLA", async () => {
  await same("xla", xla({ cache: false, env: quick }))
})
