import { afterAll, describe, expect, test } from "vitest"
import { defaultLimits } from "../../../src/backends/tfjs/device.ts"
import type { WebGpuEngine } from "../../../src/backends/tfjs/engines/webgpu.ts"
import { openExecutable } from "../../../src/backends/tfjs/execute.ts"
import { backendOf } from "../../../src/backends/tfjs/index.ts"
import { Builder } from "../../../src/compiler/ir/builder.ts"
import type { Tensors } from "../../../src/compiler/ir/graph.ts"
import { cases } from "./cases.ts"
import { tryWebGpu } from "./engines.ts"
import { leastSquares, noise, tensor } from "./programs.ts"

const open: WebGpuEngine[] = []
const engineWith = async (options: Parameters<typeof tryWebGpu>[0] = {}) => {
  const engine = await tryWebGpu(options)
  if (engine) open.push(engine)
  return engine
}
// The null backend needs no driver: it checks WGSL, bindings and limits, and runs nothing.
const validator = await engineWith({ flags: ["backend=null"], limits: defaultLimits })
const gpu = await engineWith()
afterAll(async () => {
  for (const engine of open) await engine.dispose()
})

/** Not every driver has 16-bit floats; SwiftShader has none. */
const tryWebGpuF16 = async () => engineWith({ f16: true })

/** Queries, keys, values and gradient of `heads` heads on a grid, with SAM's tables: out and all gradients. */
const globalAttention = (heads: number, side: number, d: number, gradients: boolean) => {
  const b = new Builder()
  const of = [1, heads, side * side, d]
  const [q, k, v] = [b.input("q", of), b.input("k", of), b.input("v", of)]
  const [h, w] = [b.input("h", [2 * side - 1, d]), b.input("w", [2 * side - 1, d])]
  const attrs = { scale: d ** -0.5, height: side, width: side }
  const out = b.relPosAttention(q, k, v, h, w, attrs)
  if (!gradients) return { graph: b.build({ out }), state: {} }
  const grad = b.relPosAttentionGrad(q, k, v, h, w, out, b.input("g", of), attrs)
  const parts = Object.fromEntries(["dq", "dk", "dv", "dh", "dw"].map((name, at) => [name, b.part(grad, at)]))
  return { graph: b.build({ out, ...parts }), state: {} }
}

describe.skipIf(!validator)("validation without a driver", () => {
  const engine = validator!
  test.each(cases.map((of) => [of.name, of] as const))("%s", async (_, { graph, inputs }) => {
    const run = await backendOf(engine).compile({ graph, state: {} })
    await run.run(inputs)
    await run.dispose()
  })

  test("global attention, 12 heads of 4096 tokens, forward and backward, within the default limits", async () => {
    const program = globalAttention(12, 64, 64, true)
    const run = await backendOf(engine).compile(program)
    const sized = program.graph.nodes.flatMap(({ op, attrs, shape }) =>
      op === "input" ? [[attrs.name, shape] as const] : [],
    )
    await run.run(
      Object.fromEntries(
        sized.map(([name, shape]) => [name, tensor(shape, Array(shape.reduce((a, b) => a * b)).fill(0))]),
      ),
    )
    await run.dispose()
  })

  test("a kernel that is not WGSL is refused", async () => {
    const x = await engine.guarded(() => engine.backend.makeTensorInfo!([4], "float32", new Float32Array(4)))
    const kernel = {
      name: "broken",
      extents: {},
      inputs: ["x"],
      outputs: [{ name: "y", shape: [4] }],
      workgroup: 64,
      groups: 1,
      body: "y[lane] = nothing(x[lane]);",
    }
    await expect(engine.guarded(() => engine.own(kernel, [x]))).rejects.toThrow(
      /HS2603: WebGPU rejected the work: .*nothing/,
    )
  })
})

