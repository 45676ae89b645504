/** Scripts for a page, with tfjs in them, and the WebAssembly beside them: nothing to install, nothing to fetch from elsewhere. */
import { copyFile, writeFile } from "node:fs/promises"
import { basename, join } from "node:path"
import { esbuild } from "../../compiler/frontend/esbuild.ts"
import { packageRoot } from "../../compiler/frontend/package.ts"
import { missing } from "../../compiler/packages.ts"
import { makeFolder } from "../files.ts"
import { wasmFiles } from "./wasm.ts"

const bundles = new Map<string, Promise<Uint8Array>>()

/**
 * A script of the built package as one ES module. Of tfjs, which is not ours, the parts come from where it is installed. Made once a process.
 * Throws HS2520 where it is not.
 */
export const bundled = (entry: string): Promise<Uint8Array> => {
  const known = bundles.get(entry)
  if (known !== undefined) return known
  const made = bundle(entry)
  bundles.set(entry, made)
  return made
}
const bundle = async (entry: string): Promise<Uint8Array> => {
  const built = await esbuild()
    .build({
      entryPoints: [entry],
      bundle: true,
      write: false,
      format: "esm",
      platform: "browser",
      target: "es2022",
      minify: true,
      legalComments: "inline",
      logLevel: "silent",
      // What tfjs asks for in Node alone.
      external: ["node:*", "fs", "path", "os", "util", "worker_threads", "perf_hooks", "crypto", "string_decoder"],
    })
    .catch((problem: { readonly errors?: readonly { readonly text: string }[] }) => {
      const name = /Could not resolve "(@tensorflow\/[^"/]+)/.exec(problem.errors?.[0]?.text ?? "")?.[1]
      throw name === undefined ? problem : missing(name)
    })
  return built.outputFiles[0]!.contents
}

/** `hasam/browser` as the build wrote it: all but tfjs is in it. */
export const browserEntry = join(packageRoot, "dist/runtime/browser/index.js")

/** Writes `hasam.js` (an ES module) and the .wasm files into a folder; gives their paths. */
export const bundleForBrowser = async (folder: string): Promise<readonly string[]> => {
  await makeFolder(folder)
  const script = join(folder, "hasam.js")
  await writeFile(script, await bundled(browserEntry))
  const copies = wasmFiles().map((file) => [file, join(folder, basename(file))] as const)
  for (const [from, to] of copies) await copyFile(from, to)
  return [script, ...copies.map(([, to]) => to)]
}
