/** A small SAM with adapters on every tfjs engine: masks, gradients and ten steps of training, against float64. */
import { afterAll, describe, expect, test } from "vitest"
import { cpu } from "../../../src/backends/onnx/engine.ts"
import type { WebGpuEngine } from "../../../src/backends/tfjs/engines/webgpu.ts"
import { backendOf } from "../../../src/backends/tfjs/index.ts"
import { trace } from "../../../src/backends/tfjs/trace.ts"
import { evaluate } from "../../../src/compiler/ir/evaluate/index.ts"
import type { Program, Tensors } from "../../../src/compiler/ir/graph.ts"
import { openEngines } from "./engines.ts"
import { allGradients, feedAt, forward, initial, inputs, masksAndLosses, target, training, weights } from "./sam.ts"

const engines = await openEngines()
afterAll(async () => {
  for (const engine of engines.values()) await engine.dispose()
})

const dataOf = (tensors: Tensors) => Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data]))
const reference = (program: Program, feeds: Tensors) =>
  evaluate(program.graph, { ...dataOf(initial(program)), ...dataOf(feeds) })
const largest = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, x) => Math.max(most, Math.abs(x)), 0)
const difference = (a: ArrayLike<number>, b: ArrayLike<number>): number => largest(Array.from(b, (x, i) => x - a[i]!))

const expectedMasks = reference(forward, inputs)
const expectedGradients = reference(allGradients, { ...inputs, target })
/** Losses of ten steps in float64: state by hand. */
const expectedLosses = (() => {
  let state: Record<string, ArrayLike<number>> = dataOf(initial(training))
  return Array.from({ length: 10 }, (_, at) => {
    const out = evaluate(training.graph, { ...state, ...dataOf(feedAt(at + 1)) })
    state = {
      ...state,
      ...Object.fromEntries(Object.entries(training.state).map(([name, next]) => [name, out[next]!.data])),
    }
    return out.loss!.data[0]!
  })
})()

/** The project's CPU engine, onnxruntime, does the same work: masks and ten losses. */
const onCpu = await masksAndLosses(cpu())

/** tfjs keeps a pool for each size, and a buffer is free again only when its commands are submitted. */
const webgpu = engines.get("webgpu") as WebGpuEngine | undefined
test.skipIf(!webgpu)("the traced peak is what a device needs, up to its pool", async () => {
  const { peak: predicted, pooled } = trace(training, { engine: "webgpu", workgroupBytes: 16_384 })
  const before = webgpu!.allocated()
  const run = await backendOf(webgpu!).compile(training)
  await run.load(initial(training))
  await run.run(feedAt(1))
  const measured = webgpu!.allocated() - before
  console.log(
    `memory of a training step: ${predicted} bytes at the peak, ${pooled} in a pool, ${measured} bytes in tfjs's pool (${(measured / predicted).toFixed(2)} ×)`,
  )
  expect(measured).toBeGreaterThanOrEqual(predicted)
  // What is beyond: uniforms, and buffers that wait for a submission.
  expect(measured).toBeLessThan(pooled + 2 ** 20)
  await run.dispose()
})

describe.each([...engines])("a small SAM on %s", (_, engine) => {
  test("masks to 1e-4", async () => {
    const run = await backendOf(engine).compile(forward)
    await run.load(initial(forward))
    const actual = await run.run(inputs)
    for (const [name, { data }] of Object.entries(expectedMasks))
      expect(difference(actual[name]!.data, data) / Math.max(1, largest(data)), name).toBeLessThan(1e-4)
    expect(largest(expectedMasks.masks!.data)).toBeGreaterThan(0.1)
    expect(difference(actual.masks!.data, onCpu.masks)).toBeLessThan(1e-4)
    await run.dispose()
  })

  test("every gradient to 1e-3 of its largest entry", async () => {
    const run = await backendOf(engine).compile(allGradients)
    await run.load(initial(allGradients))
    const actual = await run.run({ ...inputs, target })
    const names = Object.keys(expectedGradients).filter((name) => name.startsWith("grad/"))
    expect(names.length).toBeGreaterThan(100)
    const overall = Math.max(...names.map((name) => largest(expectedGradients[name]!.data)))
    for (const name of names) {
      const expected = expectedGradients[name]!.data
      const off = difference(actual[name]!.data, expected)
      // Softmax does not see a key's bias: its gradient is zero in exact arithmetic, and what is left is rounding of the largest.
      if (/\.k_proj\.bias$/.test(name)) {
        expect(largest(expected), name).toBeLessThan(1e-12 * overall)
        expect(off, name).toBeLessThan(2 ** -23 * overall)
      } else expect(off / Math.max(largest(expected), 1e-5 * overall), name).toBeLessThan(1e-3)
    }
    await run.dispose()
  })

  test("the same steps give the same bits", async () => {
    const weightsAfter = async () => {
      const run = await backendOf(engine).compile(training)
      await run.load(initial(training))
      for (let step = 1; step <= 3; step++) await run.run(feedAt(step))
      const state = await run.read(Object.keys(training.state))
      await run.dispose()
      return state
    }
    expect(await weightsAfter()).toEqual(await weightsAfter())
  })

  test("ten steps of Adam: losses to 1e-4, frozen weights untouched, nothing left behind", async () => {
    const before = engine.count()
    const run = await backendOf(engine).compile(training)
    await run.load(initial(training))
    const losses: number[] = []
    for (let step = 1; step <= 10; step++) losses.push((await run.run(feedAt(step))).loss!.data[0]!)
    expect(difference(losses, expectedLosses)).toBeLessThan(1e-4)
    expect(difference(losses, onCpu.losses)).toBeLessThan(1e-4)
    expect(losses[9]!).toBeLessThan(losses[0]! - 0.005)
    const frozen = "image_encoder.blocks.1.attn.qkv.weight"
    expect((await run.read([frozen]))[frozen]!.data).toEqual(weights[frozen]!.data)
    await run.dispose()
    expect(engine.count()).toBe(before)
  })
})
