// The pages of src/pages, each with its scripts bundled and the WebAssembly beside it: a folder that a server can serve as it is.
import { copyFileSync, mkdirSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")
const wasm = join(dirname(createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm/package.json")), "dist")

/** Readers of files share modules with what a page needs; a page never calls them. */
const withoutNode = {
  name: "without-node",
  setup: (bundling) => {
    bundling.onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: "node", sideEffects: false }))
    bundling.onLoad({ filter: /.*/, namespace: "node" }, () => ({ contents: "module.exports = {}", loader: "js" }))
  },
}

export const buildPages = async (out) => {
  const from = join(root, "src/pages/segment")
  const to = join(out, "segment")
  mkdirSync(to, { recursive: true })
  await build({
    entryPoints: [join(from, "main.ts"), join(from, "worker.ts")],
    outdir: to,
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    minify: true,
    legalComments: "inline",
    logLevel: "error",
    plugins: [withoutNode],
  })
  for (const file of ["index.html", "style.css"]) copyFileSync(join(from, file), join(to, file))
  for (const kind of ["", "-simd", "-threaded-simd"])
    copyFileSync(join(wasm, `tfjs-backend-wasm${kind}.wasm`), join(to, `tfjs-backend-wasm${kind}.wasm`))
}
