/** What a program needs on a GPU that need not be there: compiled for its description, with the compiler's own figures. */
import type { Program } from "../../compiler/ir/graph.ts"
import { demandKernel, emitted, koffiPath, pluginOf, type XlaOptions } from "./engine.ts"
import { childEnvironment, compileOptions } from "./flags.ts"
import { h100 } from "./h100.ts"
import type { CompiledMemory } from "./pjrt/api.ts"
import { explained } from "./problems.ts"
import { startChild } from "./process.ts"

export interface Described {
  readonly device: string
  /** Bytes that the device has. */
  readonly available: number
  readonly memory: CompiledMemory
  /** Bytes at once. */
  readonly total: number
  /** Bytes of the program's text. */
  readonly text: number
}

/** cuDNN builds its kernels' plans on a device: what they need beside XLA's own memory is not known without one. */
const withoutPlans = "--xla_gpu_cudnn_deviceless_compilation_mode=CUDNN_DEVICELESS_COMPILATION_DISABLED"

/** Without a device nothing is measured: kernels are those that XLA takes first. Errors: HS2801 to HS2803, HS2806, HS2807. */
export const describedFor = async (program: Program, options: XlaOptions = {}): Promise<Described> => {
  demandKernel("cuda", options)
  return describedText(emitted(program, "cuda", options).text, options)
}

/** Of a program that is StableHLO text. Errors as `describedFor`. */
export const describedText = async (
  text: string,
  { env: outer = process.env }: XlaOptions = {},
): Promise<Described> => {
  const env = { ...outer, XLA_FLAGS: [withoutPlans, outer["XLA_FLAGS"]].filter(Boolean).join(" ") }
  const plugin = pluginOf("cuda", "cuda", env)
  const child = startChild(childEnvironment(plugin.toolkit, env))
  try {
    const fields = { koffi: koffiPath(), plugin: plugin.path, target: h100.options }
    const { head } = await explained(
      { target: "cuda", plugin: plugin.path, during: "compile" },
      child.call("describe", fields, [Buffer.from(text), compileOptions(1)]),
    )
    const memory = head["memory"] as CompiledMemory
    return { device: h100.name, available: h100.bytes, memory, total: head["total"] as number, text: text.length }
  } finally {
    await child.end()
  }
}
