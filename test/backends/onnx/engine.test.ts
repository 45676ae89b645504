/** The CPU engine whole: its thread, its state, its errors. */
import { availableParallelism } from "node:os"
import { describe, expect, test } from "vitest"
import { type CpuOptions, cpu, defaultThreads } from "../../../src/backends/onnx/engine.ts"
import { lower } from "../../../src/backends/onnx/lower.ts"
import { runOrder, writtenInPlace } from "../../../src/backends/onnx/order.ts"
import { evaluate } from "../../../src/compiler/ir/evaluate/index.ts"
import type { Program, Tensors } from "../../../src/compiler/ir/graph.ts"
import { leastSquares, noise, tensor } from "../tfjs/programs.ts"
import { allGradients, feedAt, forward, initial, inputs, target, training, weights } from "../tfjs/sam.ts"
import { difference } from "./session.ts"

const plain = (tensors: Tensors) => Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data]))
const open = async (program: Program, tensors: Tensors, options: CpuOptions = {}) => {
  const run = await cpu(options).compile(program)
  await run.load(tensors)
  return run
}
const bytesOf = (tensors: Tensors): string =>
  Object.entries(tensors)
    .map(
      ([name, { data }]) => `${name}:${Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64")}`,
    )
    .sort()
    .join("\n")

// Attention in pieces, and whole: a file of pieces takes WebAssembly longer to open than to run.
describe.each([
  ["native", { scores: 200 }],
  ["wasm", {}],
] as const)("a small SAM with adapters, %s", (engine, pieces) => {
  test("segments as the reference does", async () => {
    const run = await open(forward, weights, { engine, ...pieces })
    const actual = await run.run(inputs)
    await run.dispose()
    const expected = evaluate(forward.graph, plain({ ...weights, ...inputs }))
    expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort())
    for (const [name, { data, shape }] of Object.entries(expected)) {
      expect(actual[name]!.shape).toEqual(shape)
      expect(difference(actual[name]!.data, data), name).toBeLessThan(1e-5)
    }
  })

  test("has the reference's gradients, of every parameter", async () => {
    const run = await open(allGradients, weights, { engine, ...pieces })
    const actual = await run.run({ ...inputs, target })
    await run.dispose()
    const expected = evaluate(allGradients.graph, plain({ ...weights, ...inputs, target }))
    // Against the largest gradient of all: biases before a norm have none but noise.
    const largest = Math.max(
      ...Object.values(expected).map(({ data }) => data.reduce((m, x) => Math.max(m, Math.abs(x)), 0)),
    )
    for (const [name, { data }] of Object.entries(expected)) {
      const off = data.reduce((worst, x, i) => Math.max(worst, Math.abs(x - actual[name]!.data[i]!)), 0)
      expect(off / largest, name).toBeLessThan(1e-5)
    }
  })
})

describe("training", () => {
  const steps = async (options: CpuOptions = {}) => {
    const run = await open(training, initial(training), options)
    const losses: number[] = []
    for (let t = 1; t <= 5; t++) losses.push((await run.run(feedAt(t)))["loss"]!.data[0]!)
    const state = await run.read(Object.keys(training.state))
    await run.dispose()
    return { losses, state }
  }

  const once = steps({ threads: 2 })
  once.catch(() => {})
  test("five Adam steps have the reference's losses", async () => {
    let values: Tensors = initial(training)
    const { losses } = await once
    for (let t = 1; t <= 5; t++) {
      const result = evaluate(training.graph, plain({ ...values, ...feedAt(t) }))
      expect(Math.abs(losses[t - 1]! / result["loss"]!.data[0]! - 1)).toBeLessThan(1e-6)
      const next = Object.entries(training.state).map(([name, output]) => {
        const { shape, data } = result[output]!
        return [name, { shape, data: Float32Array.from(data) }] as const
      })
      values = { ...values, ...Object.fromEntries(next) }
    }
  })
  test("twice gives the same bytes", async () => {
    const [a, b] = [await once, await steps({ threads: 2 })]
    expect(a.losses).toEqual(b.losses)
    expect(bytesOf(a.state)).toBe(bytesOf(b.state))
  })
  test("goes on from what was read, to the same bytes", async () => {
    const run = await open(training, initial(training))
    for (let t = 1; t <= 2; t++) await run.run(feedAt(t))
    const saved = await run.read(Object.keys(training.state))
    await run.run(feedAt(3))
    const through = bytesOf(await run.read(Object.keys(training.state)))
    await run.load(saved)
    await run.run(feedAt(3))
    expect(bytesOf(await run.read(Object.keys(training.state)))).toBe(through)
    await run.dispose()
    expect(bytesOf(saved)).not.toBe(through)
  })
  test("runs that overlap follow one another", async () => {
    const program = leastSquares(8, 3, 0.1)
    const given = { w: tensor([3, 1], [0, 0, 0]), steps: tensor([], [0]) }
    const fed = { x: noise(1, [8, 3]), t: noise(2, [8, 1]) }
    const run = await open(program, given)
    const losses = await Promise.all(Array.from({ length: 20 }, () => run.run(fed)))
    expect((await run.read(["steps"]))["steps"]!.data[0]).toBe(20)
    const values = losses.map(({ loss }) => loss!.data[0]!)
    expect(values).toEqual([...values].sort((a, b) => b - a))
    await run.dispose()
  })
})

