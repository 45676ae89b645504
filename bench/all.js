/**
 * Every ratio of docs/performance.md, one after the other, on the machine that this runs on, with nothing else running: half an hour. In
 * pieces:
 *
 *     npm run build && node bench/all.js --python path/to/python
 *     node bench/all.js --python path/to/python --only encoder --peers eager --repeats 1 --minutes 12      step and forward at three sizes
 *     node bench/all.js --python path/to/python --only memory,compile
 *
 * Parts are encoder, memory and compile. The Python needs torch, onnx, onnxscript and onnxruntime from PyPI. Peers are PyTorch eager,
 * torch.compile, and onnxruntime on PyTorch's own export; memory is compared with what the report predicts, compiling with importing PyTorch
 * and counting. After --minutes nothing further is started, and what was left out is said.
 */
import { spawnSync } from "node:child_process"
import { arch, cpus, release, totalmem, type } from "node:os"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"

const { values: options } = parseArgs({
  options: {
    python: { type: "string", multiple: true, default: ["python3"] },
    only: { type: "string", default: "encoder,memory,compile" },
    peers: { type: "string", default: "eager,compile,export" },
    sizes: { type: "string", default: "256,512,1024" },
    works: { type: "string", default: "step,forward" },
    repeats: { type: "string", default: "2" },
    frozen: { type: "string" },
    minutes: { type: "string", default: "600" },
  },
})
const pythons = options.python.flatMap((python) => ["--python", python])
const end = performance.now() + 60_000 * Number(options.minutes)
const minutesLeft = () => (end - performance.now()) / 60_000
const run = (script, args) => {
  if (minutesLeft() <= 0) return console.log(`left out, the time is over: ${[script, ...args].join(" ")}`)
  const { status } = spawnSync(process.execPath, [fileURLToPath(new URL(script, import.meta.url)), ...args], {
    stdio: "inherit",
  })
  if (status !== 0) process.exitCode = 1
}

const sizes = options.sizes.split(",")
const parts = {
  encoder: () => {
    const { peers, works, repeats, frozen } = options
    const more = frozen === undefined ? [] : ["--frozen", frozen]
    const asked = ["--peers", peers, "--sizes", options.sizes, "--works", works, "--repeats", repeats, ...more]
    run("encoder.js", [...pythons, ...asked, "--minutes", `${minutesLeft()}`])
  },
  memory: () => {
    console.log("\nmemory of the CPU engine, MiB: predicted and measured")
    for (const size of sizes) for (const goal of ["inference", "training"]) run("memory.js", [goal, size])
    if (sizes.includes("512")) run("memory.js", ["training", "512", "--budget", "600"])
    if (sizes.includes("1024")) run("memory.js", ["training", "1024", "--budget", "900"])
    for (const frozen of options.frozen?.split(",") ?? [])
      for (const goal of ["inference", "training"]) run("memory.js", [goal, sizes[0], "--frozen", frozen])
  },
  compile: () => {
    console.log("\ncompiling")
    run("compile.js", [...pythons, "--runs", `${5 * Number(options.repeats)}`])
  },
}

const only = options.only.split(",")
const unknown = only.filter((name) => !Object.hasOwn(parts, name))
if (unknown.length > 0) throw new Error(`no part '${unknown[0]}': ${Object.keys(parts).join(", ")}`)
const [{ model }] = cpus()
console.log(
  `${model}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release()} ${arch()}, Node ${process.version}\n`,
)
for (const name of only) parts[name]()
