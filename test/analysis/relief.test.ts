/** What would make a training step fit, in numbers that --memory then keeps to. */
import { describe, expect, test } from "vitest"
import { cpuMemory } from "../../src/backends/onnx/memory.ts"
import { bytes as typed } from "../../src/cli/values.ts"
import { learningNames, tensorTable } from "../../src/compiler/analysis/parameters.ts"
import { relievedLater, relievedNow, roundUp } from "../../src/compiler/analysis/relief.ts"
import { costReport } from "../../src/compiler/analysis/summary.ts"
import { standardSizes } from "../../src/compiler/passes/elaborate/index.ts"
import { trainingProgram } from "../../src/compiler/passes/program.ts"
import { plain } from "../../src/compiler/report/colors.ts"
import { asTyped, reliefs, within } from "../../src/compiler/report/fits.ts"
import { modelReport } from "../../src/compiler/report/model.ts"
import type { Fit, Memory } from "../../src/compiler/report/report.ts"
import { modelText } from "../../src/compiler/report/text.ts"
import { conv2d, masks, model, pixels, relu, sequential } from "../../src/dsl/index.ts"
import { defaultsFor, type TrainingOptions } from "../../src/dsl/training.ts"

const gib = 2 ** 30
const layers = () => sequential(conv2d(4, 4, 3, { padding: 1 }), relu, conv2d(4, 4, 3, { padding: 1 }), relu)
/** Blocks of equal size, which a large batch makes large. */
const { data } = model(sequential(conv2d(3, 4, 1), ...Array.from({ length: 6 }, layers), conv2d(4, 1, 1)), {
  name: "convolutions",
  takes: { image: pixels({ size: 64 }) },
  teaches: { masks: masks() },
})
const options: TrainingOptions = { ...defaultsFor(data), batch: 12_000 }
const memory = costReport(undefined, cpuMemory)(data, tensorTable(data), options).memory!

test("what is promised is what --memory does: as many modules, and no more than the device has", () => {
  const helped = memory.fits.filter(({ relief, bytes }) => relief !== undefined && relief.training <= bytes)
  expect(helped.length).toBeGreaterThan(0)
  for (const { relief, bytes } of memory.fits) {
    if (relief === undefined) continue
    const asked = typed.read("--memory", asTyped(relief.memory)) as number
    expect(asked).toBe(relief.memory)
    const { loss, optimizer } = options
    const step = { learning: learningNames(data), loss, optimizer, memory: asked }
    const { recomputed } = trainingProgram(data, standardSizes(data, options.batch), step)
    expect(recomputed).toHaveLength(relief.recomputed)
    expect(relief.training).toBeLessThan(memory.training)
    if (relief.training > bytes)
      // The least: with less, no step is planned at all.
      expect(() =>
        trainingProgram(data, standardSizes(data, options.batch), { ...step, memory: asked * 0.98 }),
      ).toThrow()
  }
})

test("where training fits nothing is promised, and needs are what is compared", () => {
  for (const { device, bytes, inference, training, needs, relief } of memory.fits) {
    expect(inference, device).toBe(needs!.inference <= bytes)
    expect(training, device).toBe(needs!.training <= bytes)
    if (training) expect(relief).toBeUndefined()
  }
  const small = costReport(1, cpuMemory)(data, tensorTable(data), options).memory!
  expect(small.fits.every(({ relief }) => relief === undefined)).toBe(true)
})

const row = (bytes: number): Fit => ({ device: `${bytes / gib} GB`, bytes, inference: true, training: false })

