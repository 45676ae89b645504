/** The model, in a thread of its own: the page stays alive while it computes. */

import type { Backend } from "../../backends/backend.ts"
import { Failed } from "../../compiler/diagnostic.ts"
import { decodeTensors, wasmBackend, webgpuBackend } from "../../runtime/browser/index.ts"
import type { ModelFile } from "../../runtime/browser/modelFile.ts"
import { type Segmenter, segmenter } from "../../runtime/browser/segmenter.ts"
import { download } from "./download.ts"
import type { Asked, Told } from "./messages.ts"

const here = globalThis as unknown as {
  postMessage(message: Told, transfer: readonly Transferable[]): void
  onmessage: ((event: MessageEvent<Asked>) => void) | null
}
const tell = (message: Told, transfer: readonly Transferable[] = []): void => here.postMessage(message, transfer)
const seconds = (since: number): number => (performance.now() - since) / 1000

let model: Segmenter | undefined

const backendFor = async (base: string, engine: "best" | "wasm"): Promise<readonly [Backend, why?: string]> => {
  if (engine === "best") {
    try {
      return [await webgpuBackend()]
    } catch (problem) {
      const why = problem instanceof Failed ? problem.diagnostics[0].message : String(problem)
      return [await wasmBackend({ path: base }), why]
    }
  }
  return [await wasmBackend({ path: base })]
}

const open = async ({ base, engine }: Extract<Asked, { kind: "open" }>): Promise<void> => {
  tell({ kind: "progress", text: "Starting the engine" })
  const [backend, why] = await backendFor(base, engine)
  const file = JSON.parse(new TextDecoder().decode(await download(new URL("model.json", base).href))) as ModelFile
  model = segmenter(backend, file.model)
  const weights = new URL("weights.safetensors", base).href
  const bytes = await download(weights, (share) => tell({ kind: "progress", text: "Loading weights", share }))
  await model.load("weights.safetensors", decodeTensors("weights.safetensors", bytes))
  tell({ kind: "opened", file, engine: backend.name, ...(why === undefined ? {} : { why }) })
}

const opened = (): Segmenter => {
  if (model === undefined) throw new Error("the model is not open")
  return model
}

const act = async (asked: Asked): Promise<void> => {
  switch (asked.kind) {
    case "open":
      return open(asked)
    case "weights": {
      tell({ kind: "progress", text: "Reading weights" })
      await opened().load(asked.name, decodeTensors(asked.name, asked.bytes))
      return tell({ kind: "loaded", name: asked.name })
    }
    case "see": {
      tell({ kind: "progress", text: "The model looks at the image" })
      const since = performance.now()
      await opened().see(asked.image)
      return tell({ kind: "seen", seconds: seconds(since) })
    }
    case "ask": {
      tell({ kind: "progress", text: "Segmenting" })
      const since = performance.now()
      const answers = await opened().ask(asked.question)
      const buffers = answers.map(({ values }) => values.buffer as ArrayBuffer)
      return tell({ kind: "answered", id: asked.id, answers, seconds: seconds(since), runs: opened().runs() }, buffers)
    }
  }
}

const ofDevice: ReadonlySet<string> = new Set(["HS2602", "HS2603", "HS2604"])
const failure = (during: Asked["kind"], problem: unknown): Told => {
  if (problem instanceof Failed) {
    const [{ message, help, code }] = problem.diagnostics
    return {
      kind: "failed",
      during,
      message: `${code}: ${message}`,
      device: ofDevice.has(code),
      ...(help === undefined ? {} : { help }),
    }
  }
  const text = problem instanceof Error ? problem.message : String(problem)
  const device = /memory|allocation|device/i.test(text)
  return { kind: "failed", during, message: text, device }
}

let last: Promise<void> = Promise.resolve()
here.onmessage = ({ data }) => {
  last = last.then(() => act(data)).catch((problem: unknown) => tell(failure(data.kind, problem)))
}
