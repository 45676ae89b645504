/** One process: GFLOP/s of a plain product, 4096 × 768 × 768, on hasam's CPU engine. Arguments: runs, options as JSON. */
import { cpu } from "../../dist/backends/onnx/engine.js"
import { Builder } from "../../dist/compiler/ir/builder.js"

const [runs, options = "{}"] = process.argv.slice(2)
const b = new Builder()
const [rows, inner, columns] = [4096, 768, 768]
const graph = b.build({ y: b.matmul(b.input("x", [rows, inner]), b.input("w", [inner, columns])) })
const engine = await cpu(JSON.parse(options)).compile({ graph, state: {} })
const filled = (...shape) => ({ shape, data: new Float32Array(shape[0] * shape[1]).map((_, i) => Math.sin(i)) })
const seconds = []
for (let i = 0; i <= Number(runs); i += 1) {
  const inputs = { x: filled(rows, inner), w: filled(inner, columns) }
  const start = performance.now()
  await engine.run(inputs)
  seconds.push((performance.now() - start) / 1000)
}
await engine.dispose()
// The fastest: the machine's peak, not its mean.
console.log(JSON.stringify({ gigaflops: (2 * rows * inner * columns) / Math.min(...seconds.slice(1)) / 1e9 }))
