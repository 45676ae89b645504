/**
 * hasam's CPU engine beside PyTorch, eager and with torch.compile, and beside onnxruntime on PyTorch's own export: SAM ViT-B's image encoder
 * with HA adapters, forward and one Adam step.
 * One process each, alternating; the first run of a process warms it up, the medians of all others count, and both must compute the same
 * values. Ratios are hasam's median over PyTorch's. On a machine that others use, compare processor seconds with --threads 1: they hardly
 * depend on the others.
 *
 * Beside each: the share of the machine's peak, a plain 4096 × 768 × 768 product, whichever of onnxruntime and PyTorch is faster, measured
 * before and after each row.
 *
 *     npm run build && node bench/encoder.js [--python PATH]… [--peers eager,compile,export] [--sizes 256,512,1024] [--works step,forward]
 *                                            [--repeats 2] [--runs 3] [--frozen bf16,int8] [--minutes 12]
 *
 * --frozen adds hasam with frozen weights kept in fewer bits. After --minutes no further process is started: what is there is printed.
 *
 * A PyTorch with a real BLAS: Debian's python3-torch takes whatever libblas.so.3 is; install libopenblas0-pthread.
 */
import { execFileSync } from "node:child_process"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { median } from "simple-statistics"
import { save } from "../dist/runtime/weights/index.js"
import { files } from "./encoder/model.js"

const { values: options } = parseArgs({
  options: {
    python: { type: "string", multiple: true, default: ["python3"] },
    peers: { type: "string", default: "eager" },
    sizes: { type: "string", default: "256,512,1024" },
    works: { type: "string", default: "step,forward" },
    repeats: { type: "string", default: "2" },
    // Small work is measured more often: its median is noisier, and costs little.
    runs: { type: "string" },
    frozen: { type: "string" },
    minutes: { type: "string", default: "1e9" },
    threads: { type: "string", default: String(availableParallelism()) },
  },
})
const here = (name) => fileURLToPath(new URL(`encoder/${name}`, import.meta.url))
const folder = mkdtempSync(join(tmpdir(), "hasam-bench-"))
const threads = Number(options.threads)
const runsAt = (size) => options.runs ?? (size <= 256 ? "9" : size <= 512 ? "5" : "3")
const end = performance.now() + 60_000 * Number(options.minutes)
const isLate = () => performance.now() > end

const ask = (command, script, args, settings = {}) => {
  const all = [here(script), ...args, JSON.stringify({ threads, ...settings })]
  const said = execFileSync(command, all, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] })
  return JSON.parse(said.trim().split("\n").at(-1))
}
const peerOf = {
  eager: { script: "torch_eager.py", works: ["forward", "step"] },
  compile: { script: "torch_eager.py", works: ["forward", "step"], settings: { compile: true } },
  export: { script: "torch_export.py", works: ["forward"] },
}
const peers = options.python.flatMap((python) =>
  options.peers.split(",").map((name) => ({ python, name, ...peerOf[name], key: `${python} ${name}` })),
)
const stored = (options.frozen?.split(",") ?? []).map((frozen) => ({ key: frozen, settings: { frozen } }))
/** GFLOP/s of a plain product. */
const peakNow = () =>
  Math.max(
    ask(process.execPath, "product.js", ["8"]).gigaflops,
    ...options.python.map((python) => ask(python, "product.py", ["8"]).gigaflops),
  )

/** What processes measured, without the runs that warmed them up; of memory the most. */
const together = (a, { seconds, cpuSeconds, mebibytes, ...rest }) => ({
  ...rest,
  seconds: [...(a?.seconds ?? []), ...seconds.slice(1)],
  cpuSeconds: [...(a?.cpuSeconds ?? []), ...cpuSeconds.slice(1)],
  mebibytes: Math.max(a?.mebibytes ?? 0, mebibytes),
})
const medians = ({ seconds, cpuSeconds, ...rest }) => ({ ...rest, wall: median(seconds), cpu: median(cpuSeconds) })
/** `flops` of the work; ratios are hasam's over the peer's. */
const row = (name, result, flops, peak, ours = result) => {
  const column = (key, unit, digits) => {
    const ratio = ours === result ? "" : `×${(ours[key] / result[key]).toFixed(2)}`
    return `${result[key].toFixed(digits).padStart(7)} ${unit} ${ratio.padEnd(5)}`
  }
  const rate = flops / result.wall / 1e9
  const share = `${rate.toFixed(0).padStart(4)} GFLOP/s, ${((100 * rate) / peak).toFixed(0)} % of a product's`
  return `  ${name.padEnd(44)} ${column("wall", "s", 2)} ${column("cpu", "s of processors", 2)} ${column("mebibytes", "MiB", 0)} ${share}`
}

/** One work at one size: hasam and its peers by turns. */
const measure = async (work, size) => {
  const file = join(folder, `${size}.safetensors`)
  if (!existsSync(file)) await save(file, files(size))
  const args = [work, `${size}`, file, runsAt(size)]
  let ours
  const theirs = new Map()
  const peak = peakNow()
  for (let repeat = 0; repeat < Number(options.repeats) && !isLate(); repeat += 1) {
    ours = together(ours, ask(process.execPath, "hasam.js", args))
    for (const { key, settings } of stored) {
      const result = ask(process.execPath, "hasam.js", args, settings)
      theirs.set(key, together(theirs.get(key), { ...result, peer: `hasam, frozen weights in ${key}` }))
    }
    for (const { key, python, script, works, settings } of peers) {
      if (!works.includes(work)) continue
      const result = ask(python, script, args, settings)
      theirs.set(key, together(theirs.get(key), result))
      const off = Math.max(...result.values.map((value, i) => Math.abs(value / ours.values[i] - 1)))
      if (!(off < 1e-5)) throw new Error(`the values differ by ${off}: ${result.values} and ${ours.values}`)
    }
  }
  if (ours === undefined) return console.log(`${work} ${size}²: left out, the time is over`)
  const best = Math.max(peak, peakNow())
  const own = medians(ours)
  const { written, run } = own.flops
  console.log(
    `${work} ${size}², ${threads} threads: ${(written / 1e9).toFixed(0)} GFLOP as written, ${(run / 1e9).toFixed(0)} as hasam runs it; a product ${best.toFixed(0)} GFLOP/s`,
  )
  console.log(row("hasam", own, run, best))
  const stages = Object.entries({ ...own.stages, running: Math.round(own.mebibytes) })
  console.log(
    `  hasam's memory as it grows, MiB: ${stages.map(([name, mebibytes]) => `${name} ${mebibytes}`).join(", ")}`,
  )
  for (const [key, result] of theirs)
    console.log(row(result.peer, medians(result), stored.some((one) => one.key === key) ? run : written, best, own))
}

try {
  for (const size of options.sizes.split(",").map(Number))
    for (const work of options.works.split(",")) await measure(work, size)
} finally {
  rmSync(folder, { recursive: true })
}
