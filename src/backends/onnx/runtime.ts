/** Which onnxruntime runs, and what its errors mean. */
import { createRequire } from "node:module"
import { join } from "node:path"
import { failed } from "../../compiler/diagnostic.ts"
import { nativeFolder } from "./native.ts"

export interface Runtime {
  /** Path of the module that the engine's thread loads. */
  readonly path: string
  /** onnxruntime-web: WebAssembly, no native code. */
  readonly web: boolean
}

const require = createRequire(import.meta.url)
/** Loads a module and gives its path: one that Node finds from here, else what `hasam install` brought. Replaced in tests. */
const loading = (name: string): string => {
  const path = require.resolve(name, {
    paths: [import.meta.dirname, process.cwd(), join(nativeFolder(), "node_modules")],
  })
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
      ? "Bring it: hasam install cpu. Or leave the engine open: WebAssembly runs the same program."
      : "Bring it: hasam install cpu. Where there is no native code for this machine: npm install onnxruntime-web.",
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
