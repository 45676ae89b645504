/** The segment page: what a user does becomes questions and strokes, the worker's answers become masks. */

import type { ModelFile } from "../../runtime/browser/modelFile.ts"
import { isQuestion, type Question } from "../../runtime/browser/question.ts"
import type { Told } from "../messages.ts"
import { teller, wordsOf } from "../shared/elements.ts"
import { type Given, give, ofInput, onDrop } from "../shared/files.ts"
import { base, engineText, keepOffline, type Link, start, timeText } from "../shared/link.ts"
import { type Album, albumOf, historyAt, noAlbum, remembered, turned } from "./album.ts"
import { draw } from "./draw.ts"
import { page } from "./elements.ts"
import { imageLayer, maskLayer } from "./layers.ts"
import { listedObjects } from "./objects.ts"
import { listen, type Tool } from "./pointer.ts"
import { colourOf, drawnOver, type Found, foundOf, numbered } from "./regions.ts"
import { overlayOf, pngOf, tableOf } from "./save.ts"
import {
  advance,
  chosen,
  empty,
  isAsked,
  isEmpty,
  redone,
  type State,
  started,
  type Target,
  undone,
  withBox,
  withObject,
  without,
  withPoint,
  withStroke,
} from "./state.ts"
import type { Stroke } from "./strokes.ts"
import { type At, type View, whole, zoomed } from "./view.ts"

type Picture = Extract<Told, { readonly kind: "read" }>["image"]

const { say, busy } = teller(page.status, page.progress)
let link: Link
let file: ModelFile | undefined
let album: Album = noAlbum
let picture: Picture | undefined
let looks = 0
let seen = false
let history = started
/** Questions are never changed, so an answer belongs to one for good: undo asks nothing again. */
let answers = new WeakMap<Question, Found>()
const waiting = new Map<number, Question>()
let asked = 0
let view: View = whole
let image: OffscreenCanvas | undefined
let masks: OffscreenCanvas | undefined
let dragged: Question["box"]
let stroke: Stroke | undefined
let cross: At | undefined
/** Of classes, the one that the brush draws. */
let painted = 1

const takes = (kind: "points" | "box"): boolean =>
  file !== undefined && Object.values(file.model.takes).some((feed) => feed.kind === kind)
const prompted = (): boolean => takes("points") || takes("box")
const ofClasses = (): boolean =>
  file !== undefined && Object.values(file.model.teaches).some(({ kind }) => kind === "classes")
const drawable = (): boolean =>
  file !== undefined && Object.values(file.model.teaches).some(({ kind }) => kind !== "point")
const tool = (): Tool => (document.querySelector<HTMLInputElement>("#tools input:checked")?.value ?? "ask") as Tool

const open = (engine: "best" | "wasm"): void => {
  link?.end()
  waiting.clear()
  busy("Starting")
  link = start(engine, hear, (words) => say(words, true))
}

/** The image that is open in the album, from its file; the model looks at it anew. */
const look = (): void => {
  const shown = album.files[album.at]
  if (shown === undefined || file === undefined) return
  seen = false
  waiting.clear()
  answers = new WeakMap()
  looks += 1
  link.send({ kind: "see", id: looks, name: shown.path.split("/").at(-1) ?? shown.path, file: shown.content })
}

const hint = (): string => {
  if (!prompted()) return drawable() ? "The model segments each image at once; the brush corrects it." : ""
  if (!takes("points")) return "Drag a box around what to segment."
  const click = "Click what to segment; Shift-click, or the right button, what does not belong to it."
  return `${click}${takes("box") ? " Or drag a box around it." : ""}`
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
      page.training.hidden = file.training === undefined
      page.how.textContent = hint()
      page.asking.hidden = !prompted()
      if (!prompted()) document.querySelector<HTMLInputElement>("#tools input[value=move]")?.click()
      page.engine.textContent = engineText(told.engine, told.why)
      say("Choose an image.")
      look()
      break
    }
    case "loaded":
      page.untrained.hidden = true
      say(`Weights of ${told.name} loaded.`)
      look()
      break
    case "read":
      if (told.id === looks) show(told.image)
      break
    case "seen":
      if (told.id !== looks) return
      seen = true
      say(
        prompted()
          ? `Ready after ${timeText(told.seconds)}. ${takes("points") ? "Click" : "Drag a box around"} what to segment.`
          : "",
      )
      render()
      break
    case "answered": {
      const question = waiting.get(told.id)
      waiting.delete(told.id)
      if (question === undefined || picture === undefined) return
      answers.set(question, foundOf(told.answers, picture.raster))
      say(`Segmented in ${timeText(told.seconds)}.`)
      // For scripts that study the page: logits as the model gave them, and what they cost.
      document.dispatchEvent(new CustomEvent("hasam:answer", { detail: told }))
      render()
      break
    }
    case "failed": {
      waiting.clear()
      page.retry.hidden = !told.device
      say(wordsOf(told), true)
      if (told.during === "open" && file === undefined) page.name.textContent = "The model cannot be opened"
      if (told.during === "see" && picture === undefined) close()
    }
  }
}

