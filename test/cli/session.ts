/**
 * hasam's commands as a user calls them, in one process that stays: the built program's own `main` with a command line, a folder and an environment of its own, and
 * what it wrote and its exit code. A new process for each command spends three quarters of its time on loading the same program again. Tests whose point is the process
 * itself (signals, locks, kills, a full disk, the programs in bin) start one.
 */
import { MessageChannel, receiveMessageOnPort, Worker } from "node:worker_threads"

export interface Ran {
  /** null: the process ended, by a signal or a crash. */
  readonly status: number | null
  readonly out: string
  readonly talk: string
}
interface Call {
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
}
let bridge: { readonly worker: Worker; readonly signal: Int32Array; readonly port: MessageChannel["port1"] } | undefined

const started = () => {
  if (bridge !== undefined) return bridge
  const { port1, port2 } = new MessageChannel()
  const shared = new SharedArrayBuffer(4)
  const worker = new Worker(new URL("./bridge.mjs", import.meta.url), {
    workerData: { port: port2, shared },
    transferList: [port2],
  })
  worker.unref()
  bridge = { worker, port: port1, signal: new Int32Array(shared) }
  return bridge
}

/** Waits for the answer, so that tests read as those of a spawned program. */
export const ran = (call: Call): Ran => {
  const { port, signal } = started()
  Atomics.store(signal, 0, 0)
  port.postMessage(call)
  if (Atomics.wait(signal, 0, 0, 300_000) === "timed-out") throw new Error(`hasam ${call.args.join(" ")}: no answer`)
  const answer = receiveMessageOnPort(port)!.message as Ran
  if (answer.status === null) throw new Error(`hasam ${call.args.join(" ")}: the process ended\n${answer.talk}`)
  return answer
}
