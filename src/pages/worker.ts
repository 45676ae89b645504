/** The model, in a thread of its own: pages stay alive while it computes. All that it does is hasam/browser's. */

import { type BrowserModel, Failed, openModel, type Picture, type Trainer } from "../runtime/browser/index.ts"
import type { Asked, Told } from "./messages.ts"

const here = globalThis as unknown as {
  postMessage(message: Told, transfer: readonly Transferable[]): void
  onmessage: ((event: MessageEvent<Asked>) => void) | null
}
const tell = (message: Told, transfer: readonly Transferable[] = []): void => here.postMessage(message, transfer)
const progress = (text: string, share?: number): void =>
  tell({ kind: "progress", text, ...(share === undefined ? {} : { share }) })
const seconds = (since: number): number => (performance.now() - since) / 1000

let model: BrowserModel | undefined
let training: Trainer | undefined
let picture: Picture | undefined
let pausing = new AbortController()
/** The image that was asked for last. */
let newest = 0
/** Of the model as it is open now. */
let previews = 0

const opened = (): BrowserModel => {
  if (model === undefined) throw new Error("internal: the model is not open")
  return model
}
const trainer = (): Trainer => {
  training ??= opened().trainer()
  return training
}

const look = async (id: number): Promise<void> => {
  if (picture === undefined) return
  progress("The model looks at the image")
  const since = performance.now()
  await opened().embed(picture)
  tell({ kind: "seen", id, seconds: seconds(since) })
}

const act = async (asked: Asked): Promise<void> => {
  switch (asked.kind) {
    case "open": {
      const { base, engine } = asked
      model = await openModel(base, { engine, onProgress: progress })
      previews = 0
      const { file, engine: name, why } = model
      return tell({ kind: "opened", file, engine: name, ...(why === undefined ? {} : { why }) })
    }
    case "weights": {
      progress("Reading weights")
      await opened().load(asked.name, asked.file)
      training = undefined
      return tell({ kind: "loaded", name: asked.name })
    }
    case "see": {
      // The user has turned to another image meanwhile.
      if (asked.id !== newest) return
      progress("Reading the image")
      picture = undefined
      picture = await opened().read(asked.name, asked.file)
      const { width, height, channels, data, format, spacing } = picture
      const raster = { width, height, channels, data }
      tell({
        kind: "read",
        id: asked.id,
        image: { name: asked.name, raster, format, ...(spacing === undefined ? {} : { spacing }) },
      })
      return look(asked.id)
    }
    case "ask":
    case "preview": {
      const isPreview = asked.kind === "preview"
      if (!isPreview) progress("Segmenting")
      const since = performance.now()
      const answers = await opened().segment(asked.question)
      const buffers = answers.map(({ values }) => values.buffer as ArrayBuffer)
      const took = { id: asked.id, answers, seconds: seconds(since) }
      if (isPreview) {
        previews += 1
        return tell({ kind: "previewed", ...took }, buffers)
      }
      const { image, questions } = opened().runs()
      return tell({ kind: "answered", ...took, runs: { image, questions: questions - previews } }, buffers)
    }
    case "kept": {
      const elsewhere = await trainer().elsewhere()
      if (elsewhere !== undefined) whenFree()
      const kept = await trainer().kept()
      return tell({
        kind: "kept",
        ...(kept === undefined ? {} : { kept }),
        ...(elsewhere === undefined ? {} : { elsewhere }),
      })
    }
    case "keep": {
      const count = await trainer().drawn.keep(asked.name, asked.image, asked.mask)
      return tell({ kind: "drawn", count, name: asked.name })
    }
    case "drawn":
      return tell({ kind: "drawn", count: await trainer().drawn.count() })
    case "take drawn":
      progress("Taking what was drawn")
      await trainer().give("drawn", await trainer().drawn.files())
      return act({ kind: "kept" })
    case "forget drawn":
      await trainer().drawn.forget()
      return act({ kind: "drawn" })
    case "give":
      await trainer().give(asked.name, asked.files, (share) => progress("Taking the files", share))
      return act({ kind: "kept" })
    case "check":
      return tell({
        kind: "checked",
        report: await trainer().check((share) => progress("Looking at every image and mask", share)),
      })
    case "train": {
      pausing = new AbortController()
      progress("Preparing the training")
      const finished = await trainer().train({
        ...asked.request,
        signal: pausing.signal,
        on: (event) =>
          tell({ kind: "training", event }, event.kind === "sample" ? [event.view.pixels.buffer as ArrayBuffer] : []),
      })
      return tell({ kind: "ended", finished })
    }
    case "results": {
      const [learned, split] = [await trainer().learned(), await trainer().split()]
      return tell({
        kind: "results",
        ...(learned === undefined ? {} : { learned }),
        ...(split === undefined ? {} : { split }),
      })
    }
    case "forget":
      await trainer().forget()
      return act({ kind: "kept" })
    case "pause":
      return
  }
}

const ofDevice: ReadonlySet<string> = new Set(["HS2602", "HS2603", "HS2604"])
/** How engines and browsers say that there is no memory left. */
const noMemory = /out of memory|memory\.grow|allocation failed|invalid array (buffer )?length|could not allocate/i
const failure = (during: Asked["kind"], problem: unknown): Told => {
  const onGpu = model?.engine === "webgpu"
  if (problem instanceof Failed) {
    const [{ message, help, code }] = problem.diagnostics
    return {
      kind: "failed",
      during,
      message: `${code}: ${message}`,
      device: onGpu && ofDevice.has(code),
      ...(help === undefined ? {} : { help }),
    }
  }
  const text = problem instanceof Error ? problem.message : String(problem)
  if (noMemory.test(text))
    return {
      kind: "failed",
      during,
      message: "The memory does not suffice",
      help: "Close other tabs, take a smaller image, or fewer images a batch.",
      device: onGpu,
    }
  return {
    kind: "failed",
    during,
    message: `This failed, and should not: ${text}`,
    device: onGpu && /device/i.test(text),
  }
}

let last: Promise<void> = Promise.resolve()
const next = (asked: Asked): void => {
  last = last.then(() => act(asked)).catch((problem: unknown) => tell(failure(asked.kind, problem)))
}
/** Another tab trains: once it is through, what it left is looked at. */
let waits = false
const whenFree = (): void => {
  if (waits) return
  waits = true
  void trainer()
    .free()
    .finally(() => {
      waits = false
      next({ kind: "kept" })
    })
}
here.onmessage = ({ data }) => {
  // Heard at once: all else waits for what is under way.
  if (data.kind === "pause") return pausing.abort()
  // Files are whole at any moment, in the middle of a training too.
  if (data.kind === "results") return void act(data).catch((problem: unknown) => tell(failure(data.kind, problem)))
  if (data.kind === "see") newest = data.id
  next(data)
}
