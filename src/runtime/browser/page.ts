/** A page to try a compiled model in: an image, a click, a mask. It uses only what lies beside it. */
export const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>hasam in the browser</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; }
  canvas { width: min(100%, 48rem); border: 1px solid #bbb; cursor: crosshair; }
  label { display: block; margin: .5rem 0; }
  output { display: block; min-height: 1.5em; color: #444; }
  output.error { color: #a40000; }
</style>
<h1>Segment an image</h1>
<p>Everything runs on this machine; nothing is uploaded.</p>
<label>Weights (safetensors) <input id="weights" type="file" accept=".safetensors"></label>
<label>Image <input id="image" type="file" accept="image/*"></label>
<output id="status">Loading …</output>
<canvas id="canvas" hidden></canvas>
<script type="module">
import { decodeTensors, fetchProgram, fetchTensors, wasmBackend, webgpuBackend } from "./hasam.js"

const [weights, image, status, canvas] = ["weights", "image", "status", "canvas"].map((id) => document.getElementById(id))
const say = (text, error = false) => { status.textContent = text; status.className = error ? "error" : "" }
const attempt = (work) => async (event) => { try { await work(event) } catch (error) { say(error.message, true) } }

const backend = await webgpuBackend().catch(() => wasmBackend({ path: "./" }))
const program = await fetchProgram("./segment.json")
const shapeOf = (name) => program.graph.nodes.find(({ op, attrs }) => op === "input" && attrs.name === name)?.shape
const [, , height, width] = shapeOf("image")
const run = await backend.compile(program)
let loaded = false
let pixels

const load = async (tensors) => {
  await run.load(tensors)
  loaded = true
  say("Weights loaded on " + backend.name + ". Choose an image, then click on what to segment.")
}
await fetchTensors("./weights.safetensors").then(load).catch(() => say("Ready on " + backend.name + ". Choose the model's weights."))

weights.onchange = attempt(async () => {
  const [file] = weights.files
  await load(decodeTensors(file.name, new Uint8Array(await file.arrayBuffer())))
})
image.onchange = attempt(async () => {
  const bitmap = await createImageBitmap(image.files[0])
  const scale = Math.min(width / bitmap.width, height / bitmap.height)
  Object.assign(canvas, { width, height, hidden: false })
  const context = canvas.getContext("2d", { willReadFrequently: true })
  // The mean that SAM subtracts: what is not image is zero, as its own padding.
  context.fillStyle = "rgb(124 116 104)"
  context.fillRect(0, 0, width, height)
  context.drawImage(bitmap, 0, 0, bitmap.width * scale, bitmap.height * scale)
  pixels = context.getImageData(0, 0, width, height)
  say("Click on what to segment.")
})
canvas.onclick = attempt(async (event) => {
  if (!loaded) return say("Choose the model's weights first.", true)
  const box = canvas.getBoundingClientRect()
  const x = ((event.clientX - box.left) * width) / box.width
  const y = ((event.clientY - box.top) * height) / box.height
  say("Segmenting …")
  const planes = new Float32Array(3 * height * width)
  for (let i = 0; i < height * width; i++)
    for (let c = 0; c < 3; c++) planes[c * height * width + i] = pixels.data[4 * i + c]
  const started = performance.now()
  const { masks } = await run.run({
    image: { shape: [1, 3, height, width], data: planes },
    point_coords: { shape: shapeOf("point_coords"), data: Float32Array.of(x, y) },
    point_labels: { shape: shapeOf("point_labels"), data: Float32Array.of(1) },
  })
  const shown = new ImageData(new Uint8ClampedArray(pixels.data), width, height)
  let inside = 0
  masks.data.forEach((logit, i) => {
    if (logit <= 0) return
    inside++
    shown.data[4 * i] = 0.5 * shown.data[4 * i] + 127
    shown.data[4 * i + 1] *= 0.5
    shown.data[4 * i + 2] *= 0.5
  })
  canvas.getContext("2d").putImageData(shown, 0, 0)
  say(inside.toLocaleString("en") + " pixels in " + ((performance.now() - started) / 1000).toFixed(2) + " s.")
})
</script>
</html>
`
