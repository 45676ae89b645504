/** Any model that takes and teaches: train.py and `hasam train` have the same losses and the same score. */
import { mkdtemp, readFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { cpu } from "../../../src/backends/onnx/engine.ts"
import { pytorchPackage } from "../../../src/backends/pytorch/index.ts"
import {
  adam,
  add,
  autoLr,
  balanced,
  bceWithLogits,
  box,
  centre,
  clipNorm,
  clipValue,
  crossEntropy,
  dice,
  type Loss,
  type Model,
  mse,
  type Prompt,
  paperDefaults,
  polynomialRate,
  sgd,
  type TrainingOptions,
} from "../../../src/dsl/index.ts"
import { modelWeights } from "../../../src/runtime/base.ts"
import { openData } from "../../../src/runtime/data/layouts/index.ts"
import { reader } from "../../../src/runtime/data/reader.ts"
import { splitCases } from "../../../src/runtime/data/split.ts"
import { saveSplit } from "../../../src/runtime/data/splitFile.ts"
import { classesTaught, needsForeground, pixelsOf } from "../../../src/runtime/task/index.ts"
import { train } from "../../../src/runtime/training/train.ts"
import { writeGrey } from "../../data/helpers.ts"
import { PythonSession } from "../../python/index.ts"
import { blocked, classified, clicked, clickedLoss, masked, points, twoClasses } from "./models.ts"
import { pillow, writePackage } from "./tools.ts"

const seed = 4
const of = (loss: Loss, prompt: Prompt = centre, more: Partial<TrainingOptions> = {}): TrainingOptions => ({
  ...{ ...paperDefaults, epochs: 2, batch: 2, seed, loss, prompt, optimizer: adam({ rate: 1e-2 }) },
  augmentation: { flip: true, rotation: 10, scale: 0.1, gain: 0.2 },
  ...more,
})
const tasks: Readonly<Record<string, { readonly model: Model<any, any>; readonly options: TrainingOptions }>> = {
  "a mask of one channel, with mse": { model: masked, options: of(mse()) },
  "three classes of one channel": { model: classified, options: of(add(crossEntropy(), dice({ over: "classes" }))) },
  "two classes, of masks drawn as 0 and 255": { model: twoClasses, options: of(crossEntropy()) },
  "a point, with mse": { model: points, options: of(mse(), centre, { optimizer: sgd({ rate: 0.1, momentum: 0.9 }) }) },
  "a mask and a point, asked by clicks": { model: clicked, options: of(clickedLoss) },
  "a mask and a point, asked by boxes": { model: clicked, options: of(clickedLoss, box) },
  "parts at rates of their own, clipped, decaying, rare cases more often": {
    model: clicked,
    options: of(clickedLoss, centre, {
      ...{ clip: clipNorm(0.3), sampling: balanced, rateSchedule: polynomialRate({ warmup: 3 }), accumulate: 2 },
      rates: [
        { part: "stem", rate: 1e-3 },
        { part: "head", rate: 3e-2 },
      ],
    }),
  },
  "rates tuned while training": {
    model: blocked,
    options: of(bceWithLogits(), centre, {
      ...{
        optimizer: sgd({ rate: 0.05, momentum: 0.9 }),
        accumulate: 2,
        rates: [{ part: "blocks", rate: [1, 0.05, 0.02, 0.01, 1] }],
      },
      autoLr: autoLr({ order: 1, least: 1, trials: 4 }),
    }),
  },
  "rates tuned with Adam": {
    model: blocked,
    options: of(bceWithLogits(), centre, {
      rates: [{ part: "blocks", rate: [1, 1e-2, 5e-3, 1e-3, 1] }],
      autoLr: autoLr({ order: 1, least: 1, trials: 3 }),
    }),
  },
  "each number clipped, classes by rarity": {
    model: classified,
    options: of(crossEntropy(), centre, { clip: clipValue(1e-3), sampling: balanced, patience: 1 }),
  },
}

describe.skipIf(pillow === undefined)("train.py", () => {
  let [root, data, labels] = ["", "", ""]
  const session = new PythonSession(pillow)
  afterAll(() => session.end())
  /** Blobs of one or two classes on noise; images of several shapes, one of them empty. */
  const writeData = async (folder: string, value: (k: number) => number) => {
    for (let n = 0; n < 14; n += 1) {
      const [width, height] = [20 + (n % 3) * 7, 16 + (n % 4) * 5]
      const inside = (x: number, y: number, k: number) =>
        n !== 3 && (x - 6 - k * 7) ** 2 + (y - 6 - k * 3) ** 2 < 9 + (n % 5) * 3
      const pixels = (at: (x: number, y: number) => number) =>
        Uint8Array.from({ length: width * height }, (_, i) => at(i % width, Math.floor(i / width)))
      const k = (x: number, y: number) => (inside(x, y, 1) ? 2 : inside(x, y, 0) ? 1 : 0)
      const image = pixels((x, y) => 60 * k(x, y) + ((x * 31 + y * 17 + n * 13) % 70))
      await writeGrey(join(folder, `images/${n}.png`), width, height, image)
      await writeGrey(
        join(folder, `masks/${n}.png`),
        width,
        height,
        pixels((x, y) => value(k(x, y))),
      )
    }
  }
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "hasam-tasks-"))
    ;[data, labels] = [join(root, "masks"), join(root, "classes")]
    await writeData(data, (k) => (k > 0 ? 255 : 0))
    await writeData(labels, (k) => k)
  })

  it.each(Object.entries(tasks))(
    "%s: losses and score as hasam's",
    async (name, { model: { data: model }, options }) => {
      const folder = join(root, name.replaceAll(/\W+/g, "-"))
      const count = classesTaught(model)
      const from = count === undefined || count === 2 ? data : labels
      const opened = await openData(from)
      const split = splitCases(opened.cases, { seed })
      await saveSplit(`${folder}.json`, split, opened)
      await writePackage(folder, pytorchPackage(model, { kind: "training", ...options, model }, { name: "small" }))
      const args = ["--data", from, "--split", `${folder}.json`, "--out", `${folder}-theirs`, "--device", "cpu"]
      await session.said([join(folder, "train.py"), ...args, "--workers", "0", "--log-steps"])
      const log = (await readFile(join(`${folder}-theirs`, "log.jsonl"), "utf8"))
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))

      const { tensors } = await modelWeights(model, undefined, seed)
      const { prompt, augmentation, sampling } = options
      const samples = reader({ pixels: pixelsOf(model), seed, prompt, augmentation, sampling, labels: count })
      const cases = async (part: readonly string[]) => {
        const found = opened.cases.filter(({ id }) => part.includes(id))
        return needsForeground(model, prompt) ? samples.withForeground(found) : found
      }
      const losses: number[] = []
      const scores: number[] = []
      await train({
        ...{ name: "small", version: "1", model, options, weights: tensors, reader: samples, resume: false },
        identity: { run: "run", base: "base" },
        train: await cases(split.train),
        validation: await cases(split.validation),
        folder: await mkdtemp(join(root, "ours-")),
        backend: cpu(),
        on: (event) => {
          if (event.kind === "step") losses.push(event.loss)
          if (event.kind === "epoch") scores.push(event.dice!)
        },
      })
      const theirs = log.filter((entry) => "batch" in entry).map(({ loss }) => loss)
      expect(losses.length).toBeGreaterThanOrEqual(6)
      expect(theirs).toHaveLength(losses.length)
      // Epochs that are undone are trained again, here and there.
      const once = options.epochs * Math.floor((await cases(split.train)).length / options.batch)
      expect(losses.length > once).toBe(options.autoLr !== undefined)
      losses.forEach((loss, i) => expect(Math.abs(theirs[i] / loss - 1), `step ${i}`).toBeLessThan(2e-5))
      const validation = log.filter((entry) => "validation" in entry).map((entry) => entry.validation)
      expect(validation).toHaveLength(scores.length)
      scores.forEach((score, i) => expect(validation[i], `epoch ${i}`).toBeCloseTo(score, 3))
    },
  )
})
