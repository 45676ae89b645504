/** One process: the encoder on hasam's CPU engine. Arguments: forward|step, image size, file of tensors, runs, options as JSON. */
import { cpu } from "../../dist/backends/onnx/engine.js"
import { cpuMemory } from "../../dist/backends/onnx/memory.js"
import { flopsOfGraph } from "../../dist/compiler/analysis/cost.js"
import { decompose } from "../../dist/compiler/passes/decompose.js"
import { productWeights } from "../../dist/compiler/passes/store.js"
import { workOf } from "./work.js"

const [work, imageSize, file, runs, options = "{}"] = process.argv.slice(2)
/** The resident set by what has been done so far, MiB. */
const stages = {}
const stage = (name) => {
  stages[name] = Math.round(process.memoryUsage.rss() / 2 ** 20)
}
stage("modules")
const start = performance.now()
const { program, tensors, written, held, fed } = await workOf(work, Number(imageSize), file)
const built = performance.now()
stage("program and weights read")
const { frozen, ...settings } = JSON.parse(options)
const names = new Set([...productWeights(program.graph)].filter((name) => !(name in program.state)))
for (const { name, adaptation } of tensors) if (adaptation !== undefined) names.delete(name)
const kept = frozen === undefined ? {} : { frozen: { as: frozen, names } }
const engine = await cpu({ ...settings, ...kept }).compile(program)
stage("session")
await engine.load(held, { give: true })
stage("weights held")
const ready = performance.now()
const seconds = []
const cpuSeconds = []
const values = []
for (let i = 1; i <= Number(runs); i += 1) {
  const inputs = fed(i)
  const at = performance.now()
  const before = process.cpuUsage()
  const { loss, embedding } = await engine.run(inputs)
  seconds.push((performance.now() - at) / 1000)
  const { user, system } = process.cpuUsage(before)
  cpuSeconds.push((user + system) / 1e6)
  values.push(loss?.data[0] ?? Math.hypot(...embedding.data.subarray(0, 10000)))
}
await engine.dispose()
const mebibytes = process.resourceUsage().maxRSS / 1024
const prepared = { build: (built - start) / 1000, load: (ready - built) / 1000 }
const flopsOf = ({ graph }) =>
  Object.values(flopsOfGraph(decompose(graph, cpuMemory.decompose))).reduce((a, b) => a + b)
// Counted when memory was measured.
const flops = { written: flopsOf(written()), run: flopsOf(program) }
console.log(JSON.stringify({ seconds, cpuSeconds, values, mebibytes, stages, prepared, flops }))