const show = (read: Picture): void => {
  const another = picture?.name !== read.name || picture.raster.width !== read.raster.width
  picture = read
  history = historyAt(album)
  const { width, height } = read.raster
  if (another) view = whole
  page.canvas.hidden = false
  page.canvas.style.setProperty("--aspect", String(width / height))
  page.canvas.setAttribute("aria-label", `${read.name}, ${width} × ${height} pixels`)
  page.drop.hidden = true
  const size = read.spacing
  page.about.textContent = `${read.name}: ${read.format}, ${width} × ${height} pixels${
    size === undefined ? "" : `, ${size.x.toFixed(3)} × ${size.y.toFixed(3)} mm each`
  }`
  paintImage()
  render()
}
const close = (): void => {
  picture = image = masks = undefined
  page.canvas.hidden = true
  page.drop.hidden = false
  page.about.textContent = ""
  render()
}

const current = (): Target => history.now.objects[history.now.current] ?? { question: { points: [] }, strokes: [] }
const foundAt = (i: number): Found | undefined => {
  const target = history.now.objects[i]
  if (target === undefined || picture === undefined) return undefined
  const found = drawnOver(answers.get(target.question), target.strokes, picture.raster)
  return found === undefined ? undefined : numbered(found, i)
}
/** Counting and drawing over take time for large images: once a change. */
let all: readonly (Found | undefined)[] = []
const allFound = (): readonly Found[] => all.flatMap((found) => found ?? [])

const askWhatIsNew = (): void => {
  if (file === undefined || !seen) return
  for (const { question } of history.now.objects) {
    if (prompted() && !isAsked(question)) continue
    if (answers.has(question) || [...waiting.values()].includes(question) || !isQuestion(file.model, question)) continue
    asked += 1
    waiting.set(asked, question)
    link.send({ kind: "ask", id: asked, question })
  }
}

const paintImage = (): void => {
  if (picture === undefined) return
  image = imageLayer(picture.raster, {
    brightness: page.brightness.valueAsNumber / 100,
    contrast: page.contrast.valueAsNumber / 100,
  })
  paintNow()
}
/** Pixels of the image that one pixel of the screen shows. */
const perPixel = (): number => (picture?.raster.width ?? 1) / Math.max(1, page.canvas.clientWidth) / view.zoom
const paintNow = (): void => {
  if (picture === undefined || image === undefined) return
  const line = stroke === undefined ? undefined : { stroke, colour: strokeColour(stroke) }
  draw(page.canvas, {
    size: picture.raster,
    view,
    image,
    masks,
    found: allFound(),
    question: current().question,
    dragged,
    stroke: line,
    cross,
  })
}
const strokeColour = ({ value }: Stroke): string => {
  if (value === 0) return "rgb(255 255 255 / 50%)"
  return `rgb(${colourOf(ofClasses() ? value - 1 : history.now.current).join(" ")} / 60%)`
}

const render = (): void => {
  const { objects } = history.now
  all = objects.map((_, i) => foundAt(i))
  masks = picture === undefined ? undefined : maskLayer(picture.raster, allFound(), Math.max(1, Math.round(perPixel())))
  const opened = picture !== undefined
  page.tools.hidden = !opened || (!prompted() && !drawable())
  page.brush.hidden = !opened || !drawable() || !["draw", "erase"].includes(tool())
  page.sides.hidden = !opened || !takes("points") || tool() !== "ask"
  page.edits.hidden = !opened || (!prompted() && !drawable())
  page.undo.disabled = history.before.length === 0
  page.redo.disabled = history.after.length === 0
  page.add.hidden = ofClasses() || !prompted()
  page.add.disabled = objects.some(isEmpty)
  page.clear.disabled = objects.every(isEmpty)
  page.display.hidden = !opened
  page.turns.hidden = album.files.length < 2
  page.before.disabled = album.at === 0
  page.after.disabled = album.at >= album.files.length - 1
  page.which.textContent = `${album.at + 1} of ${album.files.length}`
  page.objects.replaceChildren(
    ...listedObjects({
      found: all,
      spacing: picture?.spacing,
      current: history.now.current,
      choosable: prompted() || ofClasses(),
      removable: prompted(),
      painted: ofClasses() ? painted : undefined,
      choose: (i, value) => {
        painted = value
        go(chosen(history.now, i))
      },
      remove: (i) => go(without(history.now, i)),
    }),
  )
  page.saves.hidden = allFound().length === 0
  page.masks.hidden = page.overlay.hidden = allFound().every(({ mask }) => mask === undefined)
  paintNow()
  askWhatIsNew()
}
const go = (next: State): void => {
  history = advance(history, next)
  render()
}
const turn = (by: number): void => {
  album = turned(remembered(album, history), by)
  look()
  render()
}
const take = (given: Given): void => {
  album = albumOf(given.files)
  if (album.files.length === 0) say("There is no image among these files.", true)
  history = started
  look()
  render()
}

