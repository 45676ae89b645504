import { expect, test } from "vitest"
import { cpu } from "../../src/backends/onnx/engine.ts"
import { explain } from "../../src/backends/onnx/runtime.ts"
import { Builder } from "../../src/compiler/ir/builder.ts"

/** 2⁴² floats on the way to one. */
const program = () => {
  const b = new Builder()
  const x = b.broadcast(b.input("x", [1, 1]), [2 ** 21, 2 ** 21])
  return { graph: b.build({ y: b.reduceSum(b.exp(x), { axes: [0, 1], keepDims: false }) }), state: {} }
}

test("a program that needs 16 TiB, and the engine goes on afterwards", async () => {
  const run = await cpu({ threads: 1 }).compile(program())
  const fed = { x: { shape: [1, 1], data: Float32Array.of(1) } }
  await expect(run.run(fed)).rejects.toThrow("HS2502: memory ran out while the program ran")
  await expect(run.run(fed)).rejects.toThrow("HS2502")
  await run.dispose()
})
test("memory in other engines' words; other faults are ours", () => {
  for (const said of ["std::bad_alloc", "Array buffer allocation failed", "Aborted(OOM)", "ERR_WORKER_OUT_OF_MEMORY Worker terminated"])
    expect(explain(said).message).toMatch(/^HS2502/)
  expect(explain("Non-zero status code returned while running Gemm node\n at 0x1").message).toBe(
    "internal: onnxruntime: Non-zero status code returned while running Gemm node",
  )
})
