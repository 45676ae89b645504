/** A thread that runs one program: calls by number, answers as promises. */
import { Worker } from "node:worker_threads"
import { explain, type Runtime } from "./runtime.ts"
import { workerSource } from "./worker.ts"

interface Waiting {
  readonly resolve: (value: never) => void
  readonly reject: (error: Error) => void
}

export interface Thread {
  call<A>(kind: string, message: object, transfer?: readonly ArrayBuffer[]): Promise<A>
  end(): Promise<void>
}

export const startThread = (runtime: Runtime, threads: number): Thread => {
  const worker = new Worker(workerSource, { eval: true, workerData: { ...runtime, threads } })
  const waiting = new Map<number, Waiting>()
  let count = 0
  let gone: Error | undefined
  const take = (id: number): Waiting | undefined => {
    const call = waiting.get(id)
    waiting.delete(id)
    // A program that is waiting for nothing does not keep the process alive.
    if (waiting.size === 0) worker.unref()
    return call
  }
  const lose = (error: Error) => {
    gone ??= error
    for (const id of [...waiting.keys()]) take(id)!.reject(gone)
  }
  worker.on("message", ({ id, result, problem }) => {
    const call = take(id)
    if (problem === undefined) call?.resolve(result as never)
    else call?.reject(explain(problem))
  })
  worker.on("error", (error: NodeJS.ErrnoException) => lose(explain(`${error.code ?? ""} ${error.message}`.trim())))
  worker.on("exit", () => lose(new Error("internal: the CPU engine's thread has ended")))
  worker.unref()
  return {
    call: (kind, message, transfer = []) =>
      new Promise((resolve, reject) => {
        if (gone !== undefined) return reject(gone)
        const id = count++
        worker.postMessage({ id, kind, ...message }, transfer as ArrayBuffer[])
        waiting.set(id, { resolve, reject })
        worker.ref()
      }),
    end: async () => {
      gone ??= new Error("internal: this program was disposed of")
      await worker.terminate()
    },
  }
}
