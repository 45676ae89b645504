import { describe, expect, test } from "vitest"
import { fitsOf, memoryOf, memoryOfModel } from "../../src/compiler/analysis/memory.ts"
import { sizeOf } from "../../src/compiler/ir/graph.ts"
import { compile } from "../../src/compiler/passes/pipeline.ts"
import { adam, samVitB } from "../../src/dsl/index.ts"
import { everything, learning, loss, model, sizes, tensors } from "../passes/models.ts"

const mib = 2 ** 20
const optimizer = adam({ rate: 1e-3 })
const bytes = (names: readonly string[]) =>
  tensors.reduce((sum, { name, shape }) => sum + (names.includes(name) ? 4 * shape.reduce((a, b) => a * b, 1) : 0), 0)
const of = (names: readonly string[]) =>
  compile({ model, sizes, decompose: {}, goal: { kind: "training", learning: names, loss, optimizer } })

describe("a training step", () => {
  const compiled = of(learning)
  const memory = memoryOf(compiled)

  test("its parts add up to the peak", () => {
    const { weights, optimizerState, inputs, gradients, nextState, activations, peak } = memory
    expect(weights + optimizerState + inputs + gradients + nextState + activations).toBe(peak)
  })
  test("state in place: the same, and next values take nothing", () => {
    const inPlace = memoryOf(compiled, { inPlace: true })
    const { weights, optimizerState, inputs, gradients, nextState, activations, peak } = inPlace
    expect(weights + optimizerState + inputs + gradients + nextState + activations).toBe(peak)
    expect(nextState).toBe(0)
    expect(inputs).toBe(memory.inputs)
    expect(optimizerState).toBe(memory.optimizerState)
    expect(peak).toBeLessThanOrEqual(memory.peak)
  })
  test("Adam holds two moments of what learns and receives a gradient, and of nothing else", () => {
    expect(memory.optimizerState).toBe(2 * bytes(compiled.receiving))
    const all = of(everything)
    expect(all.receiving.length).toBeLessThan(everything.length)
    expect(memoryOf(all).optimizerState).toBe(2 * bytes(all.receiving))
  })
  test("more that learns needs more", () => {
    expect(memoryOf(of(everything)).peak).toBeGreaterThan(memory.peak)
  })
})

test("inference needs weights and the widest moment", () => {
  const { inference, training } = memoryOfModel(model, { learning, loss, optimizer })
  expect(inference.optimizerState + inference.gradients + inference.nextState).toBe(0)
  expect(inference.peak).toBeLessThan(training!.peak)
  expect(memoryOfModel(model).training).toBeUndefined()
})

describe("SAM ViT-B", () => {
  /** Query rows of a global block at a time. */
  const at = (rows = 512) =>
    memoryOfModel(samVitB.data, { engine: { decompose: { scores: rows * 12 * 4096 } } }).inference

  test("weights are those of the checkpoint, but for what one point does not touch", () => {
    const { weights } = at()
    expect(weights).toBeGreaterThan(0.98 * 4 * 93_735_472)
    expect(weights).toBeLessThanOrEqual(4 * (93_735_472 + 2 * 128 + 6))
  })
  test("its largest buffer is the scores of one of a global block's heads, and is named", () => {
    const { largest } = at(512)
    expect(largest.bytes).toBe(4 * 4096 * 4096)
    expect(largest.from).toMatch(/^image_encoder\.blocks\.(2|5|8|11)\.attn$/)
  })
  test("all heads at once do not fit WebGPU's smallest binding, one does", () => {
    const binding = (rows: number) => fitsOf(at(rows)).at(-1)!
    expect(binding(512)).toMatchObject({ needed: 64 * mib, available: 128 * mib, fits: true })
    expect(binding(4096)).toMatchObject({ needed: 768 * mib, fits: false })
  })
})

test("a device fits what it has room for, the engine's overhead included", () => {
  const compiled = of(learning)
  const { peak } = memoryOf(compiled)
  const fits = (fixed: number) =>
    fitsOf(memoryOf(compiled, { overhead: { fixed, perNode: 0, slack: 0, given: 0 } })).map(({ fits }) => fits)
  const gib = 2 ** 30
  expect(fits(8 * gib - peak)).toEqual([true, true, true, true, true])
  expect(fits(8 * gib - peak + 1)).toEqual([false, true, true, true, true])
  expect(fits(24 * gib - peak)).toEqual([false, false, false, true, true])
})

test("overhead grows with nodes, with what a run makes and with what it gives, as measured for an engine", () => {
  const compiled = of(learning)
  const tensors = memoryOf(compiled)
  const { overhead, total } = memoryOf(compiled, { overhead: { fixed: 1000, perNode: 10, slack: 0.5, given: 2 } })
  const made = tensors.gradients + tensors.nextState + tensors.activations
  const { nodes, outputs } = compiled.program.graph
  const given = outputs.reduce((sum, { value }) => sum + 4 * sizeOf(nodes[value]!.shape), 0)
  expect(overhead).toBe(Math.round(1000 + 10 * nodes.length + 0.5 * made + 2 * given))
  expect(total).toBe(tensors.peak + overhead)
  expect(tensors.total).toBe(tensors.peak)
})