describe("a step that takes 10 GB less 1 for each block", () => {
  const step = {
    all: 6,
    program: () => ({ graph: { nodes: [], outputs: [] }, state: {} }),
    planned: (n: number) => (9 - n) * gib,
  }
  const asked: number[] = []
  const needs = (n: number): number => {
    asked.push(n)
    return (10 - n) * gib
  }
  test("as few as it takes; where even all are too many, all; each is asked once", async () => {
    const rows = [row(8 * gib), row(5.5 * gib), row(3 * gib), { ...row(16 * gib), training: true }]
    const found = relievedNow(rows, () => step, needs)
    expect(found.map(({ relief }) => relief?.recomputed)).toEqual([2, 5, 6, undefined])
    expect(found[0]!.relief).toEqual({ memory: 7 * gib, recomputed: 2, of: 6, training: 8 * gib })
    expect(asked.length).toBe(new Set(asked).size)
    expect(
      await relievedLater(
        rows,
        () => step,
        async (n) => needs(n),
      ),
    ).toEqual(found)
  })
  test("blocks that save nothing are not asked for", () => {
    const flat = { ...step, planned: (n: number) => (9 - Math.min(n, 4)) * gib }
    expect(relievedNow([row(3 * gib)], () => flat, needs)[0]!.relief).toMatchObject({ recomputed: 4, memory: 5 * gib })
    expect(relievedNow([row(3 * gib)], () => ({ ...step, planned: () => gib }), needs)[0]!.relief).toBeUndefined()
  })
})

test("amounts are round where they may be, and typed as they are read", () => {
  expect([roundUp(5.31 * gib, 6 * gib), roundUp(5.311 * gib, 5.35 * gib)].map(asTyped)).toEqual(["5.4GB", "5.32GB"])
  expect(asTyped(roundUp(100 * 2 ** 20 - 7, 100 * 2 ** 20 + 9))).toBe("100MB")
  expect(asTyped(roundUp(3 * gib, 4 * gib))).toBe("3GB")
  for (const n of [gib + 12_345, 7 * gib + 2 ** 29, 5.4 * gib, 900 * 2 ** 20])
    expect(typed.read("--memory", asTyped(Math.floor(n)))).toBe(Math.floor(n))
})

test("sentences: what each device takes, and what the least is", () => {
  const place = () => ({ file: "", line: 0, column: 0 })
  const report = modelReport("net", data, tensorTable(data), place)
  const relief = (training: number, recomputed = 2) => ({ memory: Math.floor(5.4 * gib), recomputed, of: 3, training })
  const of = (fits: readonly Fit[], more: Partial<Memory> = {}): Memory => ({ ...memory, ...more, fits: [...fits] })
  const fits = [
    { ...row(4 * gib), relief: relief(6.1 * gib, 3) },
    { ...row(8 * gib), relief: relief(7.8 * gib) },
  ]
  expect(reliefs(of(fits), "block")).toEqual([
    "to train in 8 GB: --memory 5.4GB computes 2 of 3 blocks twice, and takes 7.8 of 8 GB",
    "the least is --memory 5.4GB, with 3 of 3 blocks computed twice: 6.1 GB; a smaller --input-size or --batch needs less",
  ])
  const text = modelText(
    { ...report, flops: { convention: "", forward: 1, backward: 1 }, memory: of(fits) },
    { colors: plain },
  )
  expect(text).toContain("computes 2 of 3 modules twice")
  expect(reliefs(of([row(8 * gib)]), "block")).toEqual(["a smaller --input-size or --batch needs less"])
  expect(reliefs(of([row(8 * gib)], { compiledFor: "H200" }), "block")[0]).toMatch(/^--memory computes blocks twice/)
  expect(reliefs(of([{ ...row(8 * gib), training: true }]), "block")).toEqual([])
  expect([within(7.94 * gib, 11 * gib), within(11 * gib, 11 * gib), within(48 * 2 ** 20, 128 * 2 ** 20)]).toEqual([
    "7.9",
    "11",
    "48",
  ])
})

test("little is said in small units, not as 0.0 GB", () => {
  const [mib, gib] = [2 ** 20, 2 ** 30]
  expect([31 * mib, 0.0999 * gib, 0.1 * gib, 7.92 * gib].map((bytes) => within(bytes, 8 * gib))).toEqual([
    "31 MiB",
    "103 MiB",
    "0.1",
    "7.9",
  ])
})