listen(page.canvas, {
  size: () => picture?.raster ?? { width: 1, height: 1 },
  view: () => view,
  look: (next) => {
    view = next
    paintNow()
  },
  tool,
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
  line: (path, done) => {
    const radius = Math.max(0.5, page.radius.valueAsNumber * perPixel())
    const value = tool() === "erase" ? 0 : ofClasses() ? painted : 1
    stroke = path === undefined ? undefined : { path: [...path], radius, value }
    if (stroke === undefined || !done) return paintNow()
    const finished = stroke
    stroke = undefined
    go(withStroke(history.now, finished))
  },
  cross: (at) => {
    cross = at
    paintNow()
  },
})
for (const input of [page.image, page.folder])
  input.onchange = () => {
    const files = [...(input.files ?? [])]
    input.value = ""
    if (files.length > 0) take(ofInput(files))
  }
page.example.onclick = async () => {
  const response = await fetch(new URL("example.png", base)).catch(() => undefined)
  if (!response?.ok) return say("There is no example beside this page.", true)
  take({ name: "example.png", files: [{ path: "example.png", content: await response.blob() }] })
}
page.weights.onchange = () => {
  const [given] = page.weights.files ?? []
  if (given !== undefined) link.send({ kind: "weights", name: given.name, file: given })
  page.weights.value = ""
}
page.retry.onclick = () => {
  page.retry.hidden = true
  open("wasm")
}
page.before.onclick = () => turn(-1)
page.after.onclick = () => turn(1)
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
page.tools.onchange = render
page.brightness.oninput = page.contrast.oninput = paintImage
const zoom = (factor: number) => () => {
  if (picture === undefined) return
  const { width, height } = picture.raster
  const middle = { x: view.x + width / view.zoom / 2, y: view.y + height / view.zoom / 2 }
  view = factor === 0 ? whole : zoomed(view, factor, middle, picture.raster)
  paintNow()
}
page.closer.onclick = zoom(1.5)
page.farther.onclick = zoom(1 / 1.5)
page.fit.onclick = zoom(0)
const stem = (): string => picture?.name.replace(/\.[^.]*$/, "") ?? "image"
page.masks.onclick = async () => {
  for (const [i, found] of allFound().entries())
    if (found.mask !== undefined)
      give(`${stem()}_mask${found.ofClasses ? "" : `_${i + 1}`}.png`, await pngOf(found.mask, found.ofClasses))
}
page.overlay.onclick = async () => {
  if (image !== undefined) give(`${stem()}_overlay.png`, await overlayOf(image, masks))
}
page.table.onclick = () => {
  if (picture === undefined) return
  const text = tableOf(picture.name, picture.raster, allFound(), picture.spacing)
  give(`${stem()}.csv`, new Blob([text], { type: "text/csv" }))
}
document.addEventListener("keydown", (event) => {
  const key = event.key.toLowerCase()
  const plainKey = !event.ctrlKey && !event.metaKey && !event.altKey
  if ((event.ctrlKey || event.metaKey) && key === "z") (event.shiftKey ? page.redo : page.undo).click()
  else if ((event.ctrlKey || event.metaKey) && key === "y") page.redo.click()
  else if (plainKey && key === "n" && !page.edits.hidden) page.add.click()
  else if (plainKey && key === "pagedown" && !page.turns.hidden) page.after.click()
  else if (plainKey && key === "pageup" && !page.turns.hidden) page.before.click()
  else return
  event.preventDefault()
})
document.addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])]
  if (files.length > 0) take(ofInput(files))
})
onDrop((held) => page.stage.classList.toggle("over", held), take)
new ResizeObserver(paintNow).observe(page.canvas)

render()
open("best")
keepOffline()
