/** The work that is compared: SAM ViT-B's image encoder with HA adapters (r = 0.24), forward or one Adam step on them. */
import { Builder } from "../../dist/compiler/ir/builder.js"
import { differentiate } from "../../dist/compiler/passes/differentiate.js"
import { elaborate, standardSizes } from "../../dist/compiler/passes/elaborate/index.js"
import { lossOf } from "../../dist/compiler/passes/losses.js"
import { optimize } from "../../dist/compiler/passes/optimizer.js"
import { simplify } from "../../dist/compiler/passes/rebuild.js"
import { unpad } from "../../dist/compiler/passes/unpad.js"
import * as hasam from "../../dist/dsl/index.js"
import { networkOf } from "../../dist/dsl/network.js"
import { tensorsOf } from "../../dist/dsl/tensors.js"

const d = 768
export const optimizer = hasam.adam({ rate: 1e-4 })

const modelOf = (imageSize) => {
  const adapter = (rank) => hasam.residual(hasam.sequential(hasam.linear(d, rank), hasam.relu, hasam.linear(rank, d)))
  const ranks = hasam.schedule(12, (i) => (d * 0.24 * (i <= 6 ? i : i - 1)) / 6)
  const base = hasam.sam({ imageSize, width: d, depth: 12, heads: 12, globalBlocks: [2, 5, 8, 11] })
  const places = (rank) => [hasam.afterAttention(adapter(rank)), hasam.inMlpResidual(adapter(rank))]
  return hasam.pipe(base, hasam.freezeAll, hasam.adapt(ranks, places)).data
}

/** Programs and tensors of the encoder alone. */
export const encoder = (imageSize) => {
  const model = modelOf(imageSize)
  const tensors = tensorsOf(networkOf(model)).filter(({ name }) => /^(image_encoder\.|pixel_)/.test(name))
  const learning = tensors.filter(({ adaptation }) => adaptation !== undefined).map(({ name }) => name)
  const elaborated = () => {
    const { builder, outputs } = elaborate(model, standardSizes(model), { learning })
    return [builder, outputs.image_embedding]
  }
  const encoded = (pass) => {
    const [b, embedding] = elaborated()
    return pass(b.build({ embedding }))
  }
  const forward = (pass = unpad) => ({ graph: simplify(encoded(pass)), state: {} })
  const step = (pass = unpad) => {
    const graph = encoded(pass)
    const b = Builder.of(graph)
    const output = graph.outputs[0].value
    const [, , side] = b.shapeOf(output)
    const loss = lossOf(b, { kind: "mse" }, [
      { output: "embedding", taught: { kind: "masks" }, value: output, target: b.input("target", [1, 1, side, side]) },
    ])
    const next = [...optimize(b, optimizer, differentiate(b, loss, learning).gradients)]
    const outputs = Object.fromEntries(next.map(([name, value]) => [`next/${name}`, value]))
    const state = Object.fromEntries(next.map(([name]) => [name, `next/${name}`]))
    return { graph: simplify(b.build({ loss, ...outputs })), state }
  }
  /** The same as the model is written: products on padded windows. */
  const written = { forward: () => forward((graph) => graph), step: () => step((graph) => graph) }
  return { tensors, learning, forward, step, written }
}

/** xorshift, uniform in ±bound: the same files on every machine. */
const uniform = (seed, length, bound) => {
  let s = Math.imul(seed + 1, 2654435761) | 1
  return Float32Array.from({ length }, () => {
    s ^= s << 13
    s ^= s >>> 17
    s ^= s << 5
    return ((s >>> 0) / 2 ** 31 - 1) * bound
  })
}
const sizeOf = (shape) => shape.reduce((n, extent) => n * extent, 1)

/** Weights, the image and a target; activations stay near 1 and adapters do something. */
export const files = (imageSize) => {
  const { tensors } = encoder(imageSize)
  const weights = tensors.map(({ name, shape, init }, i) => {
    if (name.startsWith("pixel_")) return [name, { shape, data: Float32Array.from(init.values) }]
    const isNorm = /norm\d\.weight|neck\.[13]\.weight/.test(name)
    const fan = shape.length < 2 ? 100 : sizeOf(shape.slice(1))
    const data = isNorm ? new Float32Array(sizeOf(shape)).fill(1) : uniform(i, sizeOf(shape), Math.sqrt(1 / fan))
    return [name, { shape, data }]
  })
  const side = imageSize / 16
  return Object.fromEntries([
    ...weights,
    [
      "image",
      { shape: [1, 3, imageSize, imageSize], data: uniform(7001, 3 * imageSize ** 2, 120).map((x) => x + 120) },
    ],
    ["target", { shape: [1, 1, side, side], data: uniform(7002, side ** 2, 1) }],
  ])
}
