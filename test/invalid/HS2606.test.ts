import { expect, test } from "vitest"
import { cpuBackend } from "../../src/backends/tfjs/index.ts"
import { Builder } from "../../src/compiler/ir/builder.ts"

const b = new Builder()
const graph = b.build({ y: b.add(b.input("x", [2, 3]), b.parameter("p", [3])) })
const compiled = async () => (await cpuBackend()).compile({ graph, state: {} })
const of = (shape: readonly number[], values: number) => ({ shape, data: new Float32Array(values) })

test("a parameter that was not loaded, an input that is missing", async () => {
  const run = await compiled()
  await expect(run.run({ x: of([2, 3], 6) })).rejects.toThrow('HS2606: "p" was not loaded')
  await run.load({ p: of([3], 3) })
  await expect(run.run({})).rejects.toThrow('HS2606: "x" is missing')
})

test("another shape, and values that do not fill a shape", async () => {
  const run = await compiled()
  await expect(run.load({ p: of([4], 4) })).rejects.toThrow('HS2606: "p" has shape [4], the program expects [3]')
  await expect(run.load({ p: of([3], 4) })).rejects.toThrow('HS2606: "p" has 4 values, its shape [3] needs 3')
})
