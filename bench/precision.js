// What a precision changes: losses of ten Adam steps of examples/small on one image, through a PJRT plugin, beside the CPU engine's.
//   npm run build && node bench/precision.js
import { fileURLToPath } from "node:url"
import { cpu } from "../dist/backends/onnx/engine.js"
import { xla } from "../dist/backends/xla/engine.js"
import { learningNames } from "../dist/compiler/analysis/parameters.js"
import { compileSpecs } from "../dist/compiler/compile.js"
import { standardSizes } from "../dist/compiler/passes/elaborate/index.js"
import { clockAt } from "../dist/compiler/passes/optimizer.js"
import { trainingProgram } from "../dist/compiler/passes/program.js"
import { adam, paperDefaults } from "../dist/dsl/index.js"
import { modelWeights } from "../dist/runtime/base.js"
import { stream } from "../dist/runtime/data/random.js"

const spec = fileURLToPath(new URL("../examples/small", import.meta.url))
const { models } = await compileSpecs([spec])
const { data } = models[0]
const optimizer = adam({ rate: 1e-3 })
const { program } = trainingProgram(data, standardSizes(data), {
  ...paperDefaults,
  optimizer,
  learning: learningNames(data),
})
const { tensors } = await modelWeights(data, undefined, 1)
const loaded = {}
const fed = {}
const random = stream(1, "precision", 0)
for (const { op, attrs, shape } of program.graph.nodes) {
  if (op !== "input" && op !== "parameter") continue
  const n = shape.reduce((a, b) => a * b, 1)
  const { name } = attrs
  const side = shape.at(-1)
  const inside = (i) => Math.hypot((i % side) - side / 2, (Math.floor(i / side) % side) - side / 2) < side / 4
  if (op === "parameter") loaded[name] = tensors[name]
  else if (name in program.state) loaded[name] = { shape, data: new Float32Array(n) }
  else if (name === "image")
    fed[name] = {
      shape,
      data: Float32Array.from({ length: n }, (_, i) => (inside(i) ? 150 : 90) + 40 * random.uniform()),
    }
  else if (name === "target") fed[name] = { shape, data: Float32Array.from({ length: n }, (_, i) => Number(inside(i))) }
  else if (name === "point_coords") fed[name] = { shape, data: new Float32Array(n).fill(64) }
  else fed[name] = { shape, data: new Float32Array(n).fill(1) }
}
const losses = async (backend) => {
  const run = await backend.compile(program)
  await run.load(loaded)
  const values = []
  for (let step = 1; step <= 10; step++) {
    const clock = Object.entries(clockAt(optimizer, 1e-3, step)).map(([name, x]) => [
      name,
      { shape: [], data: Float32Array.of(x) },
    ])
    values.push((await run.run({ ...fed, ...Object.fromEntries(clock) })).loss.data[0])
  }
  await run.dispose()
  return values
}
const exact = await losses(cpu())
console.log(`cpu       ${exact.map((x) => x.toFixed(7)).join(" ")}`)
for (const precision of ["float32", "tf32", "bf16"]) {
  const values = await losses(xla({ precision, cache: false }))
  const worst = Math.max(...values.map((x, i) => Math.abs(x / exact[i] - 1)))
  console.log(
    `${precision.padEnd(9)} ${values.map((x) => x.toFixed(7)).join(" ")}  largest difference ${worst.toExponential(1)}`,
  )
}
