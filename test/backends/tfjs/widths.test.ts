/**
 * One block of SAM ViT-B's widths and its whole decoder, gradients included, against the CPU engine. Engines choose other
 * kernels at these widths than in a small SAM: tfjs's product of a decoder's MLP was wrong here, and only here.
 */
import { afterAll, describe, expect, test } from "vitest"
import { cpu } from "../../../src/backends/onnx/engine.ts"
import { backendOf } from "../../../src/backends/tfjs/index.ts"
import type { Tensors } from "../../../src/compiler/ir/graph.ts"
import { standardSizes } from "../../../src/compiler/passes/elaborate/index.ts"
import { gradientProgram } from "../../../src/compiler/passes/program.ts"
import {
  adapt,
  afterAttention,
  bceWithLogits,
  freezeAll,
  inMlpResidual,
  linear,
  pipe,
  type Rank,
  relu,
  residual,
  sam,
  schedule,
  sequential,
} from "../../../src/dsl/index.ts"
import { networkOf } from "../../../src/dsl/network.ts"
import { tensorsOf } from "../../../src/dsl/tensors.ts"
import { openEngines } from "./engines.ts"
import { noise, tensor } from "./programs.ts"

const side = 128
const adapter = (rank: Rank) => residual(sequential(linear(768, rank), relu, linear(rank, 768)))
const model = pipe(
  sam({ width: 768, depth: 1, heads: 12, globalBlocks: [0], imageSize: side }),
  freezeAll,
  adapt(
    schedule(1, () => 60),
    (rank) => [afterAttention(adapter(rank)), inMlpResidual(adapter(rank))],
  ),
).data
const tensors = tensorsOf(networkOf(model))
const learning = tensors.flatMap(({ name, adaptation }) => (adaptation === undefined ? [] : [name]))
const { program } = gradientProgram(model, standardSizes(model), { learning, loss: bceWithLogits() })

const weights: Tensors = Object.fromEntries(
  tensors.map(({ name, shape }, at) => {
    const fan = shape.slice(1).reduce((a, b) => a * b, 1)
    const norm = /norm|neck\.[13]|output_upscaling\.1/.test(name) && name.endsWith("weight")
    const { data } = noise(at, shape)
    return [name, { shape, data: data.map((x) => (norm ? 1 + 0.1 * x : x / Math.sqrt(Math.max(fan, 4)))) }]
  }),
)
const image = noise(1, [1, 3, side, side])
const inputs: Tensors = {
  image: { ...image, data: image.data.map((x) => 120 + 40 * x) },
  point_coords: tensor([1, 1, 2], [50, 60]),
  point_labels: tensor([1, 1], [1]),
  target: { shape: [1, 1, side, side], data: noise(2, [side * side]).data.map((x) => (x > 0 ? 1 : 0)) },
}

const engines = await openEngines()
afterAll(async () => {
  for (const engine of engines.values()) await engine.dispose()
})
const runOn = async (backend: ReturnType<typeof backendOf>) => {
  const run = await backend.compile(program)
  await run.load(weights)
  const outputs = await run.run(inputs)
  await run.dispose()
  return outputs
}
const expected = await runOn(cpu())

// tfjs in plain JavaScript would take a minute.
describe.each([...engines].filter(([name]) => name !== "cpu"))("ViT-B's widths on %s", (_, engine) => {
  test("outputs to 1e-4 and gradients to 1e-3 of the CPU engine's", async () => {
    const actual = await runOn(backendOf(engine))
    expect(Object.keys(actual).filter((name) => name.startsWith("grad/"))).toHaveLength(8)
    for (const [name, { data }] of Object.entries(expected)) {
      const largest = data.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
      const worst = data.reduce((most, x, i) => Math.max(most, Math.abs(x - actual[name]!.data[i]!)), 0)
      expect(largest, name).toBeGreaterThan(0)
      expect(worst / largest, name).toBeLessThan(name.startsWith("grad/") ? 1e-3 : 1e-4)
    }
  })
})
