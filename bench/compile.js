/**
 * How long the compiler takes: whole processes, after one that warms the disk.
 *
 *     npm run build && node bench/compile.js [--runs 10] [--python PATH]… [--processor]
 *
 * --processor counts seconds of processors instead of the clock's, which say little where other programs run (Linux).
 *
 * In the same run: Python importing PyTorch, building SAM ViT-B's encoder blocks and counting their parameters. Ratios are to the first.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { median } from "simple-statistics"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")
const folder = mkdtempSync(join(tmpdir(), "hasam-bench-"))
const { values: options } = parseArgs({
  options: {
    runs: { type: "string", default: "10" },
    processor: { type: "boolean", default: false },
    python: { type: "string", multiple: true, default: ["python3"] },
  },
})
const runs = Number(options.runs)
/** Seconds of this process's children, user and system and their children's; or of the clock. */
const ticks = Number(spawnSync("getconf", ["CLK_TCK"], { encoding: "utf8" }).stdout || 100)
const ofChildren = () => {
  const [, fields] = readFileSync("/proc/self/stat", "utf8").split(") ")
  const [user, system] = fields.split(" ").slice(13, 15).map(Number)
  return (user + system) / ticks
}
const now = () => (options.processor ? ofChildren() : performance.now() / 1000)

const spec = (name, text) => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const head = `import { adapt, afterAttention, freezeAll, given, linear, model, pipe, relu, repeat, residual, samVitB, sequential, uniform } from "hasam"
const adapter = (rank) => residual(sequential(linear(768, rank), relu, linear(rank, 768)))
`
const variants = spec(
  "variants.ts",
  head.replace("(rank)", "(rank: any)") +
    Array.from(
      { length: 100 },
      (_, i) =>
        `export const v${i} = pipe(samVitB, freezeAll, adapt(uniform(12, ${i + 1}), (rank) => [afterAttention(adapter(rank))]))`,
    ).join("\n"),
)
const deep = (n) =>
  spec(
    `deep${n}.ts`,
    `${head.replace("(rank)", "(rank: any)")}export const deep = model(repeat(${n}, () => residual(sequential(linear(64, 256), relu, linear(256, 64)))), { name: "deep", takes: { x: given([16, 64]) } })\n`,
  )

const seconds = (program, args) => {
  const times = []
  for (let i = 0; i <= runs; i += 1) {
    const start = now()
    const { status, stderr } = spawnSync(program, args, { cwd: root, encoding: "utf8" })
    if (status !== 0) return { missing: stderr.split("\n").at(-2) ?? "" }
    if (i > 0) times.push(now() - start)
  }
  return { median: median(times), least: Math.min(...times), most: Math.max(...times) }
}
const hasam = (...specs) => seconds(process.execPath, [join(root, "bin/hasam-compile.js"), ...specs])
const torch = `
import torch
from torch import nn
def linear(i, o): return nn.Linear(i, o)
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(768); self.norm2 = nn.LayerNorm(768)
        self.qkv = linear(768, 2304); self.proj = linear(768, 768); self.lin1 = linear(768, 3072); self.lin2 = linear(3072, 768)
encoder = nn.ModuleList([Block() for _ in range(12)])
print(sum(p.numel() for p in encoder.parameters() if p.requires_grad))
`
const counting = options.python.map((python) => [
  `${python}: import PyTorch, twelve ViT-B blocks, a sum`,
  seconds(python, ["-c", torch]),
])
const rows = {
  "examples/ha-sam and examples/ablations": hasam("examples/ha-sam", "examples/ablations"),
  "100 variants": hasam(variants),
  "a model of 250 blocks": hasam(deep(250)),
  "a model of 1,000 blocks": hasam(deep(1000)),
  "examples/ha-sam, with FLOPs and memory": hasam("examples/ha-sam", "--cost"),
  ...Object.fromEntries(counting),
}
const [[, { median: peer }]] = counting
const width = Math.max(...Object.keys(rows).map((name) => name.length))
for (const [name, row] of Object.entries(rows))
  console.log(
    name.padEnd(width),
    "missing" in row
      ? `not here: ${row.missing}`
      : `${row.median.toFixed(2)} s  (${row.least.toFixed(2)} … ${row.most.toFixed(2)})${peer === undefined ? "" : `  ×${(row.median / peer).toFixed(2)}`}`,
  )
