/**
 * What the length of a row does to a product on the CPU engine: a ViT-B's two products of an MLP with 3,072 numbers a row, and with a cache line
 * more (src/backends/onnx/wide.ts). Rates in GFLOP/s, medians.
 *
 *     npm run build && node bench/products.js [--rows 1024] [--runs 15] [--threads 2]
 */
import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"
import ort from "onnxruntime-node"
import { median } from "simple-statistics"
import { sessionOptions } from "../dist/backends/onnx/engine.js"
import { encodeModel } from "../dist/backends/onnx/model.js"

const { values: options } = parseArgs({
  options: {
    rows: { type: "string", default: "1024" },
    runs: { type: "string", default: "15" },
    threads: { type: "string", default: String(availableParallelism()) },
  },
})
const [rows, runs, threads] = [options.rows, options.runs, options.threads].map(Number)

const ones = (...shape) =>
  new ort.Tensor("float32", new Float32Array(shape.reduce((n, extent) => n * extent, 1)).fill(1), shape)
/** [rows, k] by a weight of [k, n], or of [n, k] that is transposed, as a linear layer's is. */
const rate = async (k, n, transB) => {
  const model = {
    nodes: [{ op: "Gemm", inputs: ["x", "w"], outputs: ["y"], attributes: { transB } }],
    inputs: [{ name: "x" }, { name: "w" }],
    outputs: [{ name: "y" }],
    initializers: [],
  }
  const session = await ort.InferenceSession.create(encodeModel(model), sessionOptions(threads, false))
  const fed = { x: ones(rows, k), w: transB ? ones(n, k) : ones(k, n) }
  const times = []
  for (let run = 0; run <= runs; run += 1) {
    const start = performance.now()
    await session.run(fed)
    times.push(performance.now() - start)
  }
  await session.release()
  return (2 * rows * k * n) / median(times.slice(1)) / 1e6
}

for (const [what, transB] of [
  ["forward", 1],
  ["backward", 0],
])
  for (const hidden of [3072, 3088])
    for (const [k, n] of [
      [768, hidden],
      [hidden, 768],
    ])
      console.log(
        `${what.padEnd(8)} ${`${rows} × ${k} by ${k} × ${n}`.padEnd(32)} ${(await rate(k, n, transB)).toFixed(0).padStart(5)}`,
      )
