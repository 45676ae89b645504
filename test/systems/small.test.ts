/** Every system in a small configuration: two steps of training, the same masks on every engine, a package for PyTorch; and the counts of all. */
import { mkdtempSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import * as adaptFormer from "../../examples/methods/adaptformer/index.ts"
import * as autoLr from "../../examples/methods/autolr/index.ts"
import * as houlsby from "../../examples/methods/houlsby/index.ts"
import * as ladder from "../../examples/methods/ladder/index.ts"
import * as lora from "../../examples/methods/lora/index.ts"
import * as prefix from "../../examples/methods/prefix/index.ts"
import * as surgical from "../../examples/methods/surgical/index.ts"
import * as vpt from "../../examples/methods/vpt/index.ts"
import * as h2Former from "../../examples/systems/h2former/index.ts"
import * as medSa from "../../examples/systems/medsa/index.ts"
import * as medSam from "../../examples/systems/medsam/index.ts"
import * as missFormer from "../../examples/systems/missformer/index.ts"
import * as mobileSam from "../../examples/systems/mobile-sam/index.ts"
import * as zeroShot from "../../examples/systems/sam/index.ts"
import * as samed from "../../examples/systems/samed/index.ts"
import * as samus from "../../examples/systems/samus/index.ts"
import * as sfrcSam from "../../examples/systems/sfrcsam/index.ts"
import * as small from "../../examples/systems/small.ts"
import * as swinUnet from "../../examples/systems/swin-unet/index.ts"
import * as transUnet from "../../examples/systems/transunet/index.ts"
import * as unet from "../../examples/systems/unet/index.ts"
import { cpu } from "../../src/backends/onnx/engine.ts"
import { pytorchPackage } from "../../src/backends/pytorch/index.ts"
import { openWasm } from "../../src/backends/tfjs/engines/host.ts"
import { backendOf } from "../../src/backends/tfjs/index.ts"
import { learningNames, tensorTable } from "../../src/compiler/analysis/parameters.ts"
import type { Tensors } from "../../src/compiler/ir/graph.ts"
import { sizeOf } from "../../src/compiler/ir/graph.ts"
import { standardSizes } from "../../src/compiler/passes/elaborate/index.ts"
import { inferenceProgram } from "../../src/compiler/passes/program.ts"
import { isModel, type ModelData } from "../../src/dsl/model.ts"
import { isTraining, type Training } from "../../src/dsl/training.ts"
import { modelWeights } from "../../src/runtime/base.ts"
import type { Case } from "../../src/runtime/data/case.ts"
import { openData } from "../../src/runtime/data/layouts/index.ts"
import { writePhantoms } from "../../src/runtime/data/phantoms/index.ts"
import { stream } from "../../src/runtime/data/random.ts"
import { reader } from "../../src/runtime/data/reader.ts"
import { pixelsOf, teachesCentres } from "../../src/runtime/task/index.ts"
import { train } from "../../src/runtime/training/train.ts"
import { tryWebGpu } from "../backends/tfjs/engines.ts"
import { relativeError } from "../ir/support.ts"
import { methods as inSmall } from "./methods.ts"

const modelsIn = (specs: readonly object[]): readonly (readonly [string, ModelData])[] =>
  specs.flatMap((spec) =>
    Object.entries(spec as Readonly<Record<string, unknown>>).flatMap(([name, value]) =>
      isModel(value) ? [[name, value.data] as const] : [],
    ),
  )
const systems = [
  unet,
  swinUnet,
  transUnet,
  h2Former,
  missFormer,
  zeroShot,
  samed,
  medSam,
  medSa,
  samus,
  mobileSam,
  sfrcSam,
]
const methods = [houlsby, adaptFormer, lora, vpt, prefix, surgical, ladder, autoLr]

describe("counts", () => {
  test.each(modelsIn([...systems, ...methods]))("of %s are as expected", (_, data) => {
    const parameters = tensorTable(data).filter(({ kind }) => kind === "parameter")
    const count = (of: typeof parameters) => of.reduce((n, { size }) => n + size, 0)
    const counts = { total: count(parameters), trainable: count(parameters.filter(({ learns }) => learns)) }
    expect(data.expectations.length).toBeGreaterThan(0)
    for (const expected of data.expectations)
      if (expected.kind !== "budget") expect(counts[expected.kind]).toBe(expected.count)
  })
})

const folder = mkdtempSync(join(tmpdir(), "hasam-"))
let cases: readonly Case[] = []
const wasm = await openWasm()
const webgpu = await tryWebGpu()
beforeAll(async () => {
  await writePhantoms(join(folder, "data"), { n: 4, size: 64, seed: 5, perSubject: 1 })
  cases = (await openData(join(folder, "data"))).cases
})
afterAll(async () => {
  await wasm.dispose()
  await webgpu?.dispose()
})

const inputsOf = (data: ModelData): Tensors => {
  const random = stream("systems", data.name)
  return Object.fromEntries(
    Object.entries(standardSizes(data).inputs).map(([name, shape]) => {
      const feed = data.takes[name]
      const labels = feed?.kind === "points" && feed.part === "labels"
      const most = feed?.kind === "pixels" ? 255 : 60
      const values = Float32Array.from({ length: sizeOf(shape) }, () => (labels ? 1 : most * random.uniform()))
      return [name, { shape: [1, ...shape], data: values }]
    }),
  )
}

const trainings = Object.values(small as Readonly<Record<string, unknown>>).filter(isTraining)
const tried: readonly (readonly [string, ModelData, Training | undefined])[] = [
  ...modelsIn([small]).map(([name, data]) => [name, data, trainings.find(({ model }) => model === data)] as const),
  ...Object.entries(inSmall).map(([name, { model, training }]) => [name, model.data, training] as const),
]
describe.each(tried)("%s in small", (name, data, how) => {
  const trained = async (run: string, epochs: number, tensors: Tensors, resume = false) => {
    if (how === undefined) throw new Error("nothing of it learns")
    const losses: number[] = []
    const { learned } = await train({
      ...{ name, version: "test", model: data, weights: tensors, validation: [], resume },
      options: { ...how, epochs, batch: 2 },
      reader: reader({ pixels: pixelsOf(data), centres: teachesCentres(data), seed: 0, prompt: how.prompt }),
      train: cases,
      folder: join(folder, run),
      identity: { run: "run", base: "base" },
      backend: await cpu(),
      on: (event) => {
        if (event.kind === "step") losses.push(event.loss)
      },
    })
    return { learned, losses }
  }
  test.skipIf(how === undefined)("trains; in two parts it ends with the bytes of one", async () => {
    const { tensors } = await modelWeights(data, undefined, 3)
    const { learned, losses } = await trained(`${name} whole`, 2, tensors)
    expect(losses.length).toBe(4)
    for (const loss of losses) expect(loss).toBeGreaterThan(0)
    expect(Object.keys(learned).filter((of) => learningNames(data).includes(of)).length).toBeGreaterThan(0)
    const moved = Object.entries(learned).filter(([of, { data }]) => data.some((x, i) => x !== tensors[of]!.data[i]))
    expect(moved.length).toBeGreaterThan(Object.keys(learned).length / 2)
    await trained(`${name} in parts`, 1, tensors)
    await trained(`${name} in parts`, 2, tensors, true)
    const last = (run: string) => readFileSync(join(folder, run, "last.safetensors"))
    expect(last(`${name} in parts`).equals(last(`${name} whole`))).toBe(true)
  })
  test("the same on the CPU engine, wasm and WebGPU", async () => {
    const program = inferenceProgram(data, standardSizes(data))
    const { tensors } = await modelWeights(data, undefined, 3)
    const output = Object.keys(data.teaches)[0]!
    const masks = async (backend: Awaited<ReturnType<typeof cpu>>) => {
      const executable = await backend.compile(program)
      await executable.load(tensors)
      const { [output]: found } = await executable.run(inputsOf(data))
      await executable.dispose()
      return found!.data
    }
    const right = await masks(await cpu())
    expect(relativeError(await masks(backendOf(wasm)), right)).toBeLessThan(1e-4)
    if (webgpu !== undefined) expect(relativeError(await masks(backendOf(webgpu)), right)).toBeLessThan(1e-4)
  })
  test("has a package for PyTorch", () => {
    const files = pytorchPackage(data)
    expect(files["model.py"]).toContain(`"""${data.name}: `)
  })
})
