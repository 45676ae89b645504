/** SFRcSAM's correction of false regions, which is ours: the formula, and that a model begins as the one without it. */
import { expect, test } from "vitest"
import { dualFalseCorrector } from "../../examples/systems/sfrcsam/index.ts"
import { correctedSfrcSam, sfrcSam } from "../../examples/systems/small.ts"
import { learningNames } from "../../src/compiler/analysis/parameters.ts"
import type { Tensors } from "../../src/compiler/ir/graph.ts"
import { standardSizes } from "../../src/compiler/passes/elaborate/index.ts"
import { inferenceProgram } from "../../src/compiler/passes/program.ts"
import { given, model } from "../../src/dsl/index.ts"
import type { ModelData } from "../../src/dsl/model.ts"
import { modelWeights } from "../../src/runtime/base.ts"
import { stream } from "../../src/runtime/data/random.ts"
import { engineNamed } from "../../src/runtime/engines.ts"
import { relativeError } from "../ir/support.ts"

const engine = await engineNamed("reference")({})
const output = async (data: ModelData, weights: Tensors, inputs: Tensors): Promise<ArrayLike<number>> => {
  const executable = await engine.compile(inferenceProgram(data, standardSizes(data, 1)))
  await executable.load(weights)
  const [found] = Object.values(await executable.run(inputs))
  return found!.data
}
const random = (name: string, shape: readonly number[], deviation: number) => {
  const draw = stream("corrector", name)
  const count = shape.reduce((n, side) => n * side, 1)
  return { shape, data: Float32Array.from({ length: count }, () => deviation * (2 * draw.uniform() - 1)) }
}

test("logits become z + gate · 4p(1 − p) · ((1 − p)·n − p·f)", async () => {
  const { data } = model(dualFalseCorrector(4, 8, 3), {
    name: "corrector",
    takes: { logits: given([1, 8, 8]), embeddings: given([4, 2, 2]) },
  })
  const { tensors } = await modelWeights(data, undefined, 1)
  const inputs = { logits: random("logits", [1, 1, 8, 8], 6), embeddings: random("embeddings", [1, 4, 2, 2], 1) }
  // Heads that always say the same: n = sigmoid(1), f = sigmoid(−2).
  const fixed = Object.fromEntries(
    Object.entries(tensors).map(([name, { shape, data: values }]) => [
      name,
      {
        shape,
        data: name.endsWith(".3.weight")
          ? values.map(() => 0)
          : name === "false_negative.3.bias"
            ? values.map(() => 1)
            : name === "false_positive.3.bias"
              ? values.map(() => -2)
              : name === "gate"
                ? values.map(() => 1.5)
                : values,
      },
    ]),
  )
  const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
  const expected = Float64Array.from(inputs.logits.data, (z) => {
    const p = sigmoid(z)
    return z + 1.5 * 4 * p * (1 - p) * ((1 - p) * sigmoid(1) - p * sigmoid(-2))
  })
  const found = await output(data, fixed, inputs)
  expect(relativeError(found, expected)).toBeLessThan(1e-6)
  expect(relativeError(found, inputs.logits.data)).toBeGreaterThan(1e-2)
  // As it is made, it changes nothing.
  expect(relativeError(await output(data, tensors, inputs), inputs.logits.data)).toBe(0)
})

test("a model begins as the one without it, and all of the corrector learns", async () => {
  const { tensors } = await modelWeights(correctedSfrcSam.data, undefined, 2)
  const without = Object.fromEntries(Object.entries(tensors).filter(([name]) => !name.startsWith("corrector.")))
  const inputs = {
    image: { shape: [1, 3, 64, 64], data: random("image", [1, 3, 64, 64], 1).data.map((x) => 127.5 + 127.5 * x) },
    point_coords: { shape: [1, 1, 2], data: Float32Array.of(20, 30) },
    point_labels: { shape: [1, 1], data: Float32Array.of(1) },
  }
  const [corrected, plain] = [
    await output(correctedSfrcSam.data, tensors, inputs),
    await output(sfrcSam.data, without, inputs),
  ]
  expect(relativeError(corrected, plain)).toBe(0)
  const gated = { ...tensors, "corrector.gate": { shape: [1], data: Float32Array.of(2) } }
  expect(relativeError(await output(correctedSfrcSam.data, gated, inputs), plain)).toBeGreaterThan(1e-3)
  const own = Object.keys(tensors).filter((name) => name.startsWith("corrector."))
  expect(own.length).toBe(13)
  expect(own.every((name) => learningNames(correctedSfrcSam.data).includes(name))).toBe(true)
})
