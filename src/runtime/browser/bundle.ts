/** One script for a page, and the WebAssembly beside it: nothing to install, nothing to fetch from elsewhere. */
import { copyFile, mkdir } from "node:fs/promises"
import { basename, join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Plugin } from "esbuild"
import { wasmFiles } from "./wasm.ts"

/** Readers of files share modules with what a page needs; a page never calls them. */
const withoutNode: Plugin = {
  name: "without-node",
  setup: (build) => {
    build.onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: "node", sideEffects: false }))
    build.onLoad({ filter: /.*/, namespace: "node" }, () => ({ contents: "module.exports = {}", loader: "js" }))
  },
}

/** Writes `hasam.js` (an ES module) and the .wasm files into a folder; gives their paths. */
export const bundleForBrowser = async (folder: string): Promise<readonly string[]> => {
  const { build } = await import("esbuild")
  await mkdir(folder, { recursive: true })
  const script = join(folder, "hasam.js")
  await build({
    // Beside this file, in source and in the built package alike.
    entryPoints: [fileURLToPath(import.meta.url.replace(/bundle(\.[jt]s)$/, "index$1"))],
    outfile: script,
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    minify: true,
    logLevel: "error",
    plugins: [withoutNode],
  })
  const copies = wasmFiles().map((file) => [file, join(folder, basename(file))] as const)
  for (const [from, to] of copies) await copyFile(from, to)
  return [script, ...copies.map(([, to]) => to)]
}
