/** Frozen weights in 8 and 16 bits: the engine computes with the values that come back, and holds nothing wider between ops. */
import { describe, expect, test } from "vitest"
import { type CpuOptions, cpu } from "../../../src/backends/onnx/engine.ts"
import { lower } from "../../../src/backends/onnx/lower.ts"
import { cpuMemory } from "../../../src/backends/onnx/memory.ts"
import { frozenOf } from "../../../src/compiler/analysis/frozen.ts"
import { memoryOf } from "../../../src/compiler/analysis/memory.ts"
import { learningNames } from "../../../src/compiler/analysis/parameters.ts"
import { evaluate } from "../../../src/compiler/ir/evaluate/index.ts"
import { type Program, sizeOf, type Tensors } from "../../../src/compiler/ir/graph.ts"
import { rounded, type Stored, storedBytes } from "../../../src/compiler/ir/stored.ts"
import { parse, print } from "../../../src/compiler/ir/text.ts"
import { store } from "../../../src/compiler/passes/store.ts"
import { engines } from "../../../src/runtime/engines.ts"
import { feedAt, forward, initial, inputs, smallSam, training, weights } from "../tfjs/sam.ts"
import { difference } from "./session.ts"

const plain = (tensors: Tensors) => Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data]))
const ways = ["int8", "bf16"] as const
const frozenAs = (as: Stored) => frozenOf(smallSam, as)!
/** The program with the float64 reference's own rounding, so that nothing of the engine's is trusted. */
const stored = ({ graph, state }: Program, as: Stored): Program => ({ graph: store(graph, frozenAs(as)), state })
const parameters = ({ graph }: Program) => graph.nodes.flatMap((node) => (node.op === "parameter" ? [node] : []))

describe("what comes back", () => {
  const back = (as: Stored, values: readonly number[], channels = 1) =>
    rounded(as, { shape: [channels, values.length / channels], data: Float32Array.from(values) })
  test("int8: steps of a 127th of each channel's largest", () => {
    expect([...back("int8", [127, -127, 1.4, 0.5, 0, 0, 0, 0, 1, 0.5, -2.54, 0.001], 3)]).toEqual(
      [127, -127, 1, 1, 0, 0, 0, 0, 50, 25, -127, 0].map((q, i) =>
        Math.fround(q * Math.fround(i < 8 ? 1 : 2.54 / 127)),
      ),
    )
  })
  test("bf16: the nearest of 8 significant bits, of two the even one", () => {
    const ulp = 2 ** -7
    expect([...back("bf16", [1, 1 + ulp, 1 + ulp / 2, 1 + 1.5 * ulp, 1 + 0.51 * ulp, -3e38, 0])]).toEqual([
      ...[1, 1 + ulp, 1, 1 + 2 * ulp, 1 + ulp],
      ...[Math.fround(-3e38), 0].map(
        (x) =>
          new Float32Array(
            Uint32Array.of((new Uint32Array(Float32Array.of(x).buffer)[0]! + 0x7fff) & 0xffff0000).buffer,
          )[0]!,
      ),
    ])
  })
  test("what is not finite stays so", () => {
    expect([...back("bf16", [Number.NaN, Number.POSITIVE_INFINITY])]).toEqual([Number.NaN, Number.POSITIVE_INFINITY])
    expect([...back("int8", [1, Number.NaN])].some(Number.isFinite)).toBe(false)
  })
})

