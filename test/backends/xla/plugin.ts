/** The CPU plugin that scripts/setup-system.sh installs, and small things that its tests share. */
import { findPlugin } from "../../../src/backends/xla/plugin.ts"

const { plugin } = findPlugin("any")
/** Why tests are skipped; undefined where they run. */
export const absent = plugin === undefined ? "no PJRT plugin: scripts/setup-system.sh installs one" : undefined
if (absent !== undefined) console.warn(`skipped: ${absent}`)
export const pluginPath = plugin?.path ?? ""
/** Little time for LLVM: tests compile more than they run. */
export const quick = { ...process.env, XLA_FLAGS: process.env["QUICK_FLAGS"] ?? "--xla_backend_optimization_level=0" }
