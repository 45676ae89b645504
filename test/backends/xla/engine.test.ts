/** The engine whole: training, state that stays on the device, precision, a cache, faults. A SAM's outputs and gradients: sam.test.ts. */
import { mkdtempSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { cpu } from "../../../src/backends/onnx/engine.ts"
import { type XlaOptions, xla } from "../../../src/backends/xla/engine.ts"
import { Builder, type Value } from "../../../src/compiler/ir/builder.ts"
import { evaluate } from "../../../src/compiler/ir/evaluate/index.ts"
import type { Program, Tensors } from "../../../src/compiler/ir/graph.ts"
import { difference } from "../onnx/session.ts"
import { leastSquares, noise, tensor } from "../tfjs/programs.ts"
import { feedAt, initial, training } from "../tfjs/sam.ts"
import { faulty } from "./faulty.ts"
import { absent, pluginPath, quick } from "./plugin.ts"

const plain = (tensors: Tensors) => Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data]))
const open = async (program: Program, tensors: Tensors, options: XlaOptions = {}) => {
  const run = await xla({ cache: false, env: quick, ...options }).compile(program)
  await run.load(tensors)
  return run
}
const bytesOf = (tensors: Tensors): string =>
  Object.entries(tensors)
    .map(([name, { data }]) => `${name}:${Buffer.from(data.slice().buffer).toString("base64")}`)
    .sort()
    .join("\n")
const folder = () => mkdtempSync(join(tmpdir(), "hasam-xla-"))

describe.skipIf(absent !== undefined)("a small SAM with adapters, through a PJRT plugin", () => {
  test("ten Adam steps have the CPU engine's losses; what is read and loaded again goes on with the same bytes", async () => {
    const cache = { folder: folder(), limit: 2 ** 30 }
    const steps = async (run: Awaited<ReturnType<typeof open>>, from: number, to: number) => {
      const losses: number[] = []
      for (let t = from; t <= to; t++) losses.push((await run.run(feedAt(t)))["loss"]!.data[0]!)
      return losses
    }
    const names = Object.keys(training.state)
    const whole = await open(training, initial(training), { cache })
    const losses = await steps(whole, 1, 10)
    const last = await whole.read(names)
    await whole.dispose()

    const engine = await cpu().compile(training)
    await engine.load(initial(training))
    for (let t = 1; t <= 10; t++)
      expect(Math.abs(losses[t - 1]! / (await engine.run(feedAt(t)))["loss"]!.data[0]! - 1)).toBeLessThan(1e-6)
    await engine.dispose()
    expect(losses[9]!).toBeLessThan(losses[0]!)

    // Stopped after the fourth step, in another process, from what was read.
    const first = await open(training, initial(training), { cache })
    await steps(first, 1, 4)
    const state = await first.read(names)
    await first.dispose()
    const second = await open(training, { ...initial(training), ...state }, { cache })
    expect(await steps(second, 5, 10)).toEqual(losses.slice(4))
    expect(bytesOf(await second.read(names))).toBe(bytesOf(last))
    await second.dispose()
  })
})

/** Attention and its gradients, 2 heads of 24 tokens. */
const attending = (): Program => {
  const b = new Builder()
  const [q, k, v, g] = ["q", "k", "v", "g"].map((name) => b.input(name, [1, 2, 24, 8])) as [Value, Value, Value, Value]
  const out = b.attention(q, k, v, { scale: 0.3 })
  const all = b.attentionGrad(q, k, v, out, g, { scale: 0.3 })
  return { graph: b.build({ out, dq: b.part(all, 0), dk: b.part(all, 1), dv: b.part(all, 2) }), state: {} }
}

