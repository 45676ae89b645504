/** The model, in a thread of its own: the page stays alive while it computes. */
import { type BrowserModel, Failed, openModel, type Question } from "hasam/browser"

export type Asked =
  | { readonly kind: "open"; readonly address: string }
  | { readonly kind: "see"; readonly name: string; readonly file: Blob }
  | { readonly kind: "ask"; readonly question?: Question }
export type Told =
  | { readonly kind: "says"; readonly text: string }
  | { readonly kind: "opened"; readonly asks: boolean }
  | { readonly kind: "seen"; readonly width: number; readonly height: number }
  /** Logits at the image's own size: of an object one plane, of classes one each. */
  | { readonly kind: "answer"; readonly values: Float32Array; readonly names: readonly string[] }

const tell = (told: Told): void => postMessage(told)
let model: BrowserModel

const act = async (asked: Asked): Promise<void> => {
  if (asked.kind === "open") {
    model = await openModel(asked.address, { onProgress: (text) => tell({ kind: "says", text }) })
    const asks = Object.values(model.file.model.takes).some(({ kind }) => kind === "points")
    tell({ kind: "opened", asks })
  } else if (asked.kind === "see") {
    const image = await model.read(asked.name, asked.file)
    await model.embed(image)
    tell({ kind: "seen", width: image.width, height: image.height })
  } else {
    const [answer] = await model.segment(asked.question)
    if (answer === undefined) return
    const { taught, values } = answer
    tell({ kind: "answer", values, names: taught.kind === "classes" ? taught.names : [] })
  }
}

let last: Promise<void> = Promise.resolve()
addEventListener("message", ({ data }: MessageEvent<Asked>) => {
  last = last
    .then(() => act(data))
    .catch((problem: Error) => {
      const [first] = problem instanceof Failed ? problem.diagnostics : []
      tell({
        kind: "says",
        text: first === undefined ? problem.message : `${first.code}: ${first.message}. ${first.help}`,
      })
    })
})
