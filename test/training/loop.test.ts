/** The training loop in process, on models and images so small that an epoch takes milliseconds. */
import { mkdtempSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { beforeAll, describe, expect, test } from "vitest"
import { cpu } from "../../src/backends/onnx/engine.ts"
import { changingTensors, learningNames, tensorTable } from "../../src/compiler/analysis/parameters.ts"
import type { Tensors } from "../../src/compiler/ir/graph.ts"
import {
  adam,
  adapt,
  afterAttention,
  batchNorm2d,
  bceWithLogits,
  centre,
  conv2d,
  cosineRate,
  dropout,
  freezeAll,
  linear,
  type Model,
  masks,
  model,
  pipe,
  pixels,
  polynomialRate,
  type Rank,
  relu,
  residual,
  sam,
  sequential,
  sgd,
  stepRate,
  submodule,
  type TrainingOptions,
  unfreeze,
  uniform,
} from "../../src/dsl/index.ts"
import { paperDefaults } from "../../src/dsl/training.ts"
import { modelWeights } from "../../src/runtime/base.ts"
import type { Case } from "../../src/runtime/data/case.ts"
import { openData } from "../../src/runtime/data/layouts/index.ts"
import { writePhantoms } from "../../src/runtime/data/phantoms/index.ts"
import { reader } from "../../src/runtime/data/reader.ts"
import { feedsOf, pixelsOf } from "../../src/runtime/task/index.ts"
import { readLast } from "../../src/runtime/training/checkpoint.ts"
import { rateAt } from "../../src/runtime/training/rate.ts"
import { type TrainInput, train } from "../../src/runtime/training/train.ts"
import { tinyOptions } from "../tinySam.ts"

const folder = mkdtempSync(join(tmpdir(), "hasam-"))
let cases: readonly Case[] = []
beforeAll(async () => {
  await writePhantoms(join(folder, "data"), { n: 12, size: 32, seed: 2, perSubject: 1 })
  cases = (await openData(join(folder, "data"))).cases
})

const tiny = sam({ ...tinyOptions, depth: 2, windowSize: 2, globalBlocks: [1] })
const adapted = (p = 0) =>
  pipe(
    tiny,
    freezeAll,
    adapt(uniform(2, 4), (rank: Rank) => [
      afterAttention(residual(sequential(linear(16, rank), relu, dropout(p), linear(rank, 16)))),
    ]),
  )

let runs = 0
const identity = { run: "run", base: "base" }
const trained = async (
  { data: of }: Model<any, any>,
  how: Partial<TrainingOptions>,
  more: Partial<TrainInput> = {},
) => {
  const options = { ...paperDefaults, epochs: 2, batch: 2, optimizer: sgd({ rate: 0.05 }), ...how }
  const { tensors } = await modelWeights(of, undefined, 3)
  const losses: number[] = []
  const run = join(folder, `run-${runs++}`)
  const result = await train({
    name: "tiny",
    version: "test",
    model: of,
    options,
    weights: tensors,
    reader: reader({ pixels: pixelsOf(of), seed: options.seed, prompt: options.prompt }),
    train: cases.slice(0, 8),
    validation: [],
    folder: run,
    identity,
    backend: await cpu(),
    resume: false,
    on: (event) => {
      if (event.kind === "step") losses.push(event.loss)
    },
    ...more,
  })
  return { ...result, losses, run, weights: tensors }
}
const furthest = (a: Tensors, b: Tensors): number =>
  Math.max(
    ...Object.entries(a).map(([name, { data }]) =>
      data.reduce((m, x, i) => Math.max(m, Math.abs(x - b[name]!.data[i]!)), 0),
    ),
  )

describe("a step", () => {
  test("of two batches of 2 is one of a batch of 4", async () => {
    const whole = await trained(adapted(), { batch: 4 })
    const halves = await trained(adapted(), { batch: 2, accumulate: 2 })
    expect(halves.progress.step).toBe(whole.progress.step)
    expect(halves.progress.batch).toBe(2 * whole.progress.batch)
    expect(furthest(whole.learned, whole.weights)).toBeGreaterThan(1e-4)
    expect(furthest(whole.learned, halves.learned)).toBeLessThan(1e-6)
  })
  test("changes what learns and no byte of anything else", async () => {
    const of = adapted()
    const { tensors } = await modelWeights(of.data, undefined, 3)
    const { weights, learned, run } = await trained(of, {})
    for (const [name, { data }] of Object.entries(tensors)) expect(weights[name]!.data, name).toEqual(data)
    expect(Object.keys(learned).sort()).toEqual([...learningNames(of.data)].sort())
    for (const [name, { data }] of Object.entries(learned)) expect(data, name).not.toEqual(tensors[name]!.data)
    const header = readFileSync(join(run, "best.safetensors"))
    const names = Object.keys(JSON.parse(header.subarray(8, 8 + Number(header.readBigUInt64LE(0))).toString()))
    expect(names.filter((name) => name !== "__metadata__").sort()).toEqual([...learningNames(of.data)].sort())
  })
})

describe("dropout", () => {
  test("draws by seed: the same again, others with another seed", async () => {
    const first = await trained(adapted(0.5), { seed: 1 })
    const again = await trained(adapted(0.5), { seed: 1 })
    const without = await trained(adapted(0), { seed: 1 })
    expect(again.learned).toEqual(first.learned)
    expect(again.losses).toEqual(first.losses)
    expect(furthest(first.learned, without.learned)).toBeGreaterThan(1e-5)
  })
})

describe("embeddings", () => {
  test("of a frozen encoder are computed once, and change no loss", async () => {
    const decoderOnly = pipe(tiny, freezeAll, unfreeze("maskDecoder"))
    const cached = await trained(decoderOnly, {})
    const anew = await trained(decoderOnly, {}, { keep: false })
    expect(cached.losses.length).toBe(8)
    cached.losses.forEach((loss, i) => expect(loss).toBeCloseTo(anew.losses[i]!, 5))
    expect(furthest(cached.learned, anew.learned)).toBeLessThan(1e-5)
  })
})

const plain = { name: "net", takes: { image: pixels({ size: 32 }) }, teaches: { masks: masks() } } as const

describe("batch norm", () => {
  test("gathers each channel's mean and unbiased variance, and saves them with what learns", async () => {
    const net = model(sequential(batchNorm2d(3), conv2d(3, 1, 3, { padding: 1 })), plain)
    const samples = reader({ pixels: pixelsOf(net.data), seed: 0 })
    const batch = []
    for await (const sample of samples.training(cases.slice(0, 8), 0)) batch.push(sample)
    const { image } = feedsOf(batch, net.data, centre)
    const { learned } = await trained(net, { batch: 8, epochs: 1, loss: bceWithLogits() })
    expect(Object.keys(learned).sort()).toEqual(
      changingTensors(tensorTable(net.data))
        .map(({ name }) => name)
        .sort(),
    )
    for (let c = 0; c < 3; c += 1) {
      const values = batch.flatMap((_, n) => [...image!.data.subarray((n * 3 + c) * 1024, (n * 3 + c + 1) * 1024)])
      const mean = values.reduce((a, b) => a + b, 0) / values.length
      const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1)
      expect(learned["0.running_mean"]!.data[c]! / (0.1 * mean)).toBeCloseTo(1, 5)
      expect(learned["0.running_var"]!.data[c]! / (0.9 + 0.1 * variance)).toBeCloseTo(1, 5)
    }
  })
  test("that is frozen keeps its statistics", async () => {
    const net = pipe(
      model(sequential(batchNorm2d(3), conv2d(3, 1, 3, { padding: 1 })), plain),
      freezeAll,
      unfreeze(submodule("1")),
    )
    const { learned } = await trained(net, { batch: 4, epochs: 1, loss: bceWithLogits() })
    expect(Object.keys(learned).sort()).toEqual(["1.bias", "1.weight"])
  })
})

