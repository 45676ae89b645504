/** A compiled model as a folder that any web server can serve. */
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { Program } from "../../compiler/ir/graph.ts"
import { bundleForBrowser } from "./bundle.ts"
import { page } from "./page.ts"

/**
 * Writes `segment.json`, the engine (`hasam.js`, .wasm) and `index.html`, a page to try it in: one image, one point, one
 * mask. The page loads `weights.safetensors` from the folder, or asks for it. Gives the paths.
 */
export const emitForBrowser = async (folder: string, segment: Program): Promise<readonly string[]> => {
  await mkdir(folder, { recursive: true })
  const files = { "segment.json": JSON.stringify(segment), "index.html": page }
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return [...Object.keys(files).map((name) => join(folder, name)), ...(await bundleForBrowser(folder))]
}