describe.skipIf(absent !== undefined)("precision", () => {
  test.each([
    ["bf16", 8],
    ["tf32", 11],
  ] as const)("%s rounds operands of products to %i bits, and sums in float32", async (precision, bits) => {
    const program = attending()
    const fed = Object.fromEntries(["q", "k", "v", "g"].map((name, i) => [name, noise(40 + i, [1, 2, 24, 8])]))
    const results = async (options: XlaOptions) => {
      const run = await open(program, {}, options)
      return run.run(fed).finally(() => run.dispose())
    }
    const [exact, rough] = [await results({}), await results({ precision })]
    const right = evaluate(program.graph, plain(fed))
    for (const [name, { data }] of Object.entries(right)) {
      expect(difference(exact[name]!.data, data), name).toBeLessThan(1e-6)
      const off = difference(rough[name]!.data, data)
      // Half a unit in the last bit, of each of two operands, over few products.
      expect(off, name).toBeGreaterThan(2 ** -(bits + 6))
      expect(off, name).toBeLessThan(2 ** -(bits - 1))
    }
  })
})

describe.skipIf(absent !== undefined)("a program", () => {
  const feed = { x: noise(1, [8, 3]), t: noise(2, [8, 1]) }
  const start = { w: noise(3, [3, 1]), steps: tensor([], [0]) }

  test("takes tensors in their places, and says so where they are not", async () => {
    const run = await open(leastSquares(8, 3, 0.1), start)
    await expect(run.run({ x: feed.x })).rejects.toThrow('HS2606: "t" is missing')
    await expect(run.run({ ...feed, t: noise(2, [4, 2]) })).rejects.toThrow("HS2606")
    await expect(run.load({ w: noise(3, [1, 3]) })).rejects.toThrow("HS2606")
    const { loss } = await run.run(feed)
    expect(loss!.shape).toEqual([])
    expect((await run.read(["steps"]))["steps"]!.data[0]).toBe(1)
    await run.load({ steps: tensor([], [41]) })
    await run.run(feed)
    expect((await run.read(["steps"]))["steps"]!.data[0]).toBe(42)
    await run.dispose()
    await expect(run.run(feed)).rejects.toThrow()
  })

  test("is kept on disk; a damaged one, and one of another program, is compiled again", async () => {
    const cache = { folder: folder(), limit: 2 ** 30 }
    const notes: string[] = []
    const compile = async (rate: number) => {
      const run = await xla({ cache, env: quick, note: (line) => notes.push(line) }).compile(leastSquares(8, 3, rate))
      await run.load(start)
      const { loss } = await run.run(feed)
      await run.dispose()
      return { kind: run.from.kind, loss: loss!.data[0]! }
    }
    const first = await compile(0.1)
    expect(first.kind).toBe("compiled")
    const [file] = readdirSync(cache.folder).map((name) => join(cache.folder, name))
    expect(readdirSync(cache.folder)).toHaveLength(1)
    expect((await compile(0.1)).loss).toBe(first.loss)
    expect((await compile(0.2)).kind).toBe("compiled")
    expect(readdirSync(cache.folder)).toHaveLength(2)
    for (const damage of [
      () => truncateSync(file!, 300),
      () => writeFileSync(file!, ""),
      () =>
        writeFileSync(
          file!,
          readFileSync(file!).map((byte, i) => (i === 4000 ? byte ^ 1 : byte)),
        ),
    ]) {
      damage()
      expect(await compile(0.1)).toEqual({ kind: "compiled", loss: first.loss })
      expect(notes.pop()).toMatch(/a kept executable was not used.*damaged/)
    }
  })
  test.skipIf(faulty === undefined)("says that it is compiled, and for how long, where that takes time", async () => {
    const notes: string[] = []
    const env = { ...quick, HASAM_PJRT_PLUGIN: faulty, FAULTY_REAL: pluginPath, FAULTY: "compile:1:wait" }
    const run = await xla({ cache: false, env, note: (line) => notes.push(line) }).compile(leastSquares(8, 3, 0.1))
    await run.dispose()
    expect(notes).toHaveLength(2)
    expect(notes[0]).toMatch(/^compiling \d+ operations for \w+…$/)
    expect(notes[1]).toMatch(/^compiled in \d+\.\d s$/)
  })
  test("is bounded in what it keeps", async () => {
    const cache = { folder: folder(), limit: 1 }
    const run = await xla({ cache, env: quick }).compile(leastSquares(8, 3, 0.1))
    await run.dispose()
    expect(readdirSync(cache.folder)).toEqual([])
  })
})
