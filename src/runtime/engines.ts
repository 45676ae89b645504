/** Engines that run programs in this process, by the name of their target. What an engine needs is loaded when it is asked for. */
import type { Backend } from "../backends/backend.ts"
import { failed } from "../compiler/diagnostic.ts"
import type { Frozen } from "../compiler/passes/store.ts"
import { own } from "../dsl/own.ts"
import type { Precision, Storage } from "../dsl/training.ts"

export interface EngineOptions {
  /** How products are computed, where the engine knows several ways. */
  readonly precision?: Precision | undefined
  /** Memory is scarce: attention in pieces. */
  readonly chunked?: boolean
  /** Attention of many tokens by a fused kernel, where the engine has one. */
  readonly fused?: boolean
  /** Weights that are kept in fewer bits; of the CPU engine. */
  readonly frozen?: Frozen | undefined
  /** Where lines about what takes time go. */
  readonly note?: (line: string) => void
}
export type OpenEngine = (options: EngineOptions) => Promise<Backend>

/** A target that runs models in this process. */
export type EngineName = "cpu" | "wasm" | "webgpu" | "webgpu-f16" | "cuda" | "xla" | "reference"

const opening: Readonly<Record<EngineName, OpenEngine>> = {
  cpu: async ({ frozen }) => (await import("../backends/onnx/engine.ts")).cpu(frozen === undefined ? {} : { frozen }),
  wasm: async () => (await import("../backends/tfjs/index.ts")).wasmBackend(),
  webgpu: async () => (await import("../backends/tfjs/node.ts")).webgpuBackend(),
  "webgpu-f16": async () => (await import("../backends/tfjs/node.ts")).webgpuBackend({ f16: true }),
  cuda: async (options) => (await import("../backends/xla/engine.ts")).cuda(options),
  xla: async (options) => (await import("../backends/xla/engine.ts")).xla(options),
  reference: async () => (await import("../backends/reference.ts")).reference(),
}

/** Throws HS2511 where a target other than the CPU engine is to keep weights in fewer bits. */
export const demandStorage = (target: string, as: Storage | undefined): void => {
  if (as === undefined || as === "float32" || target === "cpu") return
  throw failed(
    "--frozen",
    "HS2511",
    `${target} keeps weights in 32 bits, and cannot keep frozen ones as ${as}`,
    "Take --target cpu, or --frozen float32.",
  )
}

export const engines = Object.fromEntries(
  Object.entries(opening).map(([name, open]): readonly [string, OpenEngine] => [
    name,
    async (options) => {
      demandStorage(name, options.frozen?.as)
      return open(options)
    },
  ]),
) as Readonly<Record<EngineName, OpenEngine>>

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
