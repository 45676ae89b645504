import { afterAll, describe, expect, test } from "vitest"
import { backendOf } from "../../../src/backends/tfjs/index.ts"
import { Builder } from "../../../src/compiler/ir/builder.ts"
import { openEngines } from "./engines.ts"
import { leastSquares, noise, tensor } from "./programs.ts"

const engines = await openEngines()
afterAll(async () => {
  for (const engine of engines.values()) await engine.dispose()
})

describe.each([...engines])("a program on %s", (_, engine) => {
  test("learns, and leaves nothing behind in 1,000 steps", async () => {
    const truth = [1.5, -2, 0.25]
    const [n, d] = [16, truth.length]
    const x = noise(7, [n, d])
    const t = tensor(
      [n, 1],
      Array.from({ length: n }, (_, i) => truth.reduce((sum, w, j) => sum + w * x.data[i * d + j]!, 0)),
    )
    const before = engine.count()
    const run = await backendOf(engine).compile(leastSquares(n, d, 0.1))
    await run.load({ w: tensor([d, 1], [0, 0, 0]), steps: tensor([], [0]) })
    const first = await run.run({ x, t })
    expect(Object.keys(first)).toEqual(["loss"])
    const resting = engine.count()
    for (let step = 1; step < 1000; step++) await run.run({ x, t })
    expect(engine.count()).toBe(resting)
    const state = await run.read(["w", "steps"])
    expect(state.steps!.data[0]).toBe(1000)
    truth.forEach((w, j) => {
      expect(state.w!.data[j]).toBeCloseTo(w, 4)
    })
    await run.dispose()
    expect(engine.count()).toBe(before)
  })

  test("runs asked for at once happen one after another", async () => {
    const run = await backendOf(engine).compile(leastSquares(4, 2, 0.1))
    await run.load({ w: noise(1, [2, 1]), steps: tensor([], [0]) })
    const feed = { x: noise(2, [4, 2]), t: noise(3, [4, 1]) }
    const losses = (await Promise.all([1, 2, 3].map(() => run.run(feed)))).map(({ loss }) => loss!.data[0]!)
    expect(losses[0]! > losses[1]! && losses[1]! > losses[2]!).toBe(true)
    expect((await run.read(["steps"])).steps!.data[0]).toBe(3)
    await run.dispose()
  })

  test("does not keep the caller's arrays", async () => {
    const b = new Builder()
    const graph = b.build({ y: b.scale(b.parameter("p", [2]), 2) })
    const run = await backendOf(engine).compile({ graph, state: {} })
    const p = tensor([2], [1, 2])
    await run.load({ p })
    p.data.fill(9)
    expect([...(await run.run({})).y!.data]).toEqual([2, 4])
    await run.dispose()
  })

  test("what is read once more is the same, and an output may be an input", async () => {
    const b = new Builder()
    const x = b.input("x", [3])
    const run = await backendOf(engine).compile({ graph: b.build({ x, again: x, r: b.reshape(x, [3, 1]) }), state: {} })
    const out = await run.run({ x: tensor([3], [1, 2, 3]) })
    expect(Object.values(out).map(({ data }) => [...data])).toEqual([
      [1, 2, 3],
      [1, 2, 3],
      [1, 2, 3],
    ])
    expect(out.r!.shape).toEqual([3, 1])
    await run.dispose()
  })

  test("wrong tensors are refused by name, and state stays as it was", async () => {
    const run = await backendOf(engine).compile(leastSquares(4, 2, 0.1))
    const feed = { x: noise(2, [4, 2]), t: noise(3, [4, 1]) }
    await expect(run.run(feed)).rejects.toThrow('HS2606: "w" was not loaded')
    await run.load({ w: noise(1, [2, 1]), steps: tensor([], [5]) })
    await expect(run.run({ x: feed.x })).rejects.toThrow('HS2606: "t" is missing')
    await expect(run.run({ ...feed, x: noise(1, [2, 4]) })).rejects.toThrow(
      'HS2606: "x" has shape [2,4], the program expects [4,2]',
    )
    await expect(run.run({ ...feed, w: noise(1, [2, 1]) })).rejects.toThrow("HS2606")
    await expect(run.load({ x: feed.x })).rejects.toThrow('HS2606: "x" is fed at each run, not loaded')
    await expect(run.read(["nothing"])).rejects.toThrow("HS2606")
    expect((await run.read(["steps"])).steps!.data[0]).toBe(5)
    await run.dispose()
  })
})