describe("the learning rate", () => {
  const rates = (schedule: Parameters<typeof rateAt>[0], epochs: number) =>
    Array.from({ length: epochs }, (_, epoch) => rateAt(schedule, 1, { epoch, epochs, step: epoch, steps: epochs }))
  test("falls by steps, as StepLR", () => expect(rates(stepRate(2, 0.1), 5)).toEqual([1, 1, 0.1, 0.1, 0.1 ** 2]))
  test("follows a cosine, as CosineAnnealingLR, after a linear warm-up", () => {
    // torch.optim.lr_scheduler.CosineAnnealingLR(T_max=4, eta_min=0.1) from 1
    expect(rates(cosineRate({ floor: 0.1 }), 4).map((x) => Number(x.toFixed(6)))).toEqual([1, 0.868198, 0.55, 0.231802])
    expect(rates(cosineRate({ warmup: 2 }), 6).slice(0, 3)).toEqual([0.5, 1, 1])
  })
  test("falls as a power of what is left of the steps, after a linear warm-up", () => {
    // torch.optim.lr_scheduler.PolynomialLR(total_iters=4, power=0.9) from 1
    const rounded = (xs: readonly number[]) => xs.map((x) => Number(x.toFixed(6)))
    expect(rounded(rates(polynomialRate(), 4))).toEqual([1, 0.77189, 0.535887, 0.287175])
    expect(rounded(rates(polynomialRate({ power: 1, warmup: 2, floor: 0.5 }), 4))).toEqual([0.5, 1, 1, 0.75])
  })
  test("scales what a step changes", async () => {
    const once = await trained(adapted(), { epochs: 1, batch: 8, optimizer: sgd({ rate: 0.01 }) })
    const twice = await trained(adapted(), { epochs: 1, batch: 8, optimizer: sgd({ rate: 0.02 }) })
    const name = learningNames(adapted().data).find((one) =>
      once.learned[one]!.data.some((x) => x !== once.weights[one]!.data[0]),
    )!
    const change = ({ learned, weights }: typeof once) => learned[name]!.data.map((x, i) => x - weights[name]!.data[i]!)
    const [a, b] = [change(once), change(twice)]
    a.forEach((x, i) => expect(b[i]!).toBeCloseTo(2 * x, 6))
  })
})

