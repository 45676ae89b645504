import { readFileSync } from "node:fs"
import { describe, expect, test } from "vitest"
import { learningNames } from "../../src/compiler/analysis/parameters.ts"
import { evaluate } from "../../src/compiler/ir/evaluate/index.ts"
import { sizeOf } from "../../src/compiler/ir/graph.ts"
import type { InputSizes } from "../../src/compiler/passes/elaborate/index.ts"
import { compile } from "../../src/compiler/passes/pipeline.ts"
import {
  adapt,
  add,
  afterAttention,
  bceWithLogits,
  besideMlp,
  besideMlpResidual,
  dice,
  freezeAll,
  gelu,
  inMlpResidual,
  linear,
  lora,
  pipe,
  type Rank,
  relu,
  residual,
  type SamConfig,
  sam,
  sequential,
  uniform as uniformRanks,
} from "../../src/dsl/index.ts"
import type { ModelData } from "../../src/dsl/model.ts"
import { networkOf } from "../../src/dsl/network.ts"
import { type TensorData, tensorsOf } from "../../src/dsl/tensors.ts"
import type { Values } from "../ir/support.ts"
import { type Digest, difference, uniform } from "../reference/index.ts"

/** As in make_sams.py. */
const adaptations = {
  "in series": (d: number) => {
    const adapter = () => residual(sequential(linear(d, 3), relu, linear(3, d)))
    return [afterAttention(adapter()), inMlpResidual(adapter())]
  },
  beside: (d: number) => [
    besideMlp(sequential(linear(d, 2), gelu, linear(2, d)), { scale: 0.5 }),
    besideMlpResidual(sequential(linear(d, 2), relu, linear(2, d)), { scale: 0.1 }),
  ],
  "low rank": () => {
    const rank = 2 as unknown as Rank
    return [lora({ rank, on: ["q", "v", "mlp.lin1"], alpha: 4 })]
  },
} as const

interface Reference {
  readonly name: string
  readonly config: SamConfig
  /** How blocks are adapted; then adapters alone learn. */
  readonly adapters?: keyof typeof adaptations
  readonly image: readonly [number, number]
  readonly original: readonly [number, number]
  readonly prompts: readonly string[]
  readonly multimask: boolean
  readonly loss: number
  readonly outputs: Readonly<Record<string, Digest>>
  readonly gradients: Readonly<Record<string, Digest>>
}
/** From segment_anything: see reference/make_sams.py, which has the same formulas. */
const references: readonly Reference[] = JSON.parse(
  readFileSync(new URL("./reference/sams.json", import.meta.url), "utf8"),
)

const modelOf = ({ config, adapters }: Reference): ModelData => {
  const base = sam(config)
  const { depth, width } = config
  if (adapters === undefined) return base.data
  const placements = adaptations[adapters]
  return pipe(
    base,
    freezeAll,
    adapt(uniformRanks(depth, 1), () => placements(width)),
  ).data
}

const pixelMean = [123.675, 116.28, 103.53]
const pixelStd = [58.395, 57.12, 57.375]
const valuesOf = ({ name, shape }: TensorData): Float64Array => {
  if (name === "pixel_mean") return Float64Array.from(pixelMean)
  if (name === "pixel_std") return Float64Array.from(pixelStd)
  const isScale = shape.length === 1 && name.endsWith("weight")
  return uniform(name, sizeOf(shape)).map((x) => x * (shape.length === 1 ? 0.25 : 0.5) + (isScale ? 1 : 0))
}

/** Of every kind; a program takes those that it asks for. */
const inputsOf = ({ config, image, original }: Reference): Values => {
  const side = 4 * Math.floor(config.imageSize / config.patchSize)
  return {
    image: uniform("image", 3 * image[0] * image[1]).map((x) => 127.5 * (x + 1)),
    point_coords: uniform("point_coords", 4).map((x) => 20 * (x + 1)),
    point_labels: Float64Array.of(1, 0),
    boxes: uniform("boxes", 4).map((x, i) => 14 * (x + (i < 2 ? 1 : 2))),
    mask_input: uniform("mask_input", side * side).map((x) => 2 * x),
    target: uniform("target", original[0] * original[1]).map((x) => (x > 0.2 ? 1 : 0)),
  }
}
const sizesOf = ({ config, image, original, prompts, multimask }: Reference): InputSizes => {
  const side = 4 * Math.floor(config.imageSize / config.patchSize)
  return {
    batch: 1,
    inputs: {
      image: [3, ...image],
      ...(prompts.includes("points") ? { point_coords: [2, 2], point_labels: [2] } : {}),
      ...(prompts.includes("boxes") ? { boxes: [4] } : {}),
      ...(prompts.includes("mask") ? { mask_input: [1, side, side] } : {}),
    },
    flags: multimask ? ["multimask"] : [],
    extents: { original_size: original },
  }
}

describe.each(references)("segment_anything's values and gradients: $name", (reference) => {
  const model = modelOf(reference)
  const tensors = tensorsOf(networkOf(model))
  const learning = learningNames(model)
  const loss = add(dice(), bceWithLogits())
  const task = { model, sizes: sizesOf(reference), goal: { kind: "gradients", learning, loss } } as const
  const values: Values = {
    ...Object.fromEntries(tensors.map((tensor) => [tensor.name, valuesOf(tensor)])),
    ...inputsOf(reference),
  }
  const { program, unreached } = compile(task)
  const results = evaluate(program.graph, values)
  const { outputs, gradients } = reference

  test("the loss", () => {
    expect(Math.abs(results["loss"]!.data[0]! - reference.loss)).toBeLessThan(1e-12)
  })
  test.each(Object.entries(outputs))("%s", (name, digest) => {
    const { shape, data } = results[name]!
    expect(shape).toEqual(digest.shape)
    expect(difference(name, data, digest)).toBeLessThan((1e-11 * digest.norm) / Math.sqrt(data.length))
  })
  test("every gradient", () => {
    const largest = Math.max(...Object.values(gradients).map(({ norm }) => norm))
    const wrong = Object.entries(gradients).filter(([name, digest]) => {
      const result = results[`grad/${name}`]
      if (result === undefined || `${result.shape}` !== `${digest.shape}`) return true
      return !(difference(name, result.data, digest) < 1e-9 * digest.norm + 1e-13 * largest)
    })
    expect(wrong.map(([name]) => name)).toEqual([])
  })
  test("what no gradient reaches is what PyTorch gives none", () => {
    expect(unreached).toEqual(learning.filter((name) => gradients[name] === undefined))
  })
})
