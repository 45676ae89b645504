/** Which onnxruntime runs, and what its errors mean. */
import { createRequire } from "node:module"
import { failed } from "../../compiler/diagnostic.ts"

export interface Runtime {
  /** Path of the module that the engine's thread loads. */
  readonly path: string
  /** onnxruntime-web: WebAssembly, no native code. */
  readonly web: boolean
}

const require = createRequire(import.meta.url)
/** Loads a module and gives its path; replaced in tests. */
const loading = (name: string): string => {
  const path = require.resolve(name)
  require(path)
  return path
}
const native = "onnxruntime-node"

/** native, wasm, or native where it loads. Throws HS2501 if neither does. */
export const runtimeOf = (engine: "native" | "wasm" | undefined, load = loading): Runtime => {
  const attempts = engine === undefined ? (["native", "wasm"] as const) : [engine]
  const problems: string[] = []
  for (const attempt of attempts) {
    const name = attempt === "native" ? native : "onnxruntime-web"
    try {
      return { path: load(name), web: attempt === "wasm" }
    } catch (problem) {
      problems.push(`${name}: ${(problem as Error).message.split("\n")[0]}`)
    }
  }
  throw failed(
    "cpu",
    "HS2501",
    `the CPU engine does not load: ${problems.join("; ")}`,
    engine === "native"
      ? "Install onnxruntime-node for this platform, or use --target wasm."
      : "Install again with npm ci.",
  )
}

const noMemory = /failed to allocate|bad_alloc|allocation failed|out of memory|ERR_WORKER_OUT_OF_MEMORY|\bOOM\b/i

/** What onnxruntime or its thread said, as what it means. */
export const explain = (message: string): Error => {
  const [line] = message.split("\n")
  return noMemory.test(message)
    ? failed(
        "cpu",
        "HS2502",
        `memory ran out while the program ran: ${line}`,
        "Compile for a smaller --input-size or --batch, or with --memory.",
      )
    : new Error(`internal: onnxruntime: ${line}`)
}
