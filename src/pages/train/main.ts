/** The train page: a folder is checked in words, then a model learns from it, here, and goes on after a reload. */
import type { DataReport, KeptTraining, ModelFile, SampleView, TrainEvent } from "../../runtime/browser/index.ts"
import { measureOf, taughtOf } from "../../runtime/task/index.ts"
import type { Told } from "../messages.ts"
import { type Given, give } from "../shared/files.ts"
import { busy, openSession, say } from "../shared/session.ts"
import { plural } from "../shared/words.ts"
import { chart } from "./chart.ts"
import { page } from "./elements.ts"
import { countsOf, findingsOf } from "./report.ts"

/** open: nothing is given yet. checked: training may begin. paused: it may go on. elsewhere: another tab is at it. */
type Phase = "open" | "checking" | "wrong" | "checked" | "training" | "pausing" | "paused" | "done" | "elsewhere"

let file: ModelFile | undefined
let phase: Phase = "open"
let kept: KeptTraining | undefined
/** Images whose masks were drawn in the page that segments. */
let drawn = 0
let epochs = 0
let losses: { readonly x: number; readonly y: number }[] = []
let scores: { readonly x: number; readonly y: number }[] = []
const samples = new Map<string, { readonly view: SampleView; readonly score: number }>()
/** Of this visit: when its training began, and how much was done then. */
let began = { time: 0, batch: 0 }
/** Wanted once the worker answers. */
let saving: "learned" | "split" | undefined

const measure = (): "Dice" | "hits" => (file === undefined ? "Dice" : measureOf(taughtOf(file.model)[1]))

const hear = (told: Told): void => {
  switch (told.kind) {
    case "opened":
      opened(told.file)
      break
    case "kept":
      takeKept(told.kept, told.elsewhere)
      break
    case "drawn":
      drawn = told.count
      render()
      break
    case "checked":
      takeReport(told.report)
      break
    case "training":
      progressed(told.event)
      break
    case "ended":
      phase = told.finished ? "done" : "paused"
      say(told.finished ? "Done: all epochs are through." : "Paused. It goes on from here, after a reload too.")
      render()
      break
    case "loaded":
      say(`Weights of ${told.name} loaded: training starts from them.`)
      break
    case "results": {
      const blob = saving === "split" ? told.split : told.learned
      if (blob === undefined) say("There is nothing to save before the first epoch has ended.", true)
      else give(saving === "split" ? "split.json" : "best.safetensors", blob)
      break
    }
    case "failed":
      if (told.during === "train") phase = losses.length > 0 ? "paused" : "checked"
      if (["check", "give", "take drawn"].includes(told.during)) phase = "wrong"
      render()
  }
}

const opened = (model: ModelFile): void => {
  file = model
  page.scoreCaption.textContent = `${measure() === "Dice" ? "Dice" : "Hits"} on the validation images, epoch by epoch`
  page.measure.textContent = `Best ${measure() === "Dice" ? "Dice" : "share of hits"}`
  const { training } = model
  if (training === undefined) {
    say("Nothing of this model learns: all of it is frozen, or nothing is taught.", true)
    return
  }
  page.epochs.value = String(training.epochs)
  page.batch.value = String(training.batch)
  page.rate.value = String(training.optimizer.rate)
  page.seed.value = String(training.seed)
  say(choose)
  session.send({ kind: "drawn" })
  session.send({ kind: "kept" })
}
const choose = "Choose a folder of images and masks."

const takeKept = (found: KeptTraining | undefined, elsewhere: string | undefined): void => {
  kept = found
  const run = found?.run
  losses = (run?.steps ?? []).map(({ batch, loss }) => ({ x: batch, y: loss }))
  scores = (run?.epochs ?? []).flatMap((entry) =>
    entry["validation"] === undefined ? [] : [{ x: Number(entry["epoch"]) + 1, y: Number(entry["validation"]) }],
  )
  samples.clear()
  if (elsewhere !== undefined) {
    phase = "elsewhere"
    say(`${elsewhere.replace(/^a/, "A")}. Once it is paused, done or closed there, it can go on here.`)
  } else if (run !== undefined) {
    const { options, progress } = run
    epochs = options.epochs
    page.epochs.value = String(epochs)
    page.batch.value = String(options.batch)
    page.rate.value = String(options.optimizer.rate)
    page.seed.value = String(options.seed)
    numbers(progress.epoch, progress.step, losses.at(-1)?.y, progress.bestDice)
    phase = progress.epoch >= options.epochs ? "done" : "paused"
    say(
      phase === "done"
        ? `A training on ${found?.data} is kept here, and it is done.`
        : `A training on ${found?.data} is kept here, at epoch ${progress.epoch + 1} of ${epochs}. It can go on.`,
    )
  } else if (found !== undefined) {
    phase = "checking"
    session.send({ kind: "check" })
  } else {
    phase = "open"
    say(choose)
  }
  render()
}