describe.skipIf(!gpu)("the device", () => {
  const engine = gpu!
  test("a buffer over the binding limit gives a diagnostic, never a stale result; later runs are right", async () => {
    const small = await engineWith({ limits: defaultLimits })
    const build = (n: number) => {
      const b = new Builder()
      return {
        graph: b.build({ y: b.reduceSum(b.broadcast(b.input("x", [1]), [n]), { axes: [0], keepDims: false }) }),
        state: {},
      }
    }
    await expect(backendOf(small!).compile(build(2 ** 25 + 4))).rejects.toThrow("HS2602")
    // Even unchecked, the device's own verdict comes before any data.
    const over = openExecutable(small!, build(2 ** 25 + 4))
    await expect(over.run({ x: tensor([1], [1]) })).rejects.toThrow("HS2603")
    const fine = await backendOf(small!).compile(build(1000))
    expect((await fine.run({ x: tensor([1], [1]) })).y!.data[0]).toBe(1000)
  })

  test("devices opened at once do not disturb one another", async () => {
    const both = await Promise.all([engineWith(), engineWith()])
    expect(both.every((of) => of?.name === "webgpu")).toBe(true)
  })

  test("a run that fails does not advance the state", async () => {
    const run = await backendOf(engine).compile(leastSquares(4, 2, 0.1))
    await run.load({ w: noise(1, [2, 1]), steps: tensor([], [0]) })
    const feed = { x: noise(2, [4, 2]), t: noise(3, [4, 1]) }
    await run.run(feed)
    const { guarded } = engine
    const failing = {
      ...engine,
      guarded: <A>(work: () => A) =>
        guarded(() => {
          const a = work()
          engine.device.device.createBuffer({ size: 4, usage: 0xffff })
          return a
        }),
    }
    const broken = await backendOf(failing).compile(leastSquares(4, 2, 0.1))
    await expect(broken.load({ w: noise(1, [2, 1]), steps: tensor([], [0]) })).rejects.toThrow("HS2603")
    await run.run(feed)
    expect((await run.read(["steps"])).steps!.data[0]).toBe(2)
    await run.dispose()
  })

  test("a lost device says so, at once and from then on", async () => {
    const lost = await engineWith()
    const run = await backendOf(lost!).compile(leastSquares(4, 2, 0.1))
    await run.load({ w: noise(1, [2, 1]), steps: tensor([], [0]) })
    lost!.device.device.destroy()
    await lost!.device.device.lost
    const feed = { x: noise(2, [4, 2]), t: noise(3, [4, 1]) }
    await expect(run.run(feed)).rejects.toThrow("HS2604")
    await expect(run.run(feed)).rejects.toThrow("HS2604")
  })

  test("memory does not grow over 200 steps", async () => {
    const run = await backendOf(engine).compile(leastSquares(64, 8, 0.01))
    await run.load({ w: noise(1, [8, 1]), steps: tensor([], [0]) })
    const feed = { x: noise(2, [64, 8]), t: noise(3, [64, 1]) }
    for (let step = 0; step < 20; step++) await run.run(feed)
    const held = engine.allocated()
    for (let step = 0; step < 200; step++) await run.run(feed)
    expect(engine.allocated()).toBe(held)
    await run.dispose()
    expect(engine.allocated()).toBeLessThan(held / 2)
  })

  test("16-bit products in attention: their error, and gradients that stay in 32", async () => {
    const half = await tryWebGpuF16()
    if (!half) return
    const program = globalAttention(12, 8, 64, true)
    const [q, r] = [
      [1, 12, 64, 64],
      [15, 64],
    ] as const
    const feed = { q: noise(1, q), k: noise(2, q), v: noise(3, q), g: noise(4, q), h: noise(5, r), w: noise(6, r) }
    const results = []
    for (const of of [engine, half]) {
      const run = await backendOf(of).compile(program)
      results.push(await run.run(feed))
      await run.dispose()
    }
    const [exact, rounded] = results as [Tensors, Tensors]
    const errorOf = (name: string) => {
      const [a, b] = [exact[name]!.data, rounded[name]!.data]
      const largest = a.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
      return a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0) / largest
    }
    console.log(
      `f16 attention, relative to the largest value: ${Object.keys(exact)
        .map((name) => `${name} ${errorOf(name).toExponential(1)}`)
        .join(", ")}`,
    )
    expect(errorOf("out")).toBeGreaterThan(0)
    expect(errorOf("out")).toBeLessThan(5e-3)
    // They see 16 bits only through the output that they are given.
    for (const name of ["dq", "dk", "dh", "dw"]) expect(errorOf(name), name).toBeLessThan(5e-3)
    expect(errorOf("dv")).toBe(0)
  })

  // All of ViT-B's heads, and as many tokens as it has at 1024 × 1024; both at once are a minute of a software driver.
  test.each([
    [12, 64, 8],
    [1, 16, 64],
  ])("global attention, %i heads of %i features on a grid of %i: some rows against float64", async (heads, d, side) => {
    const n = side * side
    const inputs = {
      q: noise(1, [1, heads, n, d]),
      k: noise(2, [1, heads, n, d]),
      v: noise(3, [1, heads, n, d]),
      h: noise(4, [2 * side - 1, d]),
      w: noise(5, [2 * side - 1, d]),
    }
    for (const name of ["h", "w"] as const)
      inputs[name].data.forEach((x, i, all) => {
        all[i] = 0.1 * x
      })
    const run = await backendOf(engine).compile(globalAttention(heads, side, d, false))
    const start = performance.now()
    const { out } = await run.run(inputs)
    console.log(
      `global attention forward on ${engine.device.info.description}: ${((performance.now() - start) / 1000).toFixed(1)} s (a software driver; no measure of a GPU)`,
    )
    const at = (name: keyof typeof inputs, row: number, c: number) => inputs[name].data[row * d + c]!
    for (const [head, i] of [
      [0, 0],
      [heads >> 1, Math.floor(0.3 * n)],
      [heads - 1, n - 1],
    ] as const) {
      const row = head * n + i
      const dot = (f: (c: number) => number) => Array.from({ length: d }, (_, c) => f(c)).reduce((a, b) => a + b)
      const [y, x] = [Math.floor(i / side), i % side]
      const byRow = Array.from({ length: side }, (_, ky) => dot((c) => at("q", row, c) * at("h", y - ky + side - 1, c)))
      const byColumn = Array.from({ length: side }, (_, kx) =>
        dot((c) => at("q", row, c) * at("w", x - kx + side - 1, c)),
      )
      const scores = Array.from(
        { length: n },
        (_, j) =>
          dot((c) => at("q", row, c) * at("k", head * n + j, c)) / Math.sqrt(d) +
          byRow[Math.floor(j / side)]! +
          byColumn[j % side]!,
      )
      const top = Math.max(...scores)
      const p = scores.map((s) => Math.exp(s - top))
      const total = p.reduce((a, b) => a + b)
      for (let c = 0; c < d; c++) {
        const expected = p.reduce((sum, weight, j) => sum + weight * at("v", head * n + j, c), 0) / total
        expect(Math.abs(out!.data[row * d + c]! - expected)).toBeLessThan(1e-5)
      }
    }
    await run.dispose()
  })
})
