/** The segment page: what a user does becomes questions and strokes, the worker's answers become masks. */

import type { ModelFile } from "../../runtime/browser/modelFile.ts"
import { isQuestion, type Question } from "../../runtime/browser/question.ts"
import type { Told } from "../messages.ts"
import type { Given } from "../shared/files.ts"
import { base } from "../shared/link.ts"
import { openSession, say } from "../shared/session.ts"
import { timeText } from "../shared/words.ts"
import { type Album, albumOf, historyAt, noAlbum, remembered, turned } from "./album.ts"
import { answersBy } from "./answers.ts"
import { draw } from "./draw.ts"
import { page } from "./elements.ts"
import { imageLayer, maskLayer } from "./layers.ts"
import { listedObjects } from "./objects.ts"
import { listen, type Tool } from "./pointer.ts"
import { previewBy } from "./preview.ts"
import { colourOf, drawnOver, type Found, foundOf, numbered } from "./regions.ts"
import { nameToKeep, saveButtons } from "./saving.ts"
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
import { hintOf, keptText, noTimes, readyText, timesText } from "./words.ts"

type Picture = Extract<Told, { readonly kind: "read" }>["image"]

let file: ModelFile | undefined
let album: Album = noAlbum
let picture: Picture | undefined
let looks = 0
/** The model has looked at the image that is open. */
let seen = false
let history = started
let times = noTimes
let view: View = whole
let image: OffscreenCanvas | undefined
let masks: OffscreenCanvas | undefined
/** The mask under the pointer. */
let glimpse: OffscreenCanvas | undefined
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
const touch = matchMedia("(hover: none)")
const taking = () => ({ points: takes("points"), box: takes("box"), drawable: drawable(), touch: touch.matches })
const tool = (): Tool => (document.querySelector<HTMLInputElement>("#tools input:checked")?.value ?? "ask") as Tool
const saysOutside = (): boolean => document.querySelector<HTMLInputElement>("#sides input:checked")?.value === "out"

const answers = answersBy((id, question) => session.send({ kind: "ask", id, question }))
const preview = previewBy({
  send: (id, question) => session.send({ kind: "preview", id, question }),
  questionAt: (at) => {
    const { question } = current()
    return { ...question, points: [...question.points, { ...at, inside: !saysOutside() }] }
  },
  changed: () => {
    const found = preview.found()
    glimpse = found === undefined ? undefined : layerOf([numbered(found, history.now.current)])
    paintNow()
  },
  slow: (seconds) => {
    page.preview.checked = false
    preview.clear()
    say(`An answer takes ${timeText(seconds)} here: masks under the pointer are off.`)
  },
})
const point = (at: At | undefined): void => {
  const asks = seen && page.preview.checked && takes("points") && tool() === "ask"
  if (asks || at === undefined) preview.over(at)
}

/** The image that is open in the album, from its file; the model looks at it anew. */
const look = (): void => {
  const shown = album.files[album.at]
  if (shown === undefined || file === undefined) return
  seen = false
  times = noTimes
  answers.forget()
  preview.clear()
  looks += 1
  session.send({ kind: "see", id: looks, name: shown.path.split("/").at(-1) ?? shown.path, file: shown.content })
}
/** By other weights, or another engine; what was asked and drawn stays. */
const lookAgain = (): void => {
  album = remembered(album, history)
  look()
}

const hear = (told: Told): void => {
  switch (told.kind) {
    case "opened":
      file = told.file
      page.untrained.hidden = file.weights === "given"
      page.training.hidden = file.training === undefined
      page.how.textContent = hintOf(taking())
      page.asking.hidden = !prompted()
      if (!prompted()) document.querySelector<HTMLInputElement>("#tools input[value=move]")?.click()
      say("Choose an image.")
      if (file.training !== undefined && drawable()) session.send({ kind: "drawn" })
      lookAgain()
      break
    case "loaded":
      page.untrained.hidden = true
      say(`Weights of ${told.name} loaded.`)
      lookAgain()
      break
    case "read":
      if (told.id === looks) show(told.image)
      break
    case "seen":
      if (told.id !== looks) return
      seen = true
      times = { image: prompted() ? told.seconds : undefined, answers: [] }
      say(readyText(taking(), told.seconds))
      render()
      break
    case "answered":
      if (picture === undefined || !answers.take(told.id, foundOf(told.answers, picture.raster))) return
      preview.clear()
      times = { ...times, answers: [...times.answers, told.seconds] }
      say(`Segmented in ${timeText(told.seconds)}.`)
      // For scripts that study the page: logits as the model gave them, and what they cost.
      document.dispatchEvent(new CustomEvent("hasam:answer", { detail: told }))
      render()
      break
    case "previewed":
      if (picture !== undefined) preview.take(told.id, foundOf(told.answers, picture.raster), told.seconds)
      break
    case "drawn":
      page.kept.hidden = told.count === 0
      page.keptText.textContent = keptText(told.count)
      if (told.name !== undefined) say(`${told.name} and its mask are kept to train on.`)
      break
    case "failed":
      answers.drop()
      preview.clear()
      if (told.during === "see") close()
  }
}