const takeReport = (report: DataReport): void => {
  const errors = report.diagnostics.filter(({ severity }) => severity === "error").length
  page.title.textContent = `The data: ${report.root}`
  page.counts.textContent = countsOf(report)
  page.findings.replaceChildren(...findingsOf(report.diagnostics))
  page.report.hidden = false
  phase = errors > 0 ? "wrong" : "checked"
  say(
    errors > 0
      ? `${errors === 1 ? "One thing has" : `${errors} things have`} to be mended before these data can teach anything.`
      : "The data can be learned from.",
    errors > 0,
  )
  render()
}

const numbers = (epoch: number, step: number, loss: number | undefined, best: number): void => {
  page.epoch.textContent = `${Math.min(epoch + 1, epochs)} of ${epochs}`
  page.step.textContent = step.toLocaleString("en")
  page.loss.textContent = loss === undefined ? "" : loss.toFixed(4)
  page.best.textContent = best < 0 ? "after an epoch" : best.toFixed(4)
}
const leftText = (batches: number): string => {
  const done = losses.length - began.batch
  if (done < 2) return "…"
  const seconds = ((performance.now() - began.time) / 1000 / done) * batches
  return seconds < 90
    ? `${Math.ceil(seconds)} s`
    : seconds < 5400
      ? `${Math.ceil(seconds / 60)} min`
      : `${(seconds / 3600).toFixed(1)} h`
}

const progressed = (event: TrainEvent): void => {
  switch (event.kind) {
    case "split":
      say(
        `${plural(event.training, "image trains", "images train")}, ${plural(event.validation, "validates", "validate")}, ${plural(event.test, "is", "are")} kept for testing.`,
      )
      break
    case "step": {
      losses.push({ x: losses.length + 1, y: event.loss })
      const left = (epochs - event.epoch) * event.total - event.done
      busy(`Epoch ${event.epoch + 1} of ${epochs}`, event.done / event.total)
      page.epoch.textContent = `${event.epoch + 1} of ${epochs}`
      page.step.textContent = event.step.toLocaleString("en")
      page.loss.textContent = event.loss.toFixed(4)
      page.left.textContent = leftText(left)
      // For scripts that study the page.
      document.dispatchEvent(new CustomEvent("hasam:step", { detail: event }))
      drawSoon()
      break
    }
    case "epoch":
      if (event.dice !== undefined) scores.push({ x: event.epoch + 1, y: event.dice })
      if (event.best && event.dice !== undefined) page.best.textContent = event.dice.toFixed(4)
      page.saves.hidden = false
      document.dispatchEvent(new CustomEvent("hasam:epoch", { detail: event }))
      drawSoon()
      break
    case "sample":
      samples.set(event.id, event)
      drawSamples()
      break
    default:
  }
}

const drawSamples = (): void => {
  page.samplesTitle.hidden = page.legend.hidden = samples.size === 0
  page.samples.replaceChildren(
    ...[...samples].map(([id, { view, score }]) => {
      const item = document.createElement("li")
      const canvas = document.createElement("canvas")
      Object.assign(canvas, { width: view.width, height: view.height })
      canvas.style.aspectRatio = String(view.aspect)
      canvas.setAttribute("role", "img")
      canvas.setAttribute("aria-label", `${id}: ${measure()} ${score.toFixed(3)}`)
      canvas.getContext("2d")?.putImageData(new ImageData(view.pixels, view.width, view.height), 0, 0)
      const name = document.createElement("span")
      name.textContent = `${id}: ${measure()} ${score.toFixed(3)}`
      item.append(canvas, name)
      return item
    }),
  )
}
let drawing = false
const drawSoon = (): void => {
  if (drawing) return
  drawing = true
  requestAnimationFrame(() => {
    drawing = false
    chart(page.losses, { points: losses, unit: (n) => plural(n, "batch", "batches") })
    chart(page.scores, { points: scores, range: [0, 1], unit: (n) => plural(n, "epoch") })
  })
}