describe.each(ways)("frozen weights as %s", (as) => {
  test.each(["native", "wasm"] as const)(
    "a small SAM segments as the reference with rounded weights, %s",
    async (engine) => {
      const run = await cpu({ threads: 1, engine, scores: 600, frozen: frozenAs(as) }).compile(forward)
      await run.load(weights)
      const actual = await run.run(inputs)
      await run.dispose()
      const expected = evaluate(stored(forward, as).graph, plain({ ...weights, ...inputs }))
      const unrounded = evaluate(forward.graph, plain({ ...weights, ...inputs }))
      for (const [name, { data }] of Object.entries(expected)) {
        expect(difference(actual[name]!.data, data), name).toBeLessThan(1e-5)
        // Rounding is seen: the engine does not compute with what it was given.
        expect(difference(unrounded[name]!.data, data), name).toBeGreaterThan(1e-3)
      }
    },
  )

  const steps = async (options: CpuOptions) => {
    const run = await cpu({ threads: 1, ...options }).compile(training)
    await run.load(initial(training))
    const losses: number[] = []
    for (let t = 1; t <= 3; t++) losses.push((await run.run(feedAt(t)))["loss"]!.data[0]!)
    const beside = await cpu({ threads: 1, ...options }).compile(forward, run)
    // What one program has loaded as it is kept, the other reads so.
    const there = new Set(parameters(training).map(({ attrs }) => attrs.name))
    expect(beside.missing!().filter((name) => there.has(name))).toEqual([])
    await beside.load(Object.fromEntries(beside.missing!().map((name) => [name, weights[name]!])))
    const { masks } = await beside.run(inputs)
    const state = await run.read(Object.keys(training.state))
    await run.dispose()
    await beside.dispose()
    return { losses, state, masks: masks! }
  }
  test("three Adam steps, and segmenting beside them with the same weights, are the reference's", async () => {
    const { losses, state, masks } = await steps({ frozen: frozenAs(as) })
    const program = stored(training, as)
    let values: Tensors = initial(training)
    for (let t = 1; t <= 3; t++) {
      const result = evaluate(program.graph, plain({ ...values, ...feedAt(t) }))
      expect(Math.abs(losses[t - 1]! / result["loss"]!.data[0]! - 1)).toBeLessThan(1e-6)
      const next = Object.entries(training.state).map(([name, output]) => {
        const { shape, data } = result[output]!
        return [name, { shape, data: Float32Array.from(data) }] as const
      })
      values = { ...values, ...Object.fromEntries(next) }
    }
    const expected = evaluate(stored(forward, as).graph, plain({ ...weights, ...state, ...inputs }))
    expect(difference(masks.data, expected["masks"]!.data)).toBeLessThan(1e-5)
  })

  test("no frozen weight of a product is there in 32 bits, and each op that reads one restores it", () => {
    const { graph } = stored(training, as)
    const model = lower(graph)
    const { names } = frozenAs(as)
    expect(names.size).toBeGreaterThan(20)
    expect(learningNames(smallSam).filter((name) => names.has(name))).toEqual([])
    const kind = as === "int8" ? "int8" : "uint16"
    const kept = model.inputs.filter(({ name }) => names.has(name))
    expect(kept.length).toBeGreaterThan(20)
    expect(kept.filter(({ type }) => type !== kind)).toEqual([])
    const readers = model.nodes.filter(({ inputs: [first] }) => names.has(first!)).map(({ op }) => op)
    expect([...new Set(readers)]).toEqual([as === "int8" ? "DequantizeLinear" : "BitCast"])
    const uses = model.nodes.flatMap(({ inputs }) => inputs.filter((name) => names.has(name)))
    // Forward and backward: more than one for each.
    expect(uses.length).toBeGreaterThan(kept.length)
    const readBy = (name: string) => model.nodes.filter(({ op, inputs }) => op !== "Size" && inputs.includes(name))
    for (const { outputs, inputs } of model.nodes.filter(({ inputs: [first] }) => names.has(first!))) {
      const [reader, ...others] = readBy(outputs[0]!)
      expect(others, inputs[0]).toEqual([])
      if (as === "bf16") expect([reader!.op, readBy(reader!.outputs[0]!).length]).toEqual(["Cast", 1])
      else expect(reader!.op).not.toBe("Cast")
    }
  })

  test("memory is predicted: what stays is smaller by what is saved", () => {
    const of = (program: Program) => memoryOf({ program, gradients: new Map() }, cpuMemory)
    const [before, after] = [of(training), of(stored(training, as))]
    const saved = parameters(stored(training, as)).reduce(
      (sum, { attrs, shape }) => sum + (attrs.stored === undefined ? 0 : 4 * sizeOf(shape) - storedBytes(as, shape)),
      0,
    )
    expect(saved).toBeGreaterThan(10_000)
    expect(before.weights - after.weights).toBe(saved)
    expect(after.peak).toBeLessThan(before.peak)
    expect(after.overhead).toBeGreaterThan(before.overhead)
  })

  test("a program as text says it, and is read again", () => {
    const program = stored(forward, as)
    expect(print(program)).toContain(`stored="${as}"`)
    expect(parse(print(program))).toEqual(program)
  })
})

test("float32 asks for nothing", async () => {
  expect(frozenOf(smallSam, "float32")).toBeUndefined()
  expect(frozenOf(smallSam, undefined)).toBeUndefined()
  await expect(engines.reference({ frozen: frozenAs("int8") })).rejects.toThrow(/HS2511/)
})
