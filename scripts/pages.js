// hasam/browser as one module, and the pages of src/pages, whose worker imports it. tfjs and its WebAssembly come from their own packages when a model is
// written, so they are in neither.
import { copyFileSync, mkdirSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"
import { packageOf, pageParts } from "./parts.js"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")
const pages = join(root, "src/pages")

/** Modules of Node that pages have: over a store in the browser (src/pages/node). A page never calls what the others are for. */
const known = ["fs", "fs/promises", "path", "crypto", "os", "zlib", "util"]
const node = {
  name: "node-in-a-page",
  setup: (bundling) => {
    bundling.onResolve({ filter: /^node:/ }, ({ path }) => {
      const name = path.slice("node:".length)
      if (!known.includes(name)) return { path, namespace: "node", sideEffects: false }
      return { path: join(pages, "node", `${name.replace("/promises", "")}.ts`), sideEffects: false }
    })
    bundling.onLoad({ filter: /.*/, namespace: "node" }, () => ({ contents: "module.exports = {}", loader: "js" }))
    bundling.onResolve({ filter: /^buffer$/ }, () => ({ path: join(root, "node_modules/buffer/index.js") }))
    // dicom-parser asks for Node's zlib, for files that are refused before.
    bundling.onResolve({ filter: /^zlib$/ }, ({ path }) => ({ path, namespace: "node", sideEffects: false }))
    // What sharp and yauzl do for the commands.
    for (const [name, folder, own] of [
      ["decoder.ts", "runtime/data/images", "images/decoder.ts"],
      ["zipRead.ts", "runtime/weights", "weights/zipRead.ts"],
    ])
      bundling.onResolve({ filter: new RegExp(`/${name.replace(".", "\\.")}$`) }, ({ resolveDir }) =>
        resolveDir.endsWith(folder) ? { path: join(pages, own) } : undefined,
      )
  },
}
const common = {
  bundle: true,
  format: "esm",
  platform: "browser",
  target: "es2022",
  minify: true,
  legalComments: "inline",
  logLevel: "error",
}

/** `out`: the built package. */
export const buildPages = async (out) => {
  const entry = join(out, "runtime/browser/index.js")
  const { metafile } = await build({
    ...common,
    entryPoints: [join(root, "src/runtime/browser/index.ts")],
    outfile: entry,
    allowOverwrite: true,
    external: ["@tensorflow/*"],
    inject: [join(pages, "node/globals.ts")],
    plugins: [node],
    metafile: true,
  })
  const inputs = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs))
  const taken = new Set(inputs.flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [packageOf(path)] : [])))
  const unknown = [...taken].filter(
    (name) => name !== undefined && ![...pageParts, "fastest-levenshtein", "fp-ts", "io-ts"].includes(name),
  )
  if (unknown.length > 0) throw new Error(`pages take in ${unknown.join(", ")}, too: their licences belong to parts.js`)
  const to = join(out, "pages")
  mkdirSync(to, { recursive: true })
  await build({
    ...common,
    entryPoints: {
      segment: join(pages, "segment/main.ts"),
      train: join(pages, "train/main.ts"),
      worker: join(pages, "worker.ts"),
      offline: join(pages, "offline.ts"),
    },
    outdir: to,
    plugins: [
      {
        name: "browser-entry",
        setup: (bundling) => {
          // For the worker it is a module of its own, bundled with tfjs when a model is written; pages take its types alone.
          bundling.onResolve({ filter: /runtime\/browser\/index\.ts$/ }, () => ({
            path: "../runtime/browser/index.js",
            external: true,
          }))
        },
      },
      node,
    ],
  })
  for (const file of ["index.html", "train.html", "style.css"]) copyFileSync(join(pages, file), join(to, file))
}
