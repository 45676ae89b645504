/** The CPU engine: programs as ONNX, run by onnxruntime in a thread of their own. README.md says why it is set up so. */
import { availableParallelism } from "node:os"
import type { Program, Tensor, Tensors } from "../../compiler/ir/graph.ts"
import type { Backend, Executable } from "../backend.ts"
import { feedable, loadable, sourcesOf } from "../tensors.ts"
import { lower } from "./lower.ts"
import { encodeModel } from "./model.ts"
import { runtimeOf } from "./runtime.ts"
import { startThread } from "./thread.ts"

export interface CpuOptions {
  /** Threads for each op. Default: as many as the machine has. */
  readonly threads?: number
  /** Scores of attention at a time. */
  readonly scores?: number
  /** native: onnxruntime-node; wasm: onnxruntime-web, the same model, about four times slower. Default: native where it loads. */
  readonly engine?: "native" | "wasm"
}

/** How sessions are set up. */
export const sessionOptions = (threads: number, web: boolean) => ({
  executionProviders: [web ? "wasm" : "cpu"],
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  executionMode: "sequential",
  // Ours is the order and the fusing: a rewritten graph runs in another order, and keeps more alive.
  graphOptimizationLevel: "disabled",
  // A pattern reserves one block for the whole run, as large as the worst plan.
  enableMemPattern: false,
  logSeverityLevel: 4,
})

/** Each tensor in memory of its own, as a message takes it, and which of that may change hands. */
const packed = (tensors: Tensors, give: boolean): { readonly tensors: Tensors; readonly transfer: ArrayBuffer[] } => {
  const transfer = new Set<ArrayBuffer>()
  const pack = (tensor: Tensor): Tensor => {
    const { buffer, byteLength } = tensor.data
    const whole = buffer instanceof ArrayBuffer && byteLength === buffer.byteLength
    const data = whole ? tensor.data : tensor.data.slice()
    if (give || !whole) transfer.add(data.buffer as ArrayBuffer)
    return { shape: tensor.shape, data }
  }
  const all = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, pack(tensor)]))
  return { tensors: all, transfer: [...transfer] }
}

/**
 * onnxruntime on the processor. Weights are loaded once and are in memory once where they are given; state stays in the engine.
 * Errors: HS2501 no runtime loads, HS2502 out of memory, HS2606 other tensors than the program takes.
 */
export const cpu = (options: CpuOptions = {}): Backend => ({
  name: "cpu",
  compile: async (program: Program): Promise<Executable> => {
    const threads = options.threads ?? availableParallelism()
    const runtime = runtimeOf(options.engine)
    const { graph, state } = program
    const lowered = lower(graph, options.scores === undefined ? {} : { scores: options.scores })
    const model = encodeModel(lowered)
    const sources = sourcesOf(program)
    const advancing = new Set(Object.values(state))
    const outputs = graph.outputs.filter(({ name }) => !advancing.has(name))
    const thread = startThread(runtime, threads)
    const created = thread.call<void>(
      "create",
      {
        model,
        options: sessionOptions(threads, runtime.web),
        inputs: lowered.inputs.map(({ name }) => name),
        outputs: Object.fromEntries(outputs.map(({ name, value }) => [name, graph.nodes[value]!.shape])),
        state,
      },
      [model.buffer],
    )
    await created.catch(async (problem) => {
      await thread.end()
      throw problem
    })
    const loaded = new Set<string>()
    return {
      load: async (given, { give = false } = {}) => {
        // onnxruntime does not take shared memory; handed over, weights are in memory once all the same.
        const { tensors, transfer } = packed(loadable("cpu", sources, given), give)
        await thread.call<void>("load", { tensors }, transfer)
        for (const name of Object.keys(tensors)) loaded.add(name)
      },
      run: async (inputs) => {
        const { tensors, transfer } = packed(feedable("cpu", sources, loaded, inputs), false)
        return thread.call<Tensors>("run", { fed: tensors }, transfer)
      },
      read: (wanted) => thread.call<Tensors>("read", { wanted }),
      dispose: async () => {
        await thread.call<void>("dispose", {}).finally(() => thread.end())
      },
    }
  },
})
