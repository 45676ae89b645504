/** A page's worker, and how it is spoken to. */
import type { Asked, Told } from "../messages.ts"

export interface Link {
  readonly send: (message: Asked) => void
  readonly end: () => void
}

/** Where model.json, the weights and the scripts lie. */
export const base = new URL("./", document.baseURI).href

/** A worker that is started from here obeys this page's Content-Security-Policy, whatever server sends it. Opens the model. */
export const start = (engine: "best" | "wasm", hear: (told: Told) => void, broken: (words: string) => void): Link => {
  const source = URL.createObjectURL(
    new Blob([`import ${JSON.stringify(new URL("worker.js", base).href)}`], { type: "text/javascript" }),
  )
  const worker = new Worker(source, { type: "module" })
  worker.onmessage = ({ data }: MessageEvent<Told>) => hear(data)
  worker.onerror = () =>
    broken("The model's script cannot be run in this browser: it is too old, or worker.js is missing.")
  const send = (message: Asked): void => worker.postMessage(message)
  send({ kind: "open", base, engine })
  return { send, end: () => worker.terminate() }
}

/** Keeps the page for when there is no network; a browser that cannot goes without. */
export const keepOffline = (): void => {
  if ("serviceWorker" in navigator) navigator.serviceWorker.register(new URL("offline.js", base)).catch(() => undefined)
}
