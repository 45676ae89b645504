/** What the plugin's process runs: child.js of a build; from sources, child.ts and what it imports as one script. */
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"

const require = createRequire(import.meta.url)
let bundled: string | undefined

/** Arguments for node. */
export const childArguments = (): readonly string[] => {
  if (!import.meta.url.endsWith(".ts")) return [fileURLToPath(new URL("./child.js", import.meta.url))]
  if (bundled === undefined) {
    const { buildSync } = require("esbuild") as typeof import("esbuild")
    const { outputFiles } = buildSync({
      entryPoints: [fileURLToPath(new URL("./child.ts", import.meta.url))],
      bundle: true,
      platform: "node",
      format: "esm",
      write: false,
    })
    bundled = outputFiles[0]!.text
  }
  return ["--input-type=module", "--eval", bundled]
}
