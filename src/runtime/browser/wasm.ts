/** tfjs's WebAssembly, which a page asks for where a browser has no WebGPU. */
import { copyFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { explainMissing } from "../../compiler/packages.ts"
import { cannotWrite } from "../files.ts"

const packaged = (): string => {
  try {
    return dirname(createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm/package.json"))
  } catch (error) {
    throw explainMissing(
      error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND"
        ? Object.assign(new Error("Cannot find package '@tensorflow/tfjs-backend-wasm'"), { code: error.code })
        : error,
    )
  }
}

/** Copies the .wasm files into a folder; gives their names. Throws HS2520 where the package is not installed, HS4001 where the folder cannot be written. */
export const copyWasm = async (folder: string): Promise<readonly string[]> => {
  const from = join(packaged(), "dist")
  const files = ["", "-simd", "-threaded-simd"].map((kind) => `tfjs-backend-wasm${kind}.wasm`)
  for (const file of files)
    await copyFile(join(from, file), join(folder, file)).catch((error: unknown) => {
      throw cannotWrite(join(folder, file), error)
    })
  return files
}
