import type { Backend } from "../backends/backend.ts"
import { aboutFile, Failed } from "../compiler/diagnostic.ts"

/** A target's engine, loaded when it is asked for. */
const engines: Readonly<Record<string, () => Promise<Backend>>> = {
  cpu: async () => (await import("../backends/onnx/engine.ts")).cpu(),
  wasm: async () => (await import("../backends/tfjs/index.ts")).wasmBackend(),
  webgpu: async () => (await import("../backends/tfjs/node.ts")).webgpuBackend(),
  "webgpu-f16": async () => (await import("../backends/tfjs/node.ts")).webgpuBackend({ f16: true }),
  reference: async () => (await import("../backends/reference.ts")).reference(),
}

export const backendFor = async (target: string): Promise<Backend> => {
  const open = engines[target]
  if (open === undefined)
    throw new Failed([
      aboutFile(
        target,
        "HS2503",
        `'${target}' is not a target that runs`,
        `Targets that run are ${Object.keys(engines).join(", ")}.`,
      ),
    ])
  return open()
}
