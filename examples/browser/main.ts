/** The page: an image is chosen, and clicked on where the model asks for it; what is found is counted and shown. */
import type { Asked, Told } from "./worker.ts"

const status = document.querySelector("#status") as HTMLOutputElement
const canvas = document.querySelector("#canvas") as HTMLCanvasElement
const input = document.querySelector("#image") as HTMLInputElement
const context = canvas.getContext("2d") as CanvasRenderingContext2D

const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" })
const send = (asked: Asked): void => worker.postMessage(asked)
let asks = false

/** The class of each pixel: of an object 1 where its logit is positive, of classes the greatest logit's. */
const found = (values: Float32Array, planes: number): Uint8Array => {
  const n = values.length / planes
  return Uint8Array.from({ length: n }, (_, i) => {
    if (planes === 1) return Number((values[i] ?? 0) > 0)
    let best = 0
    for (let c = 1; c < planes; c += 1) if ((values[c * n + i] ?? 0) > (values[best * n + i] ?? 0)) best = c
    return best
  })
}

worker.onmessage = ({ data: told }: MessageEvent<Told>) => {
  if (told.kind === "says") status.textContent = told.text
  else if (told.kind === "opened") {
    asks = told.asks
    status.textContent = "Choose an image."
  } else if (told.kind === "seen") {
    Object.assign(canvas, { width: told.width, height: told.height })
    if (asks) status.textContent = "Click what to segment."
    else send({ kind: "ask" })
  } else {
    const planes = Math.max(1, told.names.length)
    const classes = found(told.values, planes)
    const shown = context.createImageData(canvas.width, canvas.height)
    classes.forEach((c, i) => shown.data.set([230, 159, 0, c === 0 ? 0 : 200], 4 * i))
    context.putImageData(shown, 0, 0)
    const names = told.names.length > 0 ? told.names : ["background", "object"]
    const counts = names.slice(1).map((name, i) => `${name}: ${classes.filter((c) => c === i + 1).length} pixels`)
    status.textContent = counts.join(", ")
  }
}
input.onchange = () => {
  const [file] = input.files ?? []
  if (file !== undefined) send({ kind: "see", name: file.name, file })
}
canvas.onclick = ({ offsetX, offsetY }) => {
  const scale = canvas.width / canvas.clientWidth
  if (asks) send({ kind: "ask", question: { points: [{ x: offsetX * scale, y: offsetY * scale, inside: true }] } })
}
/** The folder that hasam-compile --target webgpu wrote. */
const folder = new URLSearchParams(location.search).get("model") ?? "./model/"
send({ kind: "open", address: new URL(folder, location.href).href })
