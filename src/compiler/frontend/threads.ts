/**
 * Threads in which specs are run. Starting one takes as long as loading the compiler does, so a command that will need them starts them first (bin).
 * A module of its own, which the command's bundle shares with bin.
 */
import { Worker } from "node:worker_threads"

const ahead: Worker[] = []

/**
 * What one writes to stdout is dropped: there only the command's answer belongs. None reads stdin; told so, Node does not open it, which would take as long as a
 * spec does.
 */
const started = (): Worker => new Worker(new URL("./worker.cjs", import.meta.url), { stdin: true, stdout: true })

/** So many threads that `startThread` will find. They keep no process alive. */
export const startAhead = (count: number): void => {
  for (let i = 0; i < count; i += 1) {
    const worker = started()
    worker.unref()
    // One that could not start is as good as none: the next is started when it is asked for.
    worker.once("error", () => ahead.splice(0))
    ahead.push(worker)
  }
}

export const startThread = (): Worker => {
  const worker = ahead.pop()
  if (worker === undefined) return started()
  worker.removeAllListeners("error")
  worker.ref()
  return worker
}
