/**
 * hasam's CPU engine beside PyTorch: SAM ViT-B's image encoder with HA adapters, forward and one Adam step.
 * One process each, alternating; the first run of a process warms it up, the medians of all others count, and both must compute the same
 * values. Ratios are hasam's median over PyTorch's. On a machine that others use, compare processor seconds with --threads 1: they hardly
 * depend on the others.
 *
 *     npm run build && node bench/encoder.js [--python PATH]… [--sizes 512,1024] [--works forward,step] [--rounds 2] [--runs 3]
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
    sizes: { type: "string", default: "512,1024" },
    works: { type: "string", default: "forward,step" },
    rounds: { type: "string", default: "2" },
    runs: { type: "string", default: "3" },
    threads: { type: "string", default: String(availableParallelism()) },
  },
})
const here = (name) => fileURLToPath(new URL(`encoder/${name}`, import.meta.url))
const folder = mkdtempSync(join(tmpdir(), "hasam-bench-"))
const threads = JSON.stringify({ threads: Number(options.threads) })

const measure = (command, script, work, size, file) => {
  const args = [here(script), work, size, file, options.runs, threads]
  const said = execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] })
  return JSON.parse(said.trim().split("\n").at(-1))
}
/** What two processes measured, without the runs that warmed them up; of memory the most. */
const together = (a, { seconds, cpuSeconds, mebibytes, ...rest }) => ({
  ...rest,
  seconds: [...(a?.seconds ?? []), ...seconds.slice(1)],
  cpuSeconds: [...(a?.cpuSeconds ?? []), ...cpuSeconds.slice(1)],
  mebibytes: Math.max(a?.mebibytes ?? 0, mebibytes),
})
const medians = ({ seconds, cpuSeconds, ...rest }) => ({ ...rest, wall: median(seconds), cpu: median(cpuSeconds) })
const row = (name, result, ours = result) => {
  const column = (key, unit, digits) => {
    const ratio = ours === result ? "" : `×${(ours[key] / result[key]).toFixed(2)}`
    return `${result[key].toFixed(digits).padStart(8)} ${unit} ${ratio.padEnd(6)}`
  }
  return `  ${name.padEnd(20)} ${column("wall", "s", 2)} ${column("cpu", "s of processors", 2)} ${column("mebibytes", "MiB", 0)}`
}

try {
  for (const size of options.sizes.split(",")) {
    const file = join(folder, `${size}.safetensors`)
    await save(file, files(Number(size)))
    for (const work of options.works.split(",")) {
      let ours
      const theirs = new Map()
      for (let round = 0; round < Number(options.rounds); round += 1) {
        ours = together(ours, measure(process.execPath, "hasam.js", work, size, file))
        for (const python of options.python) {
          const result = measure(python, "torch_eager.py", work, size, file)
          theirs.set(python, together(theirs.get(python), result))
          const off = Math.max(...result.values.map((value, i) => Math.abs(value / ours.values[i] - 1)))
          if (!(off < 1e-5)) throw new Error(`the values differ by ${off}: ${result.values} and ${ours.values}`)
        }
      }
      console.log(`${work} ${size}², ${options.threads} threads`)
      const own = medians(ours)
      console.log(row("hasam", own))
      for (const [, result] of theirs) console.log(row(`PyTorch ${result.torch}`, medians(result), own))
    }
    if (existsSync(file)) rmSync(file)
  }
} finally {
  rmSync(folder, { recursive: true })
}
