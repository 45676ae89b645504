/** Ctrl-C and its kin, for work that ends in good order: the first asks for that, and the second ends at once. */
import { exit, talk } from "./output.ts"

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const

/**
 * As a signal that nobody catches ends a process: `process.exit` would take an engine down that still computes, which aborts with a message of
 * its own. What is cleared away at an end is.
 */
const endAtOnce = (signal: NodeJS.Signals): void => {
  process.emit("exit", exit.interrupted)
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
}

export interface Interruption {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal
  /** From now on signals are caught; before, nothing is lost by ending at once. */
  readonly listen: () => void
  readonly done: () => void
}

/** `what` is said at the first signal: what is still waited for. */
export const interruption = (what: string): Interruption => {
  const stop = new AbortController()
  let asked = 0
  const interrupt = (signal: NodeJS.Signals): void => {
    asked += 1
    if (asked > 1) endAtOnce(signal)
    else {
      talk(`\nstopping${what}; once more to stop at once`)
      stop.abort()
    }
  }
  return {
    signal: stop.signal,
    listen: () => signals.forEach((signal) => void process.on(signal, interrupt)),
    done: () => signals.forEach((signal) => void process.off(signal, interrupt)),
  }
}
