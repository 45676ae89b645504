/** The page: what a user does becomes questions, the worker's answers become masks. */

import type { ModelFile } from "../../runtime/browser/modelFile.ts"
import { isQuestion, type Question } from "../../runtime/browser/question.ts"
import { draw } from "./draw.ts"
import { page } from "./elements.ts"
import type { Asked, Told } from "./messages.ts"
import { type Picture, pictureOf } from "./picture.ts"
import { listen } from "./pointer.ts"
import { type Found, foundOf, numbered } from "./regions.ts"
import { give, pngOf, tableOf } from "./save.ts"
import {
  advance,
  chosen,
  empty,
  isEmpty,
  redone,
  type State,
  started,
  undone,
  withBox,
  withObject,
  without,
  withPoint,
} from "./state.ts"

const base = new URL("./", document.baseURI).href
let worker: Worker
let file: ModelFile | undefined
let picture: Picture | undefined
let seen = false
let history = started
/** Questions are never changed, so an answer belongs to one for good: undo asks nothing again. */
let answers = new WeakMap<Question, Found>()
const waiting = new Map<number, Question>()
let asked = 0
let dragged: Question["box"]
let cross: { readonly x: number; readonly y: number } | undefined

const takes = (kind: "points" | "box"): boolean =>
  file !== undefined && Object.values(file.model.takes).some((feed) => feed.kind === kind)
const prompted = (): boolean => takes("points") || takes("box")

const say = (text: string, wrong = false): void => {
  page.status.textContent = text
  page.status.classList.toggle("error", wrong)
  page.progress.hidden = true
}
const busy = (text: string, share?: number): void => {
  say(text)
  page.progress.hidden = false
  if (share === undefined) page.progress.removeAttribute("value")
  else page.progress.value = share
}
const send = (message: Asked, transfer: readonly Transferable[] = []): void =>
  worker.postMessage(message, transfer as Transferable[])

/** A worker that is started from here obeys this page's Content-Security-Policy, whatever server sends it. */
const start = (engine: "best" | "wasm"): void => {
  worker?.terminate()
  waiting.clear()
  const source = URL.createObjectURL(
    new Blob([`import ${JSON.stringify(new URL("worker.js", base).href)}`], { type: "text/javascript" }),
  )
  worker = new Worker(source, { type: "module" })
  worker.onmessage = ({ data }: MessageEvent<Told>) => hear(data)
  worker.onerror = () =>
    say("The model's script cannot be run in this browser: it is too old, or worker.js is missing.", true)
  busy("Starting")
  send({ kind: "open", base, engine })
}

const see = (): void => {
  if (picture === undefined || file === undefined) return
  seen = false
  waiting.clear()
  answers = new WeakMap()
  send({ kind: "see", image: picture.raster })
  render()
}

const hint = (): string => {
  if (!prompted()) return "The model segments each image at once."
  const click = "Click what to segment; Shift-click, or the right button, what does not belong to it."
  const keys = "Keys: arrows and Enter, N for a new object, Ctrl+Z."
  if (!takes("points")) return `Drag a box around what to segment. ${keys}`
  return `${click}${takes("box") ? " Drag a box around it." : ""} ${keys}`
}

const hear = (told: Told): void => {
  switch (told.kind) {
    case "progress":
      busy(told.text, told.share)
      break
    case "opened": {
      file = told.file
      page.name.textContent = file.model.name
      document.title = `${file.model.name}: segment`
      page.untrained.hidden = file.weights === "given"
      page.how.textContent = hint()
      page.sides.hidden = !takes("points")
      page.canvas.classList.toggle("boxes", takes("box"))
      page.engine.textContent =
        told.engine === "webgpu"
          ? "Runs on WebGPU."
          : `Runs on the processor (WebAssembly), slower than on a GPU.${told.why === undefined ? "" : ` Why: ${told.why}.`}`
      say("Choose an image.")
      see()
      break
    }
    case "loaded":
      page.untrained.hidden = true
      say(`Weights of ${told.name} loaded.`)
      see()
      break
    case "seen":
      seen = true
      say(
        prompted()
          ? `Ready after ${told.seconds.toFixed(1)} s. ${takes("points") ? "Click" : "Drag a box around"} what to segment.`
          : "",
      )
      render()
      break
    case "answered": {
      const question = waiting.get(told.id)
      waiting.delete(told.id)
      if (question === undefined || picture === undefined) return
      answers.set(question, foundOf(told.answers, picture.raster))
      say(
        `Segmented in ${told.seconds < 1 ? `${Math.round(1000 * told.seconds)} ms` : `${told.seconds.toFixed(1)} s`}.`,
      )
      // For scripts that study the page: logits as the model gave them, and what they cost.
      document.dispatchEvent(new CustomEvent("hasam:answer", { detail: told }))
      render()
      break
    }
    case "failed": {
      waiting.clear()
      page.retry.hidden = !told.device
      say(`${told.message}${/[.!?]$/.test(told.message) ? "" : "."} ${told.help ?? ""}`.trim(), true)
      if (told.during === "open" && file === undefined) page.name.textContent = "The model cannot be opened"
    }
  }
}

const current = (): Question => history.now.objects[history.now.current] ?? { points: [] }
const foundAt = (i: number): Found | undefined => {
  const found = answers.get(history.now.objects[i] as Question)
  return found === undefined ? undefined : numbered(found, i)
}
const allFound = (): readonly Found[] => history.now.objects.flatMap((_, i) => foundAt(i) ?? [])

const askWhatIsNew = (): void => {
  if (file === undefined || !seen) return
  for (const question of history.now.objects) {
    if (answers.has(question) || [...waiting.values()].includes(question) || !isQuestion(file.model, question)) continue
    asked += 1
    waiting.set(asked, question)
    send({ kind: "ask", id: asked, question })
  }
}

