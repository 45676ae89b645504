/** The CPU engine: programs as ONNX, run by onnxruntime in a thread of their own. README.md says why it is set up so. */
import { availableParallelism } from "node:os"
import { MessageChannel } from "node:worker_threads"
import { failed } from "../../compiler/diagnostic.ts"
import type { Program, Tensor, Tensors } from "../../compiler/ir/graph.ts"
import { type Stored, toBf16, toInt8 } from "../../compiler/ir/stored.ts"
import { type Frozen, store } from "../../compiler/passes/store.ts"
import type { Backend, Executable } from "../backend.ts"
import { feedable, loadable, sourcesOf } from "../tensors.ts"
import { scalesOf } from "./emitter.ts"
import { lower } from "./lower.ts"
import { encodeModel } from "./model.ts"
import { runOrder, writtenInPlace } from "./order.ts"
import { runtimeOf } from "./runtime.ts"
import { startThread, type Thread } from "./thread.ts"
import { narrowed, widen, widened } from "./wide.ts"

export interface CpuOptions {
  /** Threads for each op. Default: HASAM_THREADS, or as many as the machine has. */
  readonly threads?: number
  /** Scores of attention at a time. */
  readonly scores?: number
  /** native: onnxruntime-node; wasm: onnxruntime-web, the same model, about four times slower. Default: native where it loads. */
  readonly engine?: "native" | "wasm"
  /** Weights that are kept in fewer bits. */
  readonly frozen?: Frozen
}

/**
 * How many threads an engine is given where nobody says. Beside other work on the same cores one is best, for threads that wait for one another spin.
 * Throws HS5002 where HASAM_THREADS is no such number.
 */
export const defaultThreads = (env: NodeJS.ProcessEnv = process.env): number => {
  const given = env["HASAM_THREADS"]
  if (given === undefined || given === "") return availableParallelism()
  const asked = Number(given)
  if (Number.isInteger(asked) && asked >= 1 && asked <= 1024) return asked
  const about = "a whole number from 1 to 1,024"
  throw failed("HASAM_THREADS", "HS5002", `'${given}' is not ${about}`, `Give ${about}, or leave it out.`)
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

/** A tensor as the engine holds it: float32, or what a weight is kept as. */
interface Held {
  readonly shape: readonly number[]
  readonly data: Float32Array | Int8Array | Uint16Array
  readonly type?: "int8" | "uint16"
}
const isWhole = ({ buffer, byteLength }: Held["data"]): boolean =>
  buffer instanceof ArrayBuffer && byteLength === buffer.byteLength

/** Each tensor in memory of its own, as a message takes it, and which of that may change hands. */
const packed = (tensors: Readonly<Record<string, Held>>, give: (name: string) => boolean) => {
  const transfer = new Set<ArrayBuffer>()
  const pack = (name: string, tensor: Held): Held => {
    const whole = isWhole(tensor.data)
    const data = whole ? tensor.data : tensor.data.slice()
    if (give(name) || !whole) transfer.add(data.buffer as ArrayBuffer)
    return { ...tensor, data }
  }
  const all = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, pack(name, tensor)]))
  return { tensors: all, transfer: [...transfer] }
}

/** A port that nobody listens at: what is handed over there is freed at once, not when its owner is collected. */
const nowhere = (() => {
  const { port1, port2 } = new MessageChannel()
  port2.close()
  port1.close()
  return port1
})()
const release = ({ buffer }: Float32Array): void => {
  if (buffer instanceof ArrayBuffer) nowhere.postMessage(undefined, [buffer])
}
/** A weight as it is kept, under its name; 8 bits have their scales beside them. */
const keptAs = (stored: Stored, name: string, tensor: Tensor): Readonly<Record<string, Held>> => {
  const { shape } = tensor
  if (stored === "bf16") return { [name]: { shape, data: toBf16(tensor), type: "uint16" } }
  const { data, scales } = toInt8(tensor)
  return { [name]: { shape, data, type: "int8" }, [scalesOf(name)]: { shape: [scales.length], data: scales } }
}

/** A thread, the tensors that its programs share, and how many those programs are. */
interface Shared {
  readonly thread: Thread
  readonly loaded: Set<string>
  /** Which weights of its programs are kept wide, and which not. */
  readonly wide: Map<string, boolean>
  users: number
}
const sharedBy = new WeakMap<Executable, Shared>()
let programs = 0

