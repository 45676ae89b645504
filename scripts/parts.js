// Libraries of which a module uses little travel inside that module, with their licences in dist/LICENSES.txt: 0.7 of 68 MB.
import { appendFile, cp, readFile, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

const root = join(dirname(fileURLToPath(import.meta.url)), "..")

/** Module in dist → the packages that it takes in. They are devDependencies. */
export const parts = {
  "runtime/figures/echarts.js": ["echarts", "zrender", "tslib"],
  "runtime/data/csv.js": ["csv-parse"],
  "runtime/metrics/statistics.js": ["jstat", "simple-statistics"],
  "runtime/data/images/dicom.js": ["dicom-parser"],
  "runtime/data/images/nifti.js": ["nifti-reader-js", "fflate"],
}

/** What is in hasam/browser and the pages (pages.js), beside tfjs and packages that are installed. */
export const pageParts = [
  "@noble/hashes",
  "@petamoriken/float16",
  "base64-js",
  "buffer",
  "csv-parse",
  "dicom-parser",
  "fast-png",
  "fflate",
  "geotiff",
  "ieee754",
  "iobuffer",
  "nifti-reader-js",
  "pako",
  "parse-headers",
  "quick-lru",
  "web-worker",
  "xml-utils",
]
/** Of geotiff: compressions that no command reads either. */
export const leftOut = /^(lerc|zstddec)(\/|$)/

export const packageOf = (path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/.exec(path)?.[1]

/** A package's folder: some have no main file, some do not export their package.json, some are named as a module of Node. */
const folderOf = (name) => {
  const paths = createRequire(join(root, "package.json")).resolve.paths("any")
  return paths.map((path) => join(path, name))
}
const textOf = async (name) => {
  for (const folder of folderOf(name))
    for (const file of ["LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE", "license", "CopyrightNotice.txt"]) {
      const text = await readFile(join(folder, file), "utf8").catch(() => undefined)
      if (text !== undefined) return text
    }
  const { readdir } = await import("node:fs/promises")
  throw new Error(`${name} has no licence: ${await readdir(folderOf(name)[0]).catch(() => "not installed")}`)
}

/** Bundles each module's packages into it; its own modules stay beside it. */
export const bundleParts = async (dist) => {
  const taken = new Set(pageParts)
  for (const [module, packages] of Object.entries(parts)) {
    const { metafile } = await build({
      entryPoints: [join(dist, module)],
      outfile: join(dist, module),
      allowOverwrite: true,
      bundle: true,
      minify: true,
      format: "esm",
      platform: "node",
      target: "node20",
      plugins: [
        {
          name: "own modules stay",
          setup: ({ onResolve }) =>
            onResolve({ filter: /^\./ }, ({ path, importer }) =>
              packageOf(importer) === undefined ? { path, external: true } : undefined,
            ),
        },
      ],
      // CommonJS asks for Node's own modules by a function that modules have not.
      banner: {
        js: `/*! Contains ${packages.join(", ")}: dist/LICENSES.txt. */
import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);`,
      },
      legalComments: "inline",
      metafile: true,
    })
    for (const path of Object.keys(metafile.inputs)) {
      const name = packageOf(path)
      if (name !== undefined && !packages.includes(name)) throw new Error(`${module} takes in ${name}, too`)
    }
    for (const name of packages) taken.add(name)
  }
  await cp(join(folderOf("esbuild")[0], "lib/main.js"), join(dist, "esbuild/lib/main.js"))
  // The package is one of ES modules, and this is none.
  await writeFile(join(dist, "esbuild/package.json"), '{ "type": "commonjs" }\n')
  for (const name of [...taken, "esbuild"].sort())
    await appendFile(join(dist, "LICENSES.txt"), `${name}\n\n${(await textOf(name)).trim()}\n\n${"-".repeat(80)}\n\n`)
}
