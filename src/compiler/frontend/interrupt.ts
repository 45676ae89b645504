/** Where a thread that does not end is just now: the debugger can stop it between any two statements. */
import { Session } from "node:inspector"

interface Frame {
  readonly location: { readonly scriptId: string; readonly lineNumber: number; readonly columnNumber: number }
}
type Told =
  | { readonly method: "Debugger.scriptParsed"; readonly params: { readonly scriptId: string; readonly url: string } }
  | { readonly method: "Debugger.paused"; readonly params: { readonly callFrames: readonly Frame[] } }
  | { readonly method?: undefined }

/** Milliseconds to wait for the debugger before giving up on a place. */
const patience = 2000

/**
 * The place, `:line:column` counted from 1, at which the innermost function of the named script runs, in the only thread beside this one
 * that has such a script; nothing where the debugger cannot tell. Afterwards the thread runs on.
 */
export const interrupted = (script: string): Promise<string | undefined> =>
  new Promise((done) => {
    const session = new Session()
    const finish = (at?: string) => {
      clearTimeout(timer)
      session.disconnect()
      done(at)
    }
    const timer = setTimeout(finish, patience)
    const scripts = new Set<string>()
    const ask = (sessionId: string, id: number, method: string) =>
      session.post("NodeWorker.sendMessageToWorker", { sessionId, message: JSON.stringify({ id, method }) })
    session.connect()
    session.on("NodeWorker.attachedToWorker", ({ params: { sessionId } }) => ask(sessionId, 1, "Debugger.enable"))
    session.on("NodeWorker.receivedMessageFromWorker", ({ params: { sessionId, message } }) => {
      const told: Told = JSON.parse(message)
      // Threads of the program around this one go on: one that waits would be stopped at its next statement.
      if (told.method === "Debugger.scriptParsed" && told.params.url.endsWith(script)) {
        scripts.add(told.params.scriptId)
        ask(sessionId, 2, "Debugger.pause")
      }
      if (told.method !== "Debugger.paused") return
      const inside = told.params.callFrames.find(({ location }) => scripts.has(location.scriptId))?.location
      // A thread that is left paused cannot be ended.
      ask(sessionId, 3, "Debugger.resume")
      session.post("NodeWorker.detach", { sessionId }, () =>
        finish(inside === undefined ? undefined : `:${inside.lineNumber + 1}:${inside.columnNumber + 1}`),
      )
    })
    session.post("NodeWorker.enable", { waitForDebuggerOnStart: false })
  })
