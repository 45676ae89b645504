/** AutoLR: orders and rules against numbers worked out by hand from the authors' code, the loop that undoes epochs, and a run that is broken off in any of them. */
import { mkdtempSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { beforeAll, describe, expect, test } from "vitest"
import { cpu } from "../../src/backends/onnx/engine.ts"
import { tunedDepths } from "../../src/compiler/analysis/rates.ts"
import type { Tensors } from "../../src/compiler/ir/graph.ts"
import { adam, autoLr, freeze, pipe, rates, sam, sgd, type TrainingOptions, training } from "../../src/dsl/index.ts"
import { modelWeights } from "../../src/runtime/base.ts"
import type { Case } from "../../src/runtime/data/case.ts"
import { openData } from "../../src/runtime/data/layouts/index.ts"
import { writePhantoms } from "../../src/runtime/data/phantoms/index.ts"
import { reader } from "../../src/runtime/data/reader.ts"
import { pixelsOf } from "../../src/runtime/task/index.ts"
import { orderAsked, orderOf, tunerOf, wantedOf } from "../../src/runtime/training/autoLr.ts"
import { type TrainingEvent, train } from "../../src/runtime/training/train.ts"
import { tinyOptions } from "../tinySam.ts"

describe("rules", () => {
  test("the order of movements is one less twice the places that they are away, over n²", () => {
    expect(orderOf([1, 2, 3, 4])).toBe(1)
    expect(orderOf([2, 1, 3, 4])).toBe(1 - 4 / 16)
    // Descending: |0−3| + |1−2| + |2−1| + |3−0| = 8.
    expect(orderOf([4, 3, 2, 1])).toBe(0)
    expect(orderOf([5, 5, 5])).toBe(1)
  })
  test("the order that is asked falls by a share after each epoch, to the first value under the least", () => {
    const asked = (epoch: number) => orderAsked(autoLr({ order: 0.9, relax: 0.9, least: 0.8 }), epoch)
    expect([0, 1, 2, 3].map(asked).map((x) => Number(x.toFixed(6)))).toEqual([0.9, 0.81, 0.729, 0.729])
  })
  test("in the first epoch blocks are to move in even steps between multiples of what moved least and most", () => {
    const even = wantedOf([1, 10, 4], autoLr({ lowest: 2, highest: 0.4 }), 0)
    expect(even).toEqual([2, 3, 4])
    // Bounds the other way round: still the first block least.
    expect(wantedOf([2, 3, 2], autoLr({ lowest: 2, highest: 0.5 }), 0)).toEqual([1.5, 2.75, 4])
  })
  test("later only what is out of order is moved, from the middle outwards", () => {
    // Step (5 − 1) / 4 = 1; the middle is 3: before it 4 > 3 → 2, then 5 > 2 → 1; after it 1 < 3 → 4, and 2 < 4 → 5.
    expect(wantedOf([5, 4, 3, 1, 2], autoLr(), 1)).toEqual([1, 2, 3, 4, 5])
    expect(wantedOf([1, 2, 3], autoLr(), 1)).toEqual([1, 2, 3])
    // 9 − 0 would be under nothing: half of the neighbour's.
    expect(wantedOf([9, 1, 10], autoLr(), 4)).toEqual([0.5, 1, 10])
  })
})

const tiny = pipe(
  sam({ ...tinyOptions, depth: 3, windowSize: 2, globalBlocks: [2] }),
  freeze("promptEncoder", "maskDecoder"),
)

describe("rates of a model", () => {
  test("are tuned in its blocks and before them, not behind them", () => {
    const depths = tunedDepths(tiny.data)
    expect(depths.get("image_encoder.patch_embed.proj.weight")).toEqual({ depth: 0, feed: "rate_factor/0" })
    expect(depths.get("image_encoder.blocks.2.mlp.lin1.weight")).toEqual({ depth: 3, feed: "rate_factor/3" })
    expect(depths.has("image_encoder.neck.0.weight")).toBe(false)
    expect([...depths.keys()].some((name) => name.startsWith("mask_decoder"))).toBe(false)
  })
  test("become rate · wanted / moved; before the blocks, so many of the first block's", () => {
    const names = [1, 2, 3].map((i) => `image_encoder.blocks.${i - 1}.norm1.weight`)
    const tuner = tunerOf(tiny.data, autoLr({ lowest: 2, highest: 0.5, before: 0.25 }), names)
    const of = (...moved: readonly number[]): Tensors =>
      Object.fromEntries(names.map((name, i) => [name, { shape: [1], data: Float32Array.of(moved[i]!) }]))
    // Moved 8, 4, 1, the last of the three least: to move 2, 3, 4.
    const first = tuner.judge(of(0, 0, 0), of(-8, 4, 1), 0, tuner.start)
    expect(first).toEqual({
      order: 1 - 8 / 9,
      asked: 0.94,
      kept: false,
      next: { undone: 1, factors: [0.0625, 0.25, 0.75, 4], wanted: [2, 3, 4] },
    })
    // What was wanted stays so within the epoch, and a block that stood still keeps its rate.
    const second = tuner.judge(of(0, 0, 0), of(0, 6, 5), 0, first.next)
    expect(second.kept).toBe(false)
    expect(second.next.factors).toEqual([0.0625, 0.25, 0.375, 3.2])
    expect(tuner.feeds(second.next)).toEqual({ "rate_factor/1": 0.25, "rate_factor/2": 0.375, "rate_factor/3": 3.2 })
    // In order: kept, with its rates; the next epoch decides anew.
    expect(tuner.judge(of(0, 0, 0), of(2, 3, 4), 0, second.next)).toMatchObject({
      order: 1,
      kept: true,
      next: { undone: 0, factors: second.next.factors },
    })
    // The last trial is kept, whatever it is.
    expect(tuner.judge(of(0, 0, 0), of(8, 4, 1), 0, { ...second.next, undone: 9 })).toMatchObject({
      kept: true,
      next: { undone: 0 },
    })
  })
})

const folder = mkdtempSync(join(tmpdir(), "hasam-"))
let cases: readonly Case[] = []
beforeAll(async () => {
  await writePhantoms(join(folder, "data"), { n: 10, size: 32, seed: 2, perSubject: 1 })
  cases = (await openData(join(folder, "data"))).cases
})
/** Early blocks move far more than late ones, until rates are tuned. */
const uneven = (block: number) => 0.05 * 0.1 ** block
const how = (accumulate = 1) =>
  training(tiny, {
    ...{ optimizer: sgd({ rate: 0.05, momentum: 0.9 }), epochs: 2, batch: 2, accumulate },
    rates: rates({ imageEncoder: uneven }),
    autoLr: autoLr({ order: 1, least: 1, trials: 8 }),
  })
const trained = async (
  run: string,
  options: TrainingOptions,
  /** Steps after which it is broken off; "resume": it goes on. */
  how?: number | "resume",
) => {
  const { tensors } = await modelWeights(tiny.data, undefined, 3)
  const events: TrainingEvent[] = []
  const aborted = new AbortController()
  const { learned, progress, finished } = await train({
    ...{ name: "tiny", version: "test", model: tiny.data, options, weights: tensors },
    reader: reader({ pixels: pixelsOf(tiny.data), seed: 0, prompt: options.prompt }),
    ...{ train: cases.slice(0, 8), validation: [], folder: join(folder, run), identity: { run: "run", base: "base" } },
    ...{ backend: await cpu(), resume: how === "resume", signal: aborted.signal },
    on: (event) => {
      events.push(event)
      if (events.filter(({ kind }) => kind === "step").length === how) aborted.abort()
    },
  })
  return { learned, progress, finished, events, weights: tensors }
}
const undone = (events: readonly TrainingEvent[]) => events.filter(({ kind }) => kind === "undone")
const bytes = (run: string, file: string) => readFileSync(join(folder, run, file))

describe("training", () => {
  test("undoes epochs until later blocks move more, and ends after as many steps as any other", async () => {
    const { learned, weights, progress, events } = await trained("whole", how())
    expect(undone(events).length).toBeGreaterThan(0)
    expect(progress).toMatchObject({ epoch: 2, step: 8, batch: 8 })
    const lines = bytes("whole", "log.jsonl")
      .toString()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
    expect(lines.map(({ step, order, trials }) => ({ step, order, more: trials > 1 }))).toEqual([
      { step: 4, order: 1, more: true },
      { step: 8, order: 1, more: lines[1].trials > 1 },
    ])
    expect(undone(events).length).toBe(lines[0].trials + lines[1].trials - 2)
    // Over both epochs: movements in proportion to a count, of the blocks' products.
    const moved = [0, 1, 2].map((i) => {
      const { data } = learned[`image_encoder.blocks.${i}.mlp.lin1.weight`]!
      return data.reduce(
        (sum, x, j) => sum + (x - weights[`image_encoder.blocks.${i}.mlp.lin1.weight`]!.data[j]!) ** 2,
        0,
      )
    })
    expect(moved[0]).toBeGreaterThan(0)
    expect(orderOf(moved)).toBe(1)
    // Rates of the next epoch are those of the last kept one.
    expect(progress.tuning?.undone).toBe(0)
    expect(progress.tuning?.factors).toEqual(lines[1].factors)
  })
  test("with an order that always holds has the bytes of a run without it", async () => {
    const { autoLr: _, ...plain } = how()
    const without = await trained("without", plain)
    const held = await trained("held", { ...plain, autoLr: autoLr({ order: 0, least: 0 }) })
    expect(undone(held.events)).toEqual([])
    expect(held.learned).toEqual(without.learned)
  })
  test.each([1, 2])(
    "that is broken off in a trial goes on to the same bytes, %i batches a step",
    async (accumulate) => {
      const whole = await trained(`unbroken-${accumulate}`, how(accumulate))
      const times = whole.events.filter(({ kind }) => kind === "step").length
      for (const at of [2, 4, 5, times - 1]) {
        const run = `broken-${accumulate}-${at}`
        const begun = await trained(run, how(accumulate), at)
        expect(begun.finished).toBe(false)
        const rest = await trained(run, how(accumulate), "resume")
        expect(rest.finished).toBe(true)
        for (const file of ["last.safetensors", "best.safetensors", "log.jsonl"])
          expect(
            bytes(run, file).equals(bytes(`unbroken-${accumulate}`, file)),
            `${file}, broken off after ${at}`,
          ).toBe(true)
      }
    },
  )
  test("with Adam, whose steps are in proportion to the rate, comes in order too", async () => {
    const { progress, events } = await trained("adam", {
      ...how(),
      optimizer: adam({ rate: 1e-3 }),
      rates: [{ part: "imageEncoder", rate: 1e-3 }],
    })
    expect(progress.epoch).toBe(2)
    expect(undone(events).length).toBeLessThan(14)
  })
})
