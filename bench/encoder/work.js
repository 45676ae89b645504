/** One work of the encoder: its program, and the tensors that it takes: weights and state that stay, and what each run is fed. */
import { clockAt } from "../../dist/compiler/passes/optimizer.js"
import { loadAll } from "../../dist/runtime/weights/index.js"
import { encoder, optimizer } from "./model.js"

export const workOf = async (work, imageSize, file, { asWritten = false } = {}) => {
  const { tensors, written, ...works } = encoder(imageSize)
  const program = (asWritten ? written : works)[work]()
  const { image, target, ...weights } = await loadAll(file)
  const moments = Object.keys(program.state).filter((name) => name.startsWith("adam/"))
  const shapeOf = new Map(tensors.map(({ name, shape }) => [name, shape]))
  const zeros = (name) => {
    const shape = shapeOf.get(name.slice("adam/m/".length))
    return { shape, data: new Float32Array(shape.reduce((n, extent) => n * extent, 1)) }
  }
  const fed = (step) => {
    const clock = Object.entries(clockAt(optimizer, optimizer.rate, step)).map(([name, x]) => [
      name,
      { shape: [], data: Float32Array.of(x) },
    ])
    return work === "forward" ? { image } : { image, target, ...Object.fromEntries(clock) }
  }
  const held = { ...weights, ...Object.fromEntries(moments.map((name) => [name, zeros(name)])) }
  return { program, tensors, written: written[work], held, fed }
}
