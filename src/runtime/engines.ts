/** Engines that run programs in this process, by the name of their target. What an engine needs is loaded when it is asked for. */
import type { Backend } from "../backends/backend.ts"
import { failed } from "../compiler/diagnostic.ts"
import { own } from "../dsl/own.ts"
import type { Precision } from "../dsl/training.ts"

export interface EngineOptions {
  /** How products are computed, where the engine knows several ways. */
  readonly precision?: Precision | undefined
  /** Memory is scarce: attention in pieces. */
  readonly chunked?: boolean
  /** Attention of many tokens by a fused kernel, where the engine has one. */
  readonly fused?: boolean
  /** Where lines about what takes time go. */
  readonly note?: (line: string) => void
}
export type OpenEngine = (options: EngineOptions) => Promise<Backend>

/** A target that runs models in this process. */
export type EngineName = "cpu" | "wasm" | "webgpu" | "webgpu-f16" | "cuda" | "xla" | "reference"

export const engines: Readonly<Record<EngineName, OpenEngine>> = {
  cpu: async () => (await import("../backends/onnx/engine.ts")).cpu(),
  wasm: async () => (await import("../backends/tfjs/index.ts")).wasmBackend(),
  webgpu: async () => (await import("../backends/tfjs/node.ts")).webgpuBackend(),
  "webgpu-f16": async () => (await import("../backends/tfjs/node.ts")).webgpuBackend({ f16: true }),
  cuda: async (options) => (await import("../backends/xla/engine.ts")).cuda(options),
  xla: async (options) => (await import("../backends/xla/engine.ts")).xla(options),
  reference: async () => (await import("../backends/reference.ts")).reference(),
}

/** Those that compute products in several ways. */
export const preciseEngines: readonly EngineName[] = ["cuda", "xla"]
export const isPrecise = (name: string): boolean => preciseEngines.some((one) => one === name)

const names = Object.keys(engines).join(", ")

/** The engine of a target. Throws HS2503 where the target does not run in this process. */
export const engineNamed = (name: string): OpenEngine => {
  const open = own<OpenEngine>(engines, name)
  if (open === undefined)
    throw failed("--target", "HS2503", `'${name}' is not a target that runs`, `Targets that run are ${names}.`)
  return open
}
