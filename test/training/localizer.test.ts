import { describe, expect, test } from "vitest"
import { localizer, resnet } from "../../examples/localizer/index.ts"
import type { Backend } from "../../src/backends/backend.ts"
import { cpu } from "../../src/backends/onnx/engine.ts"
import { reference } from "../../src/backends/reference.ts"
import { changingTensors, learningNames, tensorTable } from "../../src/compiler/analysis/parameters.ts"
import type { Tensors } from "../../src/compiler/ir/graph.ts"
import { sizeOf } from "../../src/compiler/ir/graph.ts"
import { standardSizes } from "../../src/compiler/passes/elaborate/index.ts"
import { clockAt } from "../../src/compiler/passes/optimizer.ts"
import { trainingProgram } from "../../src/compiler/passes/program.ts"
import { imageNet, model, mse, pixels, point, sgd } from "../../src/dsl/index.ts"
import { modelWeights } from "../../src/runtime/base.ts"
import { stream } from "../../src/runtime/data/random.ts"
import { scalarFeed } from "../../src/runtime/task/stack.ts"

/** As `[name for name in torchvision.models.resnet18().state_dict()]` prints them, by rule. */
const torchvisionNames = (): readonly string[] => {
  const norm = (path: string) =>
    ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"].map((leaf) => `${path}.${leaf}`)
  const block = (path: string, downsample: boolean) => [
    `${path}.conv1.weight`,
    ...norm(`${path}.bn1`),
    `${path}.conv2.weight`,
    ...norm(`${path}.bn2`),
    ...(downsample ? [`${path}.downsample.0.weight`, ...norm(`${path}.downsample.1`)] : []),
  ]
  return [
    "conv1.weight",
    ...norm("bn1"),
    ...[1, 2, 3, 4].flatMap((n) => [...block(`layer${n}.0`, n > 1), ...block(`layer${n}.1`, false)]),
    "fc.weight",
    "fc.bias",
  ]
}

describe("the localizer", () => {
  const table = tensorTable(localizer.data)
  test("has torchvision's 11,177,538 parameters with two outputs", () => {
    const learning = table.filter(({ learns }) => learns)
    expect(learning.reduce((n, { shape }) => n + sizeOf(shape), 0)).toBe(11_177_538)
  })
  test("has torchvision's names; ImageNet's normalisation is in no state dict", () => {
    const saved = table.filter(({ persistent }) => persistent).map(({ name }) => name)
    expect([...saved].sort()).toEqual([...torchvisionNames()].sort())
    expect(table.filter(({ persistent }) => !persistent).map(({ name }) => name)).toEqual([])
  })
})

test("three steps of a narrow one give what float64 gives, running statistics included", async () => {
  const narrow = model(resnet(4), {
    name: "narrow",
    takes: { image: pixels({ size: 64, ...imageNet }) },
    teaches: { point: point() },
  }).data
  const { tensors } = await modelWeights(narrow, undefined, 5)
  const optimizer = sgd({ rate: 0.02, momentum: 0.9 })
  const learned = trainingProgram(narrow, standardSizes(narrow, 3), {
    learning: learningNames(narrow),
    loss: mse(),
    optimizer,
    accumulate: 1,
  })
  const random = stream("localizer")
  const image = { shape: [3, 3, 64, 64], data: new Float32Array(3 * 3 * 64 * 64).map(() => 255 * random.uniform()) }
  const target = { shape: [3, 2], data: Float32Array.of(0.2, 0.3, 0.5, 0.5, 0.7, 0.1) }
  const changing = changingTensors(tensorTable(narrow))
    .map(({ name }) => name)
    .filter((name) => name in learned.program.state)
  const after = async (backend: Backend): Promise<{ readonly losses: readonly number[]; readonly state: Tensors }> => {
    const executable = await backend.compile(learned.program)
    await executable.load(tensors)
    const zeros = Object.keys(learned.program.state).filter((name) => !(name in tensors))
    const nodes = learned.program.graph.nodes
    await executable.load(
      Object.fromEntries(
        zeros.map((name) => {
          const node = nodes.find((one) => "name" in one.attrs && one.attrs.name === name)!
          return [name, { shape: node.shape, data: new Float32Array(sizeOf(node.shape)) }]
        }),
      ),
    )
    const losses: number[] = []
    for (let step = 1; step <= 3; step += 1) {
      const clock = Object.entries(clockAt(optimizer, optimizer.rate, step)).map(([name, x]) => [name, scalarFeed(x)])
      const { loss } = await executable.run({ image, target, ...Object.fromEntries(clock) })
      losses.push(loss!.data[0]!)
    }
    const state = await executable.read(changing)
    await executable.dispose()
    return { losses, state }
  }
  const [engine, exact] = [await after(await cpu()), await after(await reference())]
  expect(exact.losses[2]).not.toBeCloseTo(exact.losses[0]!, 3)
  engine.losses.forEach((loss, i) => expect(loss / exact.losses[i]!).toBeCloseTo(1, 4))
  for (const name of changing) {
    const [a, b, start] = [engine.state[name]!.data, exact.state[name]!.data, tensors[name]!.data]
    const norm = (xs: Float32Array) => Math.sqrt(xs.reduce((sum, x) => sum + x * x, 0))
    const moved = norm(b.map((x, i) => x - start[i]!))
    expect(moved, name).toBeGreaterThan(0)
    expect(norm(a.map((x, i) => x - b[i]!)) / Math.max(moved, 1e-4), name).toBeLessThan(2e-3)
  }
})
