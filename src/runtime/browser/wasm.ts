/** tfjs's WebAssembly, which a page asks for where a browser has no WebGPU. */
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { missing } from "../../compiler/packages.ts"

const name = "@tensorflow/tfjs-backend-wasm"

/** The paths of the .wasm files in tfjs's package. Throws HS2520 where it is not installed. */
export const wasmFiles = (): readonly string[] => {
  let manifest: string
  try {
    manifest = createRequire(import.meta.url).resolve(`${name}/package.json`)
  } catch {
    throw missing(name)
  }
  return ["", "-simd", "-threaded-simd"].map((kind) => join(dirname(manifest), "dist", `tfjs-backend-wasm${kind}.wasm`))
}
