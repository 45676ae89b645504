/** The thread between a test that waits and the process of the commands: passes calls on, and answers even if that process ends. */
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import { workerData } from "node:worker_threads"

const { port, shared } = workerData
const signal = new Int32Array(shared)
const answer = (message) => {
  port.postMessage(message)
  Atomics.store(signal, 0, 1)
  Atomics.notify(signal, 0)
}

let child
const start = () => {
  child = fork(fileURLToPath(new URL("./server.mjs", import.meta.url)), [], {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    execArgv: ["--max-semi-space-size=64"],
  })
  let last = ""
  const keep = (text) => {
    last = (last + text).slice(-4000)
  }
  child.stdout.on("data", keep)
  child.stderr.on("data", keep)
  child.on("message", answer)
  child.on("exit", () => {
    child = undefined
    answer({ status: null, out: "", talk: last })
  })
}
port.on("message", (call) => {
  if (child === undefined) start()
  child.send(call)
})