test("HASAM_THREADS: as many as it says, else all; what is no number is told", () => {
  expect(defaultThreads({ HASAM_THREADS: "3" })).toBe(3)
  expect(defaultThreads({})).toBe(availableParallelism())
  for (const wrong of ["0", "1.5", "many", "1e9"])
    expect(() => defaultThreads({ HASAM_THREADS: wrong })).toThrow(`HS5002: '${wrong}' is not a whole number`)
})

describe("memory", () => {
  test("weights that are given change hands; others stay the caller's", async () => {
    const program = leastSquares(2, 3, 0.1)
    const run = await cpu({ threads: 1 }).compile(program)
    const [w, steps] = [tensor([3, 1], [1, 2, 3]), tensor([], [0])]
    await run.load({ w })
    expect(w.data).toEqual(Float32Array.of(1, 2, 3))
    await run.load({ w, steps }, { give: true })
    expect(w.data).toHaveLength(0)
    expect((await run.read(["w"]))["w"]!.data).toEqual(Float32Array.of(1, 2, 3))
    await run.dispose()
  })
  test("a part of a larger buffer is taken alone", async () => {
    const program = leastSquares(2, 3, 0.1)
    const whole = Float32Array.of(9, 1, 2, 3, 9)
    const run = await open(program, { w: { shape: [3, 1], data: whole.subarray(1, 4) } })
    expect((await run.read(["w"]))["w"]!.data.buffer.byteLength).toBe(12)
    await run.load({ w: { shape: [3, 1], data: whole.subarray(1, 4) } }, { give: true })
    expect(whole).toHaveLength(5)
    await run.dispose()
  })
  test("the event loop turns while a program runs", async () => {
    const run = await open(training, initial(training), { threads: 1 })
    let turns = 0
    const timer = setInterval(() => {
      turns += 1
    }, 1)
    for (let t = 1; t <= 5; t++) await run.run(feedAt(t))
    clearInterval(timer)
    await run.dispose()
    expect(turns).toBeGreaterThan(5)
  })
  test("after dispose nothing runs", async () => {
    const run = await open(forward, weights)
    await run.dispose()
    await expect(run.run(inputs)).rejects.toThrow("disposed")
  })
})

describe("programs beside one another", () => {
  test("share what is loaded, and see what was learned", async () => {
    const backend = cpu()
    const trainer = await backend.compile(training)
    await trainer.load(initial(training))
    const beside = await backend.compile(forward, trainer)
    const own = beside.missing!()
    const names = new Set(Object.keys(initial(training)))
    expect(own.filter((name) => names.has(name))).toEqual([])
    await beside.load(Object.fromEntries(own.map((name) => [name, weights[name]!])))
    expect(beside.missing!()).toEqual([])
    const before = await beside.run(inputs)
    for (let t = 1; t <= 3; t++) await trainer.run(feedAt(t))
    const after = await beside.run(inputs)
    expect(difference(after["masks"]!.data, before["masks"]!.data)).toBeGreaterThan(1e-4)

    const learned = await trainer.read(Object.keys(training.state))
    const alone = await open(forward, { ...weights, ...learned })
    expect(bytesOf(after)).toBe(bytesOf(await alone.run(inputs)))
    await alone.dispose()
    await trainer.dispose()
    expect(bytesOf(await beside.run(inputs))).toBe(bytesOf(after))
    await beside.dispose()
  })
  test("state is written in place, all of it", () => {
    const { nodes } = lower(training.graph)
    expect(writtenInPlace(runOrder(nodes), training.state)).toEqual(Object.keys(training.state))
  })
  test("what is read after it was written is not", () => {
    const add = (inputs: readonly string[], output: string) => ({ op: "Add", inputs, outputs: [output] })
    expect(writtenInPlace([add(["w", "g"], "next"), add(["w", "g"], "y")], { w: "next" })).toEqual([])
    expect(writtenInPlace([add(["w", "g"], "y"), add(["w", "g"], "next")], { w: "next" })).toEqual(["w"])
    expect(writtenInPlace([{ op: "Gemm", inputs: ["w", "g"], outputs: ["next"] }], { w: "next" })).toEqual([])
  })
})
