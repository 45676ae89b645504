import { expect, test } from "vitest"
import { cpu } from "../../../src/backends/onnx/engine.ts"
import { leastSquares, tensor } from "../tfjs/programs.ts"

test("tensors that a program does not take are refused, by name", async () => {
  const run = await cpu({ threads: 1 }).compile(leastSquares(2, 3, 0.1))
  const [w, steps, x, t] = [
    tensor([3, 1], [0, 0, 0]),
    tensor([], [0]),
    tensor([2, 3], [1, 2, 3, 4, 5, 6]),
    tensor([2, 1], [1, 2]),
  ]
  await expect(run.run({ x, t })).rejects.toThrow('HS2606: "w" was not loaded')
  await expect(run.load({ w: x })).rejects.toThrow('HS2606: "w" has shape [2,3], the program expects [3,1]')
  await expect(run.load({ w: { ...w, data: new Float32Array(2) } })).rejects.toThrow('"w" has 2 values')
  await expect(run.load({ x })).rejects.toThrow('"x" is fed at each run')
  await run.load({ w, steps, unused: x })
  await expect(run.run({ x })).rejects.toThrow('HS2606: "t" is missing')
  await expect(run.run({ x, t, w })).rejects.toThrow('"w" is loaded, not fed')
  expect((await run.run({ x, t, unused: w }))["loss"]!.data[0]).toBeCloseTo(2.5, 6)
  await run.dispose()
})
