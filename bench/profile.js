/**
 * Where the time of the CPU engine goes: onnxruntime's own profile of SAM ViT-B's image encoder with HA adapters, forward or one Adam step, by op
 * and by module of the spec, in milliseconds of a run (the median run of those after the first).
 *
 *     npm run build && node bench/profile.js step|forward 256 [--runs 3] [--threads 2] [--written]
 *
 * --written profiles the model as it is written, its products on padded windows as well.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import ort from "onnxruntime-node"
import { median } from "simple-statistics"
import { sessionOptions } from "../dist/backends/onnx/engine.js"
import { lower } from "../dist/backends/onnx/lower.js"
import { encodeModel, nodeName } from "../dist/backends/onnx/model.js"
import { widen, widened } from "../dist/backends/onnx/wide.js"
import { save } from "../dist/runtime/weights/index.js"
import { files } from "./encoder/model.js"
import { workOf } from "./encoder/work.js"

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string", default: "3" },
    threads: { type: "string", default: String(availableParallelism()) },
    written: { type: "boolean", default: false },
  },
})
const [work = "step", size = "256"] = positionals
const folder = mkdtempSync(join(tmpdir(), "hasam-bench-"))

/** Modules are told apart by what they are, not by their block: image_encoder.blocks.3.attn.qkv and …7.attn.qkv are one line. */
const moduleOf = (name) => name.replace(/\.\d+(?=\.|$)/g, ".*")

const profiled = async () => {
  const file = join(folder, "tensors.safetensors")
  await save(file, files(Number(size)))
  const { program, held, fed } = await workOf(work, Number(size), file, { asWritten: options.written })
  const wide = widen(program)
  const lowered = lower(wide.graph)
  const session = await ort.InferenceSession.create(encodeModel(lowered), {
    ...sessionOptions(Number(options.threads), false),
    enableProfiling: true,
    profileFilePrefix: join(folder, "profile"),
  })
  const tensor = ({ shape, data }) => new ort.Tensor("float32", data, shape)
  const given = { ...held, ...fed(1) }
  for (const [name, shape] of wide.shapes) given[name] = widened(given[name], shape)
  const feeds = Object.fromEntries(lowered.inputs.map(({ name }) => [name, tensor(given[name])]))
  for (let run = 0; run <= Number(options.runs); run += 1) await session.run(feeds)
  session.endProfiling()
  const [written] = readdirSync(folder).filter((name) => name.startsWith("profile"))
  const modules = new Map(lowered.nodes.map((node) => [nodeName(node), node.from]))
  return { events: JSON.parse(readFileSync(join(folder, written), "utf8")), modules }
}

/** Events in the order of time, cut into runs; the first one warms up. */
const runsOf = (events) => {
  const sorted = events.toSorted((a, b) => a.ts - b.ts)
  const ends = sorted.filter(({ name }) => name === "model_run").map(({ ts, dur }) => ts + dur)
  return ends
    .slice(1)
    .map((end, i) =>
      sorted.filter(
        ({ cat, name, ts }) => cat === "Node" && name.endsWith("_kernel_time") && ts > ends[i] && ts <= end,
      ),
    )
}
const summed = (run, keyOf) => {
  const sums = new Map()
  for (const event of run) {
    const key = keyOf(event)
    sums.set(key, (sums.get(key) ?? 0) + event.dur / 1000)
  }
  return sums
}
const table = (title, runs, keyOf) => {
  const sums = runs.map((run) => summed(run, keyOf))
  const keys = [...new Set(sums.flatMap((sum) => [...sum.keys()]))]
  const rows = keys.map((key) => [key, median(sums.map((sum) => sum.get(key) ?? 0))]).sort((a, b) => b[1] - a[1])
  const total = rows.reduce((sum, [, ms]) => sum + ms, 0)
  console.log(`\n${title}`)
  for (const [key, ms] of rows.filter(([, ms]) => ms > total / 200))
    console.log(`  ${key.padEnd(56)} ${ms.toFixed(1).padStart(8)} ms ${((100 * ms) / total).toFixed(1).padStart(5)} %`)
  const small = rows.filter(([, ms]) => ms <= total / 200)
  const rest = small.reduce((sum, [, ms]) => sum + ms, 0)
  console.log(
    `  ${`${small.length} more`.padEnd(56)} ${rest.toFixed(1).padStart(8)} ms ${((100 * rest) / total).toFixed(1).padStart(5)} %`,
  )
}

try {
  const { events, modules } = await profiled()
  const runs = runsOf(events)
  const wall = events
    .filter(({ name }) => name === "model_run")
    .slice(1)
    .map(({ dur }) => dur / 1000)
  const inOps = runs.map((run) => run.reduce((sum, { dur }) => sum + dur / 1000, 0))
  console.log(
    `${work} ${size}²${options.written ? ", as it is written" : ""}, ${options.threads} threads: ${median(wall).toFixed(0)} ms a run, ${median(inOps).toFixed(0)} in ${runs[0].length} nodes`,
  )
  table("by op", runs, ({ args }) => args.op_name)
  table("by module", runs, ({ name }) =>
    moduleOf(modules.get(name.slice(0, -"_kernel_time".length)) ?? "the loss, the optimizer"),
  )
} finally {
  rmSync(folder, { recursive: true })
}