const show = (read: Picture): void => {
  picture = read
  history = historyAt(album)
  const { width, height } = read.raster
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
  history = started
  page.canvas.hidden = true
  page.drop.hidden = false
  page.about.textContent = ""
  render()
}

const current = (): Target => history.now.objects[history.now.current] ?? { question: { points: [] }, strokes: [] }
const foundAt = (i: number): Found | undefined => {
  const target = history.now.objects[i]
  if (target === undefined || picture === undefined) return undefined
  const found = drawnOver(answers.of(target.question), target.strokes, picture.raster)
  return found === undefined ? undefined : numbered(found, i)
}
/** Counting and drawing over take time for large images: once a change. */
let all: readonly (Found | undefined)[] = []
const allFound = (): readonly Found[] => all.flatMap((found) => found ?? [])

const askWhatIsNew = (): void => {
  const { model } = file ?? {}
  if (model === undefined || !seen) return
  const questions = history.now.objects.map(({ question }) => question)
  answers.ask(questions.filter((question) => (!prompted() || isAsked(question)) && isQuestion(model, question)))
}

const paintImage = (): void => {
  if (picture === undefined) return
  image = imageLayer(picture.raster, {
    brightness: page.brightness.valueAsNumber / 100,
    contrast: page.contrast.valueAsNumber / 100,
  })
  paintNow()
}
const layerOf = (found: readonly Found[]): OffscreenCanvas | undefined =>
  picture === undefined ? undefined : maskLayer(picture.raster, found, Math.max(1, Math.round(perPixel())))
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
    glimpse,
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
  masks = layerOf(allFound())
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
  const none = allFound().every(({ mask }) => mask === undefined)
  page.masks.hidden = page.overlay.hidden = none
  page.keep.hidden = none || file?.training === undefined
  page.times.textContent = timesText(times)
  paintNow()
  askWhatIsNew()
}
const go = (next: State): void => {
  history = advance(history, next)
  preview.hold()
  render()
}
const turn = (by: number): void => {
  const next = turned(remembered(album, history), by)
  if (next.at === album.at) return
  album = next
  view = whole
  look()
  render()
}
const take = (given: Given): void => {
  const next = albumOf(given.files)
  if (next.files.length === 0) {
    say("There is no image among these files.", true)
    return
  }
  album = next
  history = started
  view = whole
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
    go(withPoint(history.now, { ...at, inside: !(outside || saysOutside()) }))
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
  over: (at, pressed) => (pressed ? preview.hold() : point(at)),
})
page.preview.onchange = preview.clear
page.example.onclick = async () => {
  const response = await fetch(new URL("example.png", base)).catch(() => undefined)
  if (!response?.ok) return say("There is no example beside this page.", true)
  take({ name: "example.png", files: [{ path: "example.png", content: await response.blob() }] })
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
saveButtons({
  opened: () =>
    picture === undefined || image === undefined ? undefined : { picture, image, masks, found: allFound() },
  keep: (mask) => {
    const shown = album.files[album.at]
    if (picture === undefined || shown === undefined) return
    session.send({ kind: "keep", name: nameToKeep(shown.path, picture.format), image: shown.content, mask })
  },
})
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
new ResizeObserver(paintNow).observe(page.canvas)

const session = openSession({
  purpose: "segment",
  hear,
  take,
  pastes: true,
  started: () => {
    answers.drop()
    preview.clear()
  },
})
render()
