// The command as few files: Node opens and links some twenty instead of two hundred, which is half of what a compile of a small spec takes.
// dist/cli/main.js and its chunks replace the modules that it starts with; everything else in dist stays as it is, for the package's other
// entries, its threads and its tests. Threads that run specs are one file.
import { readdir, readFile, rm, writeFile } from "node:fs/promises"
import { isBuiltin } from "node:module"
import { join, relative } from "node:path"
import { build, transform } from "esbuild"
import { parts } from "./parts.js"

/** Small packages that every command starts with, which travel within; all others are imported where they are used. */
const within = /^(commander|fp-ts|io-ts|fastest-levenshtein|@jridgewell)(\/|$)/

/** What is thrown is of one class, and threads that were started ahead are to be found. */
const apart = new Set(["compiler/diagnostic.js", "compiler/frontend/threads.js"])

const slashed = (path) => path.replaceAll("\\", "/")

/** Modules of a bundle find what lies beside them in dist as if they lay there themselves. */
const inPlace = (dist, outdir) => ({
  name: "in place",
  setup({ onResolve, onLoad, resolve }) {
    // Their modules, of which what is not used is left out, in place of the same as CommonJS.
    onResolve({ filter: /^(fp-ts|io-ts)\/lib\// }, ({ path, kind, resolveDir }) =>
      resolve(path.replace("/lib/", "/es6/"), { kind, resolveDir }),
    )
    onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === "entry-point" || within.test(path) ? undefined : { path, external: true },
    )
    // Modules that have taken in libraries are bundles already; and some are one for them, for bin and for the command.
    onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
      const whole = join(resolveDir, path)
      const name = slashed(relative(dist, whole))
      return name in parts || apart.has(name) ? { path: slashed(relative(outdir, whole)), external: true } : undefined
    })
    onLoad({ filter: /\.c?js$/ }, async ({ path }) => {
      const name = slashed(relative(dist, path))
      // Whatever runs from the language's own folder is not the user's: that folder is now the bundle's.
      if (name === "dsl/place.js") return undefined
      const text = await readFile(path, "utf8")
      // CommonJS asks for Node's own modules by a function that modules have not.
      const contents = name.startsWith("..")
        ? text.replaceAll(/\brequire\((["'])([\w:/]+)\1\)/g, (call, _, module) =>
            isBuiltin(module) ? `globalThis.process.getBuiltinModule("${module}")` : call,
          )
        : text.replaceAll("import.meta.url", `new URL("${slashed(relative(outdir, path))}", import.meta.url).href`)
      return { contents }
    })
  },
})

const options = {
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  minifyWhitespace: true,
  minifySyntax: true,
  allowOverwrite: true,
  legalComments: "none",
  banner: {
    js: "/*! Contains commander, fp-ts, io-ts, fastest-levenshtein and @jridgewell/trace-mapping, MIT: their licences are in their packages, which are installed beside this one. */",
  },
}

/** What stays beside the bundle travels without its comments and indentation; declarations keep theirs, for editors. */
const withoutSpace = async (dist) => {
  const names = await readdir(dist, { recursive: true })
  const own = names.filter((name) => !/^(pages|esbuild)[\\/]/.test(name))
  for (const name of own.filter((name) => name.endsWith(".js"))) {
    const path = join(dist, name)
    const { code } = await transform(await readFile(path, "utf8"), {
      format: "esm",
      target: "node20",
      minifyWhitespace: true,
      legalComments: "inline",
    })
    await writeFile(path, code)
  }
  for (const name of own.filter((name) => name.endsWith(".js.map"))) await rm(join(dist, name))
}

export const bundle = async (dist) => {
  const root = join(dist, "..")
  const one = (entry, more) => {
    const outdir = join(dist, entry, "..")
    const given = { entryPoints: [join(dist, entry)], outdir, absWorkingDir: root }
    return build({ ...options, ...given, plugins: [inPlace(dist, outdir)], ...more })
  }
  await one("cli/main.js", { splitting: true, chunkNames: "[name]-[hash]" })
  // CommonJS, which Node loads in a new thread without its loader of modules: a third of the thread's start.
  await one("compiler/frontend/worker.js", {
    format: "cjs",
    outExtension: { ".js": ".cjs" },
    define: { "import.meta.url": "ownUrl" },
    banner: { js: `const ownUrl = require("node:url").pathToFileURL(__filename).href` },
  })
  await rm(join(dist, "compiler/frontend/worker.js"))
  // With fp-ts in it, which otherwise is fifteen files of CommonJS.
  await one("compiler/diagnostic.js")
  await withoutSpace(dist)
}
