/** A SAM small enough for software drivers, with every kind of block: padded windows, a global block, adapters. */

import type { Backend } from "../../../src/backends/backend.ts"
import type { Tensors } from "../../../src/compiler/ir/graph.ts"
import { standardSizes } from "../../../src/compiler/passes/elaborate/index.ts"
import { clockAt } from "../../../src/compiler/passes/optimizer.ts"
import { gradientProgram, inferenceProgram, trainingProgram } from "../../../src/compiler/passes/program.ts"
import {
  adam,
  adapt,
  add,
  afterAttention,
  bceWithLogits,
  dice,
  freezeAll,
  inMlpResidual,
  linear,
  pipe,
  type Rank,
  relu,
  residual,
  sam,
  schedule,
  sequential,
} from "../../../src/dsl/index.ts"
import { networkOf } from "../../../src/dsl/network.ts"
import { tensorsOf } from "../../../src/dsl/tensors.ts"
import { random } from "./cases.ts"
import { noise, tensor } from "./programs.ts"

const d = 16
/** A grid of 4 × 4, which windows of 3 do not divide: whatever is computed for a block is computed a few times, not hundreds of times. */
const side = 32
const adapter = (rank: Rank) => residual(sequential(linear(d, rank), relu, linear(rank, d)))
const loss = add(dice(), bceWithLogits())
const optimizer = adam({ rate: 1e-2 })

const circle = (): Float32Array =>
  Float32Array.from({ length: side * side }, (_, at) =>
    Math.hypot(Math.floor(at / side) - 15, (at % side) - 18) < 7 ? 1 : 0,
  )
const disc = circle()
const next = random(5)
export const inputs: Tensors = {
  image: {
    shape: [1, 3, side, side],
    data: Float32Array.from({ length: 3 * side * side }, (_, at) => 110 + 60 * disc[at % (side * side)]! + 20 * next()),
  },
  point_coords: tensor([1, 1, 2], [18, 15]),
  point_labels: tensor([1, 1], [1]),
}
export const target = { shape: [1, 1, side, side], data: disc }

/** What is fed at step t, counted from 1. */
export const feedAt = (step: number): Tensors => ({
  ...inputs,
  target,
  ...Object.fromEntries(
    Object.entries(clockAt(optimizer, optimizer.rate, step)).map(([name, x]) => [name, tensor([], [x])]),
  ),
})

/** The model of so many blocks, the last with global attention, and of its decoder: weights and programs. */
export const samOf = <const Blocks extends number>(blocks: Blocks, decoderBlocks: number) => {
  const backbone = sam({
    imageSize: side,
    patchSize: 8,
    width: d,
    depth: blocks,
    heads: 2,
    windowSize: 3,
    globalBlocks: [blocks - 1],
    outChannels: 16,
    maskChannels: 8,
    decoder: { depth: decoderBlocks, heads: 2, mlpWidth: 24, iouWidth: 12 },
  })
  const model = pipe(
    backbone,
    freezeAll,
    adapt(
      schedule(blocks, (i) => 3 * i),
      (rank) => [afterAttention(adapter(rank)), inMlpResidual(adapter(rank))],
    ),
  ).data
  const tensors = tensorsOf(networkOf(model))
  const adapters = tensors.filter(({ adaptation }) => adaptation !== undefined).map(({ name }) => name)
  const everything = tensors.filter(({ kind }) => kind === "parameter").map(({ name }) => name)
  const sizes = standardSizes(model)

  /** Random, but scaled so that activations stay near 1; norms near the identity. */
  const weights: Tensors = Object.fromEntries(
    tensors.map(({ name, shape }, at) => {
      const fan = shape.slice(1).reduce((a, b) => a * b, 1)
      const norm = /norm|neck\.[13]|output_upscaling\.1|mask_downscaling\.[14]/.test(name) && name.endsWith("weight")
      const { data } = noise(1000 + at, shape)
      return [name, { shape, data: data.map((x) => (norm ? 1 + 0.1 * x : x / Math.sqrt(Math.max(fan, 4)))) }]
    }),
  )
  const forward = inferenceProgram(model, sizes)
  const training = trainingProgram(model, sizes, { learning: adapters, loss, optimizer }).program
  /** Parameters as given, moments at zero. */
  const initial = (program: typeof training): Tensors =>
    Object.fromEntries(
      program.graph.nodes.flatMap((node) => {
        if (node.op === "parameter") return [[node.attrs.name, weights[node.attrs.name]!] as const]
        if (node.op !== "input" || !(node.attrs.name in program.state)) return []
        return [[node.attrs.name, tensor(node.shape, Array(node.shape.reduce((a, b) => a * b, 1)).fill(0))] as const]
      }),
    )
  /** Masks of one run and losses of ten steps, on any backend. */
  const masksAndLosses = async (backend: Backend) => {
    const segment = await backend.compile(forward)
    await segment.load(initial(forward))
    const { masks } = await segment.run(inputs)
    await segment.dispose()
    const train = await backend.compile(training)
    await train.load(initial(training))
    const losses: number[] = []
    for (let step = 1; step <= 10; step++) losses.push((await train.run(feedAt(step))).loss!.data[0]!)
    await train.dispose()
    return { masks: masks!.data, losses }
  }
  return {
    model,
    sizes,
    weights,
    forward,
    training,
    /** Of everything, the backbone too: more than any spec would ask. */
    allGradients: gradientProgram(model, sizes, { learning: everything, loss }).program,
    initial,
    masksAndLosses,
  }
}

export const { model: smallSam, sizes, weights, forward, training, allGradients, initial, masksAndLosses } = samOf(2, 2)