const render = (): void => {
  const idle = !["checking", "training", "pausing", "elsewhere"].includes(phase)
  const begun = ["training", "pausing", "paused", "done"].includes(phase)
  page.drop.hidden = phase !== "open"
  page.report.hidden = page.report.hidden || phase === "open"
  page.course.hidden = !begun
  page.options.hidden = !["checked", "paused", "done"].includes(phase)
  page.running.hidden = !begun || phase === "done"
  page.pause.hidden = phase === "paused"
  page.pause.disabled = phase === "pausing"
  page.resume.hidden = phase !== "paused"
  page.numbers.hidden = !begun
  page.forget.hidden = !idle || kept === undefined
  page.folder.disabled = !idle
  page.drawn.hidden = !idle || drawn === 0
  page.drawnText.textContent = `${plural(drawn, "image whose mask was", "images whose masks were")} drawn in the page that segments.`
  page.saves.hidden = !begun || scores.length + (kept?.run?.epochs.length ?? 0) === 0
  const again = phase === "paused" || phase === "done"
  const start = page.options.querySelector("#start")
  start?.replaceChildren(again ? "Start again" : "Train")
  // What is wanted next stands out: to train, to go on, to save.
  start?.classList.toggle("primary", !again)
  page.adapters.classList.toggle("primary", phase === "done")
  if (phase !== "training") page.left.textContent = ""
  drawSoon()
}

const take = (given: Given): void => {
  if (page.folder.disabled || file?.training === undefined || !mayGoAway()) return
  checking()
  session.send({ kind: "give", name: given.name, files: given.files })
}
/** Other data delete a training: only where it is wanted. */
const mayGoAway = (): boolean =>
  !["paused", "done"].includes(phase) ||
  confirm("Other data delete the training that is kept here. Save what it learned first.")
const checking = (): void => {
  phase = "checking"
  page.report.hidden = true
  render()
}
const train = (resume: boolean): void => {
  epochs = page.epochs.valueAsNumber
  const request = {
    epochs,
    batch: page.batch.valueAsNumber,
    rate: page.rate.valueAsNumber,
    seed: page.seed.valueAsNumber,
    resume,
  }
  if (!resume) {
    losses = []
    scores = []
    samples.clear()
    drawSamples()
    numbers(0, 0, undefined, -1)
  }
  began = { time: performance.now(), batch: losses.length }
  phase = "training"
  session.send({ kind: "train", request })
  render()
}

page.options.onsubmit = (event) => {
  event.preventDefault()
  const lost = ["paused", "done"].includes(phase)
  if (!lost || confirm("Starting again deletes the training that is kept here. Save what it learned first."))
    train(false)
}
page.pause.onclick = () => {
  phase = "pausing"
  session.send({ kind: "pause" })
  busy("Pausing after this step")
  render()
}
page.resume.onclick = () => train(true)
page.forget.onclick = () => {
  const lost = kept?.run !== undefined || losses.length > 0
  if (lost && !confirm("Delete the training and its data from this browser? Save what it learned first.")) return
  page.report.hidden = true
  session.send({ kind: "forget" })
}
page.adapters.onclick = () => {
  saving = "learned"
  session.send({ kind: "results" })
}
page.split.onclick = () => {
  saving = "split"
  session.send({ kind: "results" })
}
page.takeDrawn.onclick = () => {
  if (!mayGoAway()) return
  checking()
  session.send({ kind: "take drawn" })
}
page.forgetDrawn.onclick = () => {
  if (confirm(`Delete ${plural(drawn, "image and its mask", "images and their masks")}?`))
    session.send({ kind: "forget drawn" })
}
addEventListener("resize", drawSoon)
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawSoon())
// What another tab drew meanwhile.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !page.folder.disabled && file?.training !== undefined) session.send({ kind: "drawn" })
})

const session = openSession({ purpose: "train", hear, take, pastes: false, started: () => undefined })
render()
