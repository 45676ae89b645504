/** Every system in a small configuration: two steps of training, the same masks on every engine, a package for PyTorch; and the counts of all. */
import { mkdtempSync } from "node:fs"
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
import { pixelsOf } from "../../src/runtime/task/index.ts"
import { train } from "../../src/runtime/training/train.ts"
import { relativeError } from "../ir/support.ts"

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
beforeAll(async () => {
  await writePhantoms(join(folder, "data"), { n: 4, size: 64, seed: 5, perSubject: 1 })
  cases = (await openData(join(folder, "data"))).cases
})
afterAll(() => wasm.dispose())

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

describe.each(modelsIn([small]))("%s in small", (name, data) => {
  test("two steps change what learns", async () => {
    const found = Object.values(small as Readonly<Record<string, unknown>>).find(
      (value): value is Training => isTraining(value) && value.model === data,
    )
    if (found === undefined) return expect(name).toBe("zeroShot")
    const { tensors } = await modelWeights(data, undefined, 3)
    const losses: number[] = []
    const { learned } = await train({
      ...{ name, version: "test", model: data, weights: tensors, validation: [], resume: false },
      options: { ...found, epochs: 1, batch: 2 },
      reader: reader({ pixels: pixelsOf(data), seed: 0, prompt: found.prompt }),
      train: cases,
      folder: join(folder, name),
      identity: { run: "run", base: "base" },
      backend: await cpu(),
      on: (event) => {
        if (event.kind === "step") losses.push(event.loss)
      },
    })
    expect(losses.length).toBe(2)
    for (const loss of losses) expect(loss).toBeGreaterThan(0)
    expect(Object.keys(learned).filter((of) => learningNames(data).includes(of)).length).toBeGreaterThan(0)
    const moved = Object.entries(learned).filter(([of, { data }]) => data.some((x, i) => x !== tensors[of]!.data[i]))
    expect(moved.length).toBeGreaterThan(Object.keys(learned).length / 2)
  })
  test("the same on the CPU engine and wasm", async () => {
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
    expect(relativeError(await masks(await cpu()), await masks(backendOf(wasm)))).toBeLessThan(1e-4)
  })
  test("has a package for PyTorch", () => {
    const files = pytorchPackage(data)
    expect(files["model.py"]).toContain(`"""${data.name}: `)
  })
})
