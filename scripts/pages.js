// hasam/browser as one module, and the pages of src/pages, whose worker imports it. tfjs and its WebAssembly come from their own packages when a model is
// written, so they are in neither.
import { readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"
import { build as buildWithVite } from "vite"
import { leftOut, packageOf, pageParts } from "./parts.js"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")
const pages = join(root, "src/pages")

/** Modules of Node that pages have: over a store in the browser (src/pages/node). A page never calls what the others are for. */
const known = ["fs", "fs/promises", "path", "crypto", "os", "zlib", "util"]
const moduleFor = (name) => join(pages, "node", `${name.replace("/promises", "")}.ts`)
const node = {
  name: "node-in-hasam-browser",
  setup: (bundling) => {
    bundling.onResolve({ filter: /^node:/ }, ({ path }) => {
      const name = path.slice("node:".length)
      if (!known.includes(name)) return { path, namespace: "node", sideEffects: false }
      return { path: moduleFor(name), sideEffects: false }
    })
    bundling.onLoad({ filter: /.*/, namespace: "node" }, () => ({ contents: "module.exports = {}", loader: "js" }))
    bundling.onResolve({ filter: leftOut }, ({ path }) => ({ path, namespace: "node", sideEffects: false }))
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

/** What the head of both pages has: the policy that lets nothing out. */
const sharedHead = {
  name: "shared-head",
  transformIndexHtml: {
    order: "pre",
    handler: (html) =>
      html.replace("<!-- shared/head.html -->", readFileSync(join(pages, "shared/head.html"), "utf8").trim()),
  },
}
const nodeInPages = {
  name: "node-in-a-page",
  enforce: "pre",
  resolveId: (id) => {
    const name = /^node:(.*)$/.exec(id)?.[1]
    if (leftOut.test(id)) return `\0node:${id}`
    return name === undefined ? undefined : known.includes(name) ? moduleFor(name) : `\0${id}`
  },
  load: (id) => (id.startsWith("\0node:") ? "export default {}" : undefined),
}
/** For the worker it is a module of its own, bundled with tfjs when a model is written; pages take its types alone. */
const browserEntry = {
  name: "browser-entry",
  enforce: "pre",
  resolveId: (id) =>
    /runtime\/browser\/index\.ts$/.test(id) ? { id: "../runtime/browser/index.js", external: "absolute" } : undefined,
}

/** `out`: the built package. */
export const buildPages = async (out) => {
  const entry = join(out, "runtime/browser/index.js")
  const { metafile } = await build({
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    minify: true,
    legalComments: "inline",
    logLevel: "error",
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
  await buildWithVite({
    configFile: false,
    root: pages,
    base: "./",
    publicDir: false,
    logLevel: "error",
    plugins: [sharedHead, nodeInPages, browserEntry],
    build: {
      outDir: join(out, "pages"),
      emptyOutDir: true,
      target: "es2022",
      assetsInlineLimit: 0,
      modulePreload: false,
      // Of a package, which nobody waits for.
      reportCompressedSize: false,
      rolldownOptions: {
        input: {
          segment: join(pages, "index.html"),
          train: join(pages, "train.html"),
          worker: join(pages, "worker.ts"),
          offline: join(pages, "offline.ts"),
        },
        output: {
          entryFileNames: "[name].js",
          chunkFileNames: "[name].js",
          assetFileNames: "style[extname]",
          codeSplitting: { groups: [{ name: "common", minShareCount: 2 }] },
        },
      },
    },
  })
}
