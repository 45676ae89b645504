/** The CPU plugin that scripts/setup-system.sh installs, and small things that its tests share. */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { findPlugin, ownFolder } from "../../../src/backends/xla/plugin.ts"

const { plugin } = findPlugin("any")
/** Why tests are skipped; undefined where they run. */
export const absent = plugin === undefined ? "no PJRT plugin: scripts/setup-system.sh installs one" : undefined
if (absent !== undefined) console.warn(`skipped: ${absent}`)
export const pluginPath = plugin?.path ?? ""
/** Little time for LLVM, in one piece: tests compile more than they run. */
const flags = "--xla_backend_optimization_level=0 --xla_cpu_parallel_codegen_split_count=1"
export const quick = { ...process.env, XLA_FLAGS: flags }

const compiler = join(
  ownFolder(process.env),
  "cuda-compiler/lib/python3/site-packages/jax_plugins/xla_cuda13/xla_cuda_plugin.so",
)
/** The environment in which programs are compiled for a GPU that is described; undefined where its plugin is not there. */
export const described = existsSync(compiler) ? { ...process.env, HASAM_CUDA_PLUGIN: compiler } : undefined
if (described === undefined)
  console.warn("skipped: no CUDA plugin to compile with: scripts/setup-system.sh installs one")
