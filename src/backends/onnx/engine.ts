/** The CPU engine: programs as ONNX, run by onnxruntime in a thread of their own. */
import { createRequire } from "node:module"
import { availableParallelism } from "node:os"
import { Worker } from "node:worker_threads"
import { failed } from "../../compiler/diagnostic.ts"
import type { Program, Tensor, Tensors } from "../../compiler/ir/graph.ts"
import type { Backend, Executable } from "../backend.ts"
import { lower } from "./lower.ts"
import { encodeModel } from "./model.ts"
import { workerSource } from "./worker.ts"

export interface CpuOptions {
  /** Threads for each op. Default: as many as the machine has. */
  readonly threads?: number
  /** Query rows of attention at a time. */
  readonly rows?: number
  /** native: onnxruntime-node; wasm: onnxruntime-web, the same model, about four times slower. Default: native where it loads. */
  readonly engine?: "native" | "wasm"
}

const require = createRequire(import.meta.url)

/** Path of the runtime to load, native first. */
const runtimeOf = (engine: CpuOptions["engine"]): { readonly runtime: string; readonly web: boolean } => {
  if (engine !== "wasm") {
    try {
      const runtime = require.resolve("onnxruntime-node")
      require(runtime)
      return { runtime, web: false }
    } catch (problem) {
      if (engine === "native")
        throw failed(
          "onnxruntime-node",
          "HS2501",
          `the CPU engine does not load: ${(problem as Error).message.split("\n")[0]}`,
          "Install onnxruntime-node for this platform, or use --target wasm.",
        )
    }
  }
  return { runtime: require.resolve("onnxruntime-web"), web: true }
}

/** What onnxruntime says, as what it means. */
const explain = (message: string): Error =>
  /alloc|memory|bad_alloc/i.test(message)
    ? failed(
        "cpu",
        "HS2502",
        `memory ran out while the program ran: ${message.split("\n")[0]}`,
        "Compile for a smaller --input-size or --batch, or with --memory.",
      )
    : new Error(`internal: onnxruntime: ${message}`)

class CpuExecutable implements Executable {
  readonly #worker: Worker
  readonly #waiting = new Map<number, { resolve: (value: any) => void; reject: (error: Error) => void }>()
  #count = 0
  #gone: Error | undefined

  constructor(workerData: object) {
    this.#worker = new Worker(workerSource, { eval: true, workerData })
    this.#worker.on("message", ({ id, result, problem }) => {
      const call = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (problem === undefined) call?.resolve(result)
      else call?.reject(explain(problem))
    })
    const lost = (error: Error) => {
      this.#gone = error
      for (const { reject } of this.#waiting.values()) reject(error)
      this.#waiting.clear()
    }
    this.#worker.on("error", (error) => lost(explain(error.message)))
    this.#worker.on("exit", () => lost(new Error("internal: the CPU engine's thread has ended")))
    // A program that is waiting for nothing does not keep the process alive.
    this.#worker.unref()
  }

  call<A>(kind: string, message: object, transfer: readonly ArrayBuffer[] = []): Promise<A> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone)
    const id = this.#count++
    return new Promise<A>((resolve, reject) => {
      this.#worker.ref()
      const done = () => {
        if (this.#waiting.size === 0) this.#worker.unref()
      }
      this.#waiting.set(id, {
        resolve: (value) => {
          done()
          resolve(value)
        },
        reject: (error) => {
          done()
          reject(error)
        },
      })
      this.#worker.postMessage({ id, kind, ...message }, transfer as ArrayBuffer[])
    })
  }

  load(tensors: Tensors, { give = false } = {}): Promise<void> {
    // Handed over, weights are in memory once; onnxruntime does not take shared memory.
    const own = ({ data }: Tensor) => data.buffer instanceof ArrayBuffer && data.byteLength === data.buffer.byteLength
    const buffers = give ? Object.values(tensors).filter(own).map(({ data }) => data.buffer as ArrayBuffer) : []
    return this.call("load", { tensors }, [...new Set(buffers)])
  }
  run(inputs: Tensors): Promise<Tensors> {
    return this.call("run", { inputs })
  }
  read(wanted: readonly string[]): Promise<Tensors> {
    return this.call("read", { wanted })
  }
  async dispose(): Promise<void> {
    await this.call("dispose", {})
    this.#gone = new Error("internal: this program was disposed of")
    await this.#worker.terminate()
  }
}

const sessionOptions = (threads: number, web: boolean) => ({
  executionProviders: [web ? "wasm" : "cpu"],
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  executionMode: "sequential",
  graphOptimizationLevel: "all",
  // Patterns reserve one block for the whole run, as large as the worst plan: 11.3 GB became 7.3 GB without.
  enableMemPattern: false,
  logSeverityLevel: 3,
})

/** onnxruntime on the processor, with weights that stay where they are loaded. */
export const cpu = (options: CpuOptions = {}): Backend => ({
  name: "cpu",
  compile: async ({ graph, state }: Program): Promise<Executable> => {
    const threads = options.threads ?? availableParallelism()
    const { runtime, web } = runtimeOf(options.engine)
    const model = encodeModel(lower(graph, options.rows === undefined ? {} : { rows: options.rows })).slice()
    const executable = new CpuExecutable({ runtime, web, threads })
    await executable.call("create", { model, options: sessionOptions(threads, web), stateNames: state }, [
      model.buffer as ArrayBuffer,
    ])
    return executable
  },
})
