/**
 * Every ratio of docs/performance.md, one after the other, on the machine that this runs on: half an hour, with nothing else running.
 *
 *     npm run build && node bench/all.js --python path/to/python
 *
 * The Python needs torch, onnx, onnxscript and onnxruntime from PyPI. Peers are PyTorch eager, torch.compile, and onnxruntime on PyTorch's
 * own export; memory is compared with what the report predicts, compiling with importing PyTorch and counting.
 */
import { spawnSync } from "node:child_process"
import { arch, cpus, release, totalmem, type } from "node:os"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"

const { values: options } = parseArgs({ options: { python: { type: "string", multiple: true, default: ["python3"] } } })
const pythons = options.python.flatMap((python) => ["--python", python])
const run = (script, args) => {
  const { status } = spawnSync(process.execPath, [fileURLToPath(new URL(script, import.meta.url)), ...args], {
    stdio: "inherit",
  })
  if (status !== 0) process.exitCode = 1
}

const [{ model }] = cpus()
console.log(
  `${model}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release()} ${arch()}, Node ${process.version}\n`,
)
run("encoder.js", [...pythons, "--peers", "eager,compile,export"])
console.log("\nmemory of the CPU engine, MiB: predicted and measured")
for (const size of ["256", "512", "1024"]) for (const goal of ["inference", "training"]) run("memory.js", [goal, size])
run("memory.js", ["training", "512", "--budget", "600"])
run("memory.js", ["training", "1024", "--budget", "900"])
console.log("\ncompiling")
run("compile.js", pythons)