/**
 * onnxruntime on the processor. Weights are loaded once and are in memory once where they are given, for all programs beside one another;
 * state stays in the engine, and is written where it is read.
 * Errors: HS2501 no runtime loads, HS2502 out of memory, HS2606 other tensors than the program takes.
 */
export const cpu = (options: CpuOptions = {}): Backend => ({
  name: "cpu",
  compile: async (program: Program, beside?: Executable): Promise<Executable> => {
    const threads = options.threads ?? defaultThreads()
    const runtime = runtimeOf(options.engine)
    const { frozen } = options
    const { state } = program
    const others = beside === undefined ? undefined : sharedBy.get(beside)
    const wide = widen(program, (name) => others?.wide.get(name) === false)
    const graph = frozen === undefined ? wide.graph : store(wide.graph, frozen)
    const stored = (name: string): Stored | undefined => (frozen?.names.has(name) ? frozen.as : undefined)
    const lowered = lower(graph, options.scores === undefined ? {} : { scores: options.scores })
    const model = encodeModel(lowered)
    const sources = sourcesOf(program)
    const advancing = new Set(Object.values(state))
    const outputs = graph.outputs.filter(({ name }) => !advancing.has(name))
    const fits = (name: string) => [undefined, wide.shapes.has(name)].includes(others?.wide.get(name))
    const shared: Shared =
      others !== undefined && [...sources.keys()].every(fits)
        ? others
        : { thread: startThread(runtime, threads), loaded: new Set(), wide: new Map(), users: 0 }
    shared.users += 1
    for (const name of sources.keys()) shared.wide.set(name, wide.shapes.has(name))
    const { thread, loaded } = shared
    programs += 1
    const id = programs
    const leave = async () => {
      shared.users -= 1
      if (shared.users === 0) await thread.end()
    }
    const created = thread.call<void>(
      "create",
      {
        program: id,
        model,
        options: sessionOptions(threads, runtime.web),
        inputs: lowered.inputs.map(({ name }) => name),
        outputs: Object.fromEntries(outputs.map(({ name, value }) => [name, graph.nodes[value]!.shape])),
        state,
        inPlace: writtenInPlace(runOrder(lowered.nodes), state),
      },
      [model.buffer],
    )
    await created.catch(async (problem) => {
      await leave()
      throw problem
    })
    const executable: Executable = {
      load: async (given, { give = false } = {}) => {
        // onnxruntime does not take shared memory; handed over, weights are in memory once all the same.
        const taken = loadable("cpu", sources, given)
        const held: Record<string, Held> = {}
        const made = new Set<string>()
        for (const [name, { shape, data }] of Object.entries(taken)) {
          const [as, wider] = [stored(name), wide.shapes.get(name)]
          const tensor = wider === undefined ? { shape, data } : widened({ shape, data }, wider)
          const all = as === undefined ? { [name]: tensor } : keptAs(as, name, tensor)
          Object.assign(held, all)
          if (as === undefined && wider === undefined) continue
          for (const one of Object.keys(all)) made.add(one)
          if (give && isWhole(data)) release(data)
        }
        const { tensors, transfer } = packed(held, (name) => give || made.has(name))
        await thread.call<void>("load", { tensors }, transfer)
        for (const name of Object.keys(taken)) loaded.add(name)
      },
      run: async (inputs) => {
        const { tensors, transfer } = packed(feedable("cpu", sources, loaded, inputs), () => false)
        return thread.call<Tensors>("run", { program: id, fed: tensors }, transfer)
      },
      read: async (wanted) => {
        const values = Object.entries(await thread.call<Tensors>("read", { wanted }))
        return Object.fromEntries(values.map(([name, x]) => [name, narrowed(x, sources.get(name)?.shape ?? x.shape)]))
      },
      missing: () => [...sources].flatMap(([name, source]) => (source.loaded && !loaded.has(name) ? [name] : [])),
      dispose: async () => {
        await thread.call<void>("dispose", { program: id }).finally(leave)
      },
    }
    sharedBy.set(executable, shared)
    return executable
  },
})
