/**
 * Planned and predicted against measured memory of the CPU engine, for a SAM with 2 adapters in each block, batch 1.
 *
 *     npm run build && node bench/memory.js inference 512           one run, or two training steps, at 512 × 512
 *     node bench/memory.js training 512 [--budget MiB]              with a budget for tensors, blocks are computed again
 *     node bench/memory.js training 512 --frozen int8               frozen weights of products in 8 bits, or bf16
 *     node bench/memory.js training 512 --width 192 --depth 4       another encoder than ViT-B's
 *
 * Measured is the largest resident set of this process (VmHWM), less that of Node before anything is compiled.
 */
import { readFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { cpu } from "../dist/backends/onnx/engine.js"
import { cpuMemory } from "../dist/backends/onnx/memory.js"
import { frozenOf } from "../dist/compiler/analysis/frozen.js"
import { memoryOf } from "../dist/compiler/analysis/memory.js"
import { learningNames } from "../dist/compiler/analysis/parameters.js"
import { standardSizes } from "../dist/compiler/passes/elaborate/index.js"
import { clockAt } from "../dist/compiler/passes/optimizer.js"
import { compile } from "../dist/compiler/passes/pipeline.js"
import * as hasam from "../dist/dsl/index.js"

const mib = 2 ** 20
const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    budget: { type: "string" },
    width: { type: "string" },
    depth: { type: "string" },
    frozen: { type: "string" },
  },
})
const [goal = "inference", size = "512"] = positionals
const [d, depth] = [Number(flags.width ?? 768), Number(flags.depth ?? 12)]
const peakMiB = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) / 1024

const { adapt, afterAttention, freezeAll, inMlpResidual, linear, pipe, relu, residual, sequential, uniform } = hasam
const adapter = (rank) => residual(sequential(linear(d, rank), relu, linear(rank, d)))
/** Every third block is global, as in ViT-B. */
const globalBlocks = Array.from({ length: depth }, (_, i) => i).filter((i) => i % 3 === 2)
const base = hasam.sam({ imageSize: Number(size), width: d, depth, heads: d / 64, globalBlocks })
const placed = adapt(uniform(depth, d / 8), (rank) => [afterAttention(adapter(rank)), inMlpResidual(adapter(rank))])
const model = pipe(base, freezeAll, placed).data
const optimizer = hasam.adam({ rate: 1e-4 })
const training = { kind: "training", learning: learningNames(model), loss: hasam.paperDefaults.loss, optimizer }

const stored = frozenOf(model, flags.frozen)
const before = peakMiB()
const compiled = compile({
  model,
  sizes: standardSizes(model),
  goal: goal === "training" ? training : { kind: "inference" },
  decompose: cpuMemory.decompose,
  stored,
  ...(flags.budget === undefined ? {} : { memory: Number(flags.budget) * mib }),
})
const { graph, state } = compiled.program
const engine = await cpu(stored === undefined ? {} : { frozen: stored }).compile(compiled.program)
/** Tensors that stay, or those that are fed. */
const tensors = (staying) =>
  Object.fromEntries(
    graph.nodes.flatMap(({ op, attrs, shape }) => {
      const stays = op === "parameter" || (op === "input" && attrs.name in state)
      if ((op !== "input" && op !== "parameter") || stays !== staying) return []
      // Touched, so that the pages are there; and in one array, as weights are read: what malloc was given back before changes where it puts them.
      const values = () => {
        const data = new Float32Array(shape.reduce((a, b) => a * b, 1))
        if (op === "parameter") for (let i = 0; i < data.length; i += 1) data[i] = 0.02 * Math.sin(i)
        return data.fill(0, op === "parameter" ? data.length : 0)
      }
      // As the commands load what is kept in fewer bits: made when it is asked for, and not held.
      if (stored?.names.has(attrs.name))
        return [[attrs.name, Object.defineProperty({ shape }, "data", { get: values })]]
      return [[attrs.name, { shape, data: values() }]]
    }),
  )
// What compiling left behind is garbage, which V8 may keep for long on a busy machine; with --expose-gc it is none of the engine's.
globalThis.gc?.()
await engine.load(tensors(true), { give: true })
const clock = Object.entries(clockAt(optimizer, 1e-4, 1)).map(([name, x]) => [
  name,
  { shape: [], data: Float32Array.of(x) },
])
const inputs = { ...tensors(false), ...(goal === "training" ? Object.fromEntries(clock) : {}) }
const start = performance.now()
for (let step = 0; step < (goal === "training" ? 2 : 1); step += 1) await engine.run(inputs)
const seconds = (performance.now() - start) / 1000
const measured = peakMiB() - before
const { peak, total, activations } = memoryOf(compiled, cpuMemory)
console.log(
  JSON.stringify({
    goal,
    size: Number(size),
    ...(flags.frozen === undefined ? {} : { frozen: flags.frozen }),
    recomputed: compiled.recomputed.length,
    nodes: graph.nodes.length,
    activations: Math.round(activations / mib),
    tensors: Math.round(peak / mib),
    predicted: Math.round(total / mib),
    measured: Math.round(measured),
    node: Math.round(before),
    seconds: Math.round(seconds * 10) / 10,
  }),
)
await engine.dispose()
