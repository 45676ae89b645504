import { describe, expect, test } from "vitest"
import type { Backend } from "../../src/backends/backend.ts"
import { cpu } from "../../src/backends/onnx/engine.ts"
import { reference } from "../../src/backends/reference.ts"
import { learningNames, tensorTable } from "../../src/compiler/analysis/parameters.ts"
import type { Program, Tensor, Tensors } from "../../src/compiler/ir/graph.ts"
import { clockAt } from "../../src/compiler/passes/optimizer.ts"
import { gradientProgram, inferenceProgram, trainingProgram } from "../../src/compiler/passes/program.ts"
import { adam, add, bceWithLogits, dice, freezeAll, type Model, pipe } from "../../src/dsl/index.ts"
import { imageOf } from "../../src/dsl/task.ts"
import { modelWeights } from "../../src/runtime/base.ts"
import { adapted, odd, other, prompts, randomInputs, randomWeights, sizesFor } from "./models.ts"

const loss = add(dice(), bceWithLogits())
const imageSizeOf = (model: Model<any, any>): number => imageOf(model.data.takes)!.pixels.size[0]

const run = async (backend: Backend, program: Program, weights: Tensors, inputs: Tensors): Promise<Tensors> => {
  const executable = await backend.compile(program)
  try {
    await executable.load(weights)
    return await executable.run(inputs)
  } finally {
    await executable.dispose()
  }
}

const largest = (tensors: readonly Tensor[]): number =>
  Math.max(...tensors.map(({ data }) => data.reduce((m, x) => Math.max(m, Math.abs(x)), 0)))
const distance = (a: Tensor, b: Tensor): number => {
  expect(a.shape).toEqual(b.shape)
  return a.data.reduce((m, x, i) => Math.max(m, Math.abs(x - b.data[i]!)), 0)
}
/** Euclidean, relative to the larger of this gradient and a millionth of all gradients: some are zero but for rounding. */
const relative = (a: Tensor, b: Tensor, all: number): number => {
  const norm = (xs: Float32Array) => Math.sqrt(xs.reduce((sum, x) => sum + x * x, 0))
  return norm(a.data.map((x, i) => x - b.data[i]!)) / Math.max(norm(b.data), 1e-3 * all)
}

const agree = async (model: Model<any, any>, prompt: keyof typeof prompts, multimask: boolean): Promise<void> => {
  const imageSize = imageSizeOf(model)
  const sizes = sizesFor(imageSize, prompt, multimask)
  const learning = learningNames(model.data)
  const { program, receiving } = gradientProgram(model.data, sizes, { learning, loss })
  const weights = randomWeights(tensorTable(model.data))
  const inputs = randomInputs(sizes)
  const [ours, right] = [await run(cpu(), program, weights, inputs), await run(reference(), program, weights, inputs)]
  expect(Object.keys(ours).sort()).toEqual(Object.keys(right).sort())
  expect(distance(ours["image_embedding"]!, right["image_embedding"]!)).toBeLessThan(1e-5)
  expect(distance(ours["low_res_masks"]!, right["low_res_masks"]!)).toBeLessThan(2e-4)
  expect(distance(ours["masks"]!, right["masks"]!)).toBeLessThan(2e-4)
  expect(distance(ours["iou_predictions"]!, right["iou_predictions"]!)).toBeLessThan(2e-4)
  expect(receiving.length).toBeGreaterThan(0)
  const all = largest(receiving.map((name) => right[`grad/${name}`]!))
  expect(all).toBeGreaterThan(0)
  for (const name of receiving)
    expect(relative(ours[`grad/${name}`]!, right[`grad/${name}`]!, all), name).toBeLessThan(1e-4)
}

describe("the CPU engine agrees with the float64 reference", () => {
  for (const prompt of Object.keys(prompts) as (keyof typeof prompts)[]) {
    test(`an odd SAM, everything learning, prompt ${prompt}`, () => agree(odd, prompt, false))
    test(`another SAM, several masks, prompt ${prompt}`, () => agree(other, prompt, true))
  }
  for (const [name, model] of Object.entries(adapted)) test(`adapters: ${name}`, () => agree(model, "point", false))
})

describe("adapters", () => {
  // Tokens and keys that learn take part from the beginning.
  const identities = Object.entries(adapted).filter(([name]) => name !== "promptTokens" && name !== "keysAndValues")
  test.each(identities)("%s at its initial values gives the base's bytes", async (_, model) => {
    const sizes = sizesFor(40, "point")
    const base = randomWeights(tensorTable(odd.data))
    const { tensors } = await modelWeights(model.data, undefined, 3)
    const weights = { ...tensors, ...base }
    const inputs = randomInputs(sizes)
    const { target: _target, ...feeds } = inputs
    const ours = await run(cpu(), inferenceProgram(model.data, sizes), weights, feeds)
    const bare = await run(cpu(), inferenceProgram(pipe(odd, freezeAll).data, sizes), base, feeds)
    for (const name of Object.keys(bare))
      expect(Buffer.from(ours[name]!.data.buffer).equals(Buffer.from(bare[name]!.data.buffer)), name).toBe(true)
  })
})

describe("training", () => {
  const optimizer = adam({ rate: 1e-3 })
  const steps = 5
  const train = async (backend: Backend, model: Model<any, any>) => {
    const sizes = sizesFor(40, "point")
    const learning = learningNames(model.data)
    const { program } = trainingProgram(model.data, sizes, { learning, loss, optimizer })
    const weights = randomWeights(tensorTable(model.data))
    const executable = await backend.compile(program)
    const zeros = Object.fromEntries(
      program.graph.nodes.flatMap((node) =>
        node.op === "input" && node.attrs.name in program.state
          ? [[node.attrs.name, { shape: node.shape, data: new Float32Array(node.shape.reduce((n, x) => n * x, 1)) }]]
          : [],
      ),
    )
    await executable.load({ ...weights, ...zeros })
    const inputs = randomInputs(sizes)
    const losses: number[] = []
    for (let step = 1; step <= steps; step += 1) {
      const clock = Object.fromEntries(
        Object.entries(clockAt(optimizer, 1e-3, step)).map(([name, x]) => [
          name,
          { shape: [], data: Float32Array.of(x) },
        ]),
      )
      losses.push((await executable.run({ ...inputs, ...clock }))["loss"]!.data[0]!)
    }
    const state = await executable.read(Object.keys(program.state))
    await executable.dispose()
    return { losses, state, learning, weights, program }
  }

  test.each(Object.entries(adapted))("%s: five Adam steps give the reference's losses to 1e-6", async (_, model) => {
    const [ours, right] = [await train(cpu(), model), await train(reference(), model)]
    ours.losses.forEach((x, i) => expect(Math.abs(x / right.losses[i]! - 1)).toBeLessThan(1e-6))
    expect(right.losses.at(-1)!).toBeLessThan(right.losses[0]!)
    // What is frozen is not among the state that a step replaces, so no byte of it can change.
    const changed = Object.keys(ours.state).filter((name) => !name.startsWith("adam/"))
    expect(changed.toSorted()).toEqual([...ours.learning].toSorted())
    for (const name of changed) expect(distance(ours.state[name]!, ours.weights[name]!), name).toBeGreaterThan(0)
  })
  test("the same run twice gives the same bytes", async () => {
    const [a, b] = [await train(cpu(), adapted.inMlpResidual), await train(cpu(), adapted.inMlpResidual)]
    expect(a.losses).toEqual(b.losses)
    for (const [name, { data }] of Object.entries(a.state)) expect(data, name).toEqual(b.state[name]!.data)
  })
})