test("values that are not finite stop training; the checkpoint before them stays", async () => {
  const good = await trained(adapted(), { epochs: 1, optimizer: adam({ rate: 1e-3 }) })
  const before = readFileSync(join(good.run, "last.safetensors"))
  const bad = trained(adapted(), { epochs: 4, optimizer: adam({ rate: 1e30 }) }, { folder: good.run, resume: true })
  await expect(bad).rejects.toThrow(/HS5301: .* not finite at step \d+/)
  expect(readFileSync(join(good.run, "last.safetensors")).equals(before)).toBe(true)
  expect((await readLast(good.run, identity)).progress.epoch).toBe(1)
})

test("a checkpoint of another run, or on another base, is not gone on from", async () => {
  const { run } = await trained(adapted(), { epochs: 1 })
  const resumed = (more: Partial<typeof identity>) =>
    trained(adapted(), { epochs: 2 }, { folder: run, resume: true, identity: { ...identity, ...more } })
  await expect(resumed({ run: "other" })).rejects.toThrow(/HS5310: .* of another model, data or options/)
  await expect(resumed({ base: "other" })).rejects.toThrow(/HS5310: .* on other base weights/)
  expect((await resumed({})).finished).toBe(true)
})

test("going on for more epochs gives the bytes of a run that had them from the beginning", async () => {
  const validation = cases.slice(8)
  const more = { train: cases.slice(0, 8), validation }
  const short = await trained(adapted(0.3), { epochs: 2 }, more)
  const long = await trained(adapted(0.3), { epochs: 4 }, { ...more, folder: short.run, resume: true })
  const whole = await trained(adapted(0.3), { epochs: 4 }, more)
  expect(long.progress).toEqual(whole.progress)
  for (const file of ["last.safetensors", "best.safetensors", "log.jsonl"])
    expect(readFileSync(join(short.run, file)).equals(readFileSync(join(whole.run, file))), file).toBe(true)
  const fewer = trained(adapted(0.3), { epochs: 1 }, { ...more, folder: short.run, resume: true })
  await expect(fewer).rejects.toThrow(/HS5302: the run has done 4 epochs already, more than 1/)
})

test("training ends when validation has not become better for a while; not where nothing validates", async () => {
  // So small a rate moves nothing: the first epoch stays the best.
  const still = { optimizer: sgd({ rate: 1e-30 }), epochs: 9, patience: 2 }
  const more = { train: cases.slice(0, 8), validation: cases.slice(8) }
  const run = await trained(adapted(), still, more)
  expect(run.finished).toBe(true)
  expect(run.progress).toMatchObject({ epoch: 3, bestEpoch: 0 })
  const again = await trained(adapted(), still, { ...more, folder: run.run, resume: true })
  expect(again.progress.epoch).toBe(3)
  await expect(trained(adapted(), still)).rejects.toThrow(/HS5307: there are no images for validation/)
})
