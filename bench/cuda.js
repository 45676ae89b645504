// What a training step of HA-SAM ViT-B needs on an H100 that need not be there: XLA's own figures, compiled for its description.
//   node bench/cuda.js [side] [float32|tf32|bf16] [whole|chunked|fused] [memory in GiB]
// The CUDA plugin and nvidia-cuda-nvcc, nvidia-nvvm of PyPI must be installed (docs/cuda.md).
import { fileURLToPath } from "node:url"
import { describedFor } from "../dist/backends/xla/described.js"
import { learningNames } from "../dist/compiler/analysis/parameters.js"
import { compileSpecs } from "../dist/compiler/compile.js"
import { standardSizes } from "../dist/compiler/passes/elaborate/index.js"
import { trainingProgram } from "../dist/compiler/passes/program.js"
import { paperDefaults } from "../dist/dsl/index.js"

const [side = "1024", precision = "float32", attention = "whole", budget] = process.argv.slice(2)
const spec = fileURLToPath(new URL("../examples/ha-sam", import.meta.url))
const { models } = await compileSpecs([spec], { inputSize: [Number(side), Number(side)] })
const { data, name } = models[0]
const memory = budget === undefined ? {} : { memory: Number(budget) * 2 ** 30 }
const { program, recomputed } = trainingProgram(data, standardSizes(data), {
  ...paperDefaults,
  learning: learningNames(data),
  ...memory,
})
const since = performance.now()
const how = { precision, chunked: attention === "chunked", fused: attention === "fused" }
const { total, text, memory: of } = await describedFor(program, how)
const seconds = Math.round((performance.now() - since) / 1000)
const mib = (bytes) => Math.round(bytes / 2 ** 20).toLocaleString("en-US")
console.log(
  `${name} ${side}² ${precision}, attention ${attention}, ${recomputed.length} blocks recomputed: ${mib(total)} MiB at once (arguments ${mib(of.arguments)}, temporary ${mib(of.temporary)}), text ${(text / 1e6).toFixed(2)} MB, ${seconds} s`,
)
