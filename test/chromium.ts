/** The browser of the tests: headless Chromium, with a software GPU or with none, that asks nobody for anything. */
import { existsSync } from "node:fs"

export const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium"

/** Where there is none, `what` is skipped, and says so. */
export const isHere = (what: string): boolean => {
  const here = existsSync(executablePath)
  if (!here) console.warn(`SKIPPED: ${what}: no ${executablePath} (scripts/setup-system.sh installs it)`)
  return here
}

const quiet = [
  "--headless",
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
]
export const flags = {
  webgpu: [...quiet, "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"],
  wasm: [...quiet, "--disable-features=WebGPU"],
} as const
export type Engine = keyof typeof flags