const listed = (i: number, { regions, points }: Found): readonly HTMLElement[] => {
  const rows = [
    ...regions.map(({ name, pixels, colour }) => ({
      name,
      text: `${pixels.toLocaleString("en")} pixels`,
      colour: `rgb(${colour.join(" ")})`,
    })),
    ...points.map(({ x, y }) => ({ name: "Point", text: `x ${x.toFixed(1)}, y ${y.toFixed(1)}`, colour: "#ffe14d" })),
  ]
  return rows.map(({ name, text, colour }) => {
    const item = document.createElement("li")
    const swatch = document.createElement("span")
    swatch.className = "swatch"
    swatch.style.backgroundColor = colour
    const label = document.createElement(prompted() ? "button" : "span")
    label.className = "name"
    label.textContent = `${name}: ${text}`
    item.append(swatch, label)
    if (!prompted()) return item
    item.classList.toggle("current", i === history.now.current)
    label.setAttribute("aria-pressed", String(i === history.now.current))
    label.onclick = () => go(chosen(history.now, i))
    const remove = document.createElement("button")
    remove.textContent = "Remove"
    remove.setAttribute("aria-label", `Remove ${name}`)
    remove.onclick = () => go(without(history.now, i))
    item.append(remove)
    return item
  })
}

const paintNow = (): void => {
  if (picture === undefined) return
  draw(page.canvas, { image: picture.bitmap, found: allFound(), question: current(), dragged, cross })
}
const render = (): void => {
  const { objects } = history.now
  page.edits.hidden = picture === undefined || !prompted()
  page.undo.disabled = history.before.length === 0
  page.redo.disabled = history.after.length === 0
  page.add.disabled = objects.some(isEmpty)
  page.clear.disabled = objects.every(isEmpty)
  page.objects.replaceChildren(
    ...objects.flatMap((_, i) => listed(i, foundAt(i) ?? { regions: [], points: [], ofClasses: false })),
  )
  page.saves.hidden = allFound().length === 0
  page.masks.hidden = allFound().every(({ mask }) => mask === undefined)
  paintNow()
  askWhatIsNew()
}
const go = (next: State): void => {
  history = advance(history, next)
  render()
}

const show = async (given: File | undefined): Promise<void> => {
  if (given === undefined) return
  try {
    picture?.bitmap.close()
    picture = undefined
    picture = await pictureOf(given)
    history = started
    const { width, height } = picture.raster
    Object.assign(page.canvas, { width, height, hidden: false })
    page.canvas.style.setProperty("--aspect", String(width / height))
    page.canvas.setAttribute("aria-label", `${picture.name}, ${width} × ${height} pixels`)
    page.drop.hidden = true
    see()
  } catch (problem) {
    page.canvas.hidden = true
    page.drop.hidden = false
    say((problem as Error).message, true)
    render()
  }
}

listen(page.canvas, {
  boxes: () => takes("box"),
  point: (at, outside) => {
    if (!takes("points")) return
    const side = document.querySelector<HTMLInputElement>("#sides input:checked")?.value
    go(withPoint(history.now, { ...at, inside: !(outside || side === "out") }))
  },
  box: (box) => go(withBox(history.now, box)),
  dragged: (box) => {
    dragged = box
    paintNow()
  },
  cross: (at) => {
    cross = at
    paintNow()
  },
})
page.image.onchange = () => {
  void show(page.image.files?.[0])
  page.image.value = ""
}
page.weights.onchange = async () => {
  const [chosenFile] = page.weights.files ?? []
  if (chosenFile === undefined) return
  const bytes = new Uint8Array(await chosenFile.arrayBuffer())
  page.weights.value = ""
  send({ kind: "weights", name: chosenFile.name, bytes }, [bytes.buffer])
}
page.retry.onclick = () => {
  page.retry.hidden = true
  start("wasm")
}
page.undo.onclick = () => {
  history = undone(history)
  render()
}
page.redo.onclick = () => {
  history = redone(history)
  render()
}
page.add.onclick = () => go(withObject(history.now))
page.clear.onclick = () => go(empty)
const stem = (): string => picture?.name.replace(/\.[^.]*$/, "") ?? "image"
page.masks.onclick = async () => {
  for (const [i, found] of allFound().entries())
    if (found.mask !== undefined)
      give(`${stem()}_mask${found.ofClasses ? "" : `_${i + 1}`}.png`, await pngOf(found.mask, found.ofClasses))
}
page.table.onclick = () => {
  if (picture === undefined) return
  const text = tableOf(picture.name, picture.raster, allFound())
  give(`${stem()}.csv`, new Blob([text], { type: "text/csv" }))
}
document.addEventListener("keydown", (event) => {
  const key = event.key.toLowerCase()
  if ((event.ctrlKey || event.metaKey) && key === "z") (event.shiftKey ? page.redo : page.undo).click()
  else if ((event.ctrlKey || event.metaKey) && key === "y") page.redo.click()
  else if (key === "n" && !event.ctrlKey && !event.metaKey && !event.altKey && !page.edits.hidden) page.add.click()
  else return
  event.preventDefault()
})
document.addEventListener("paste", (event) => void show(event.clipboardData?.files[0]))
for (const kind of ["dragover", "dragleave", "drop"] as const)
  document.addEventListener(kind, (event) => {
    event.preventDefault()
    page.stage.classList.toggle("over", kind === "dragover")
    if (kind === "drop") void show(event.dataTransfer?.files[0])
  })
addEventListener("resize", paintNow)

render()
start("best")
