#!/usr/bin/env node
// npm create hasam NAME
import { spawnSync } from "node:child_process"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"

const hasam = join(dirname(createRequire(import.meta.url).resolve("hasam/package.json")), "bin/hasam.js")
const { status } = spawnSync(process.execPath, [hasam, "init", ...process.argv.slice(2)], { stdio: "inherit" })
process.exitCode = status ?? 2
