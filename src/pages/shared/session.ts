/**
 * What both pages do with the model's worker: it is started, what it says is shown, other weights go to it, files that are chosen, dropped or pasted come
 * in; and where the GPU fails it is started anew without it.
 */
import type { Asked, Told } from "../messages.ts"
import { common as page } from "./elements.ts"
import { type Given, ofInput, onDrop } from "./files.ts"
import { keepOffline, type Link, start } from "./link.ts"
import { engineText, wordsOf } from "./words.ts"

export interface Session {
  readonly send: (message: Asked) => void
  readonly say: (text: string, wrong?: boolean) => void
  /** With a bar; `share`: how much is done, 0…1. */
  readonly busy: (text: string, share?: number) => void
}

interface Page {
  /** What the page does, as its title says it. */
  readonly purpose: string
  readonly hear: (told: Told) => void
  readonly take: (given: Given) => void
  /** Whether a pasted image is taken, as one that is chosen. */
  readonly pastes: boolean
  /** A worker is started: what the one before was asked is not answered any more. */
  readonly started: () => void
}

export const say = (text: string, wrong = false): void => {
  page.status.textContent = text
  page.status.classList.toggle("error", wrong)
  page.progress.hidden = true
}
export const busy = (text: string, share?: number): void => {
  say(text)
  page.progress.hidden = false
  if (share === undefined) page.progress.removeAttribute("value")
  else page.progress.value = share
}

/** Opens the model. */
export const openSession = ({ purpose, hear, take, pastes, started }: Page): Session => {
  let link: Link | undefined
  let isOpen = false
  let weights: { readonly name: string; readonly file: Blob } | undefined

  const heard = (told: Told): void => {
    if (told.kind === "progress") busy(told.text, told.share)
    else if (told.kind === "opened") {
      isOpen = true
      const { name } = told.file.model
      page.name.textContent = name
      document.title = `${name}: ${purpose}`
      page.engine.textContent = engineText(told.engine, told.why)
      // Before all else that is asked of this worker.
      if (weights !== undefined) send({ kind: "weights", ...weights })
    } else if (told.kind === "failed") {
      page.retry.hidden = !told.device
      say(wordsOf(told), true)
      if (told.during === "weights") weights = undefined
      if (told.during === "open" && !isOpen) page.name.textContent = "The model cannot be opened"
    }
    hear(told)
  }
  const open = (engine: "best" | "wasm"): void => {
    link?.end()
    started()
    busy("Starting")
    link = start(engine, heard, (words) => say(words, true))
  }
  const send = (message: Asked): void => link?.send(message)

  page.retry.onclick = () => {
    page.retry.hidden = true
    open("wasm")
  }
  page.weights.onchange = () => {
    const [file] = page.weights.files ?? []
    page.weights.value = ""
    if (file === undefined) return
    weights = { name: file.name, file }
    send({ kind: "weights", ...weights })
  }
  const taken = (files: Iterable<File> | null | undefined): void => {
    const given = ofInput(files ?? [])
    if (given.files.length > 0) take(given)
  }
  for (const input of document.querySelectorAll<HTMLInputElement>("input[data-gives]"))
    input.onchange = () => {
      const files = [...(input.files ?? [])]
      input.value = ""
      taken(files)
    }
  if (pastes) document.addEventListener("paste", ({ clipboardData }) => taken(clipboardData?.files))
  onDrop((held) => page.stage.classList.toggle("over", held), take)
  open("best")
  keepOffline()
  return { send, say, busy }
}
