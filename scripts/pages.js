// The pages of src/pages, each with its scripts bundled. The WebAssembly comes beside it from tfjs's package when a model is written.
import { copyFileSync, mkdirSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")

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
}
