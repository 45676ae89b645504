/** Each kind of model and of prompt: `segment` and `eval` decide every pixel alike, on phantoms and on real samples where they are. */
import { beforeAll, describe, expect, test } from "vitest"
import type { Backend } from "../../src/backends/backend.ts"
import { inferenceProgram } from "../../src/compiler/passes/program.ts"
import {
  classes,
  conv2d,
  globalAveragePool,
  linear,
  masks,
  model as modelOf,
  pixels,
  point,
  relu,
  sam,
  sequential,
} from "../../src/dsl/index.ts"
import type { ModelData } from "../../src/dsl/model.ts"
import type { Prompt } from "../../src/dsl/training.ts"
import { modelWeights } from "../../src/runtime/base.ts"
import type { Case, DataOptions } from "../../src/runtime/data/case.ts"
import { readImage } from "../../src/runtime/data/image.ts"
import { openData } from "../../src/runtime/data/layouts/index.ts"
import { writePhantoms } from "../../src/runtime/data/phantoms/index.ts"
import { fitted } from "../../src/runtime/data/prepare.ts"
import { boxOf, centreOf } from "../../src/runtime/data/prompts.ts"
import { area } from "../../src/runtime/data/raster.ts"
import { reader, type Sample } from "../../src/runtime/data/reader.ts"
import { engineNamed } from "../../src/runtime/engines.ts"
import { measure, type Segmented, segmentedOf } from "../../src/runtime/evaluation/cases.ts"
import { labelled } from "../../src/runtime/segment/outputs.ts"
import type { Asked } from "../../src/runtime/segment/prompts.ts"
import { segmenter } from "../../src/runtime/segment/segmenter.ts"
import { pixelsOf, taughtOf } from "../../src/runtime/task/index.ts"
import { maskFed } from "../../src/runtime/task/maskPrompt.ts"
import { diceOf } from "../../src/runtime/task/masks.ts"
import { pixelFeed } from "../../src/runtime/task/pixels.ts"
import { clamped } from "../../src/runtime/task/point.ts"
import { predictor } from "../../src/runtime/training/predict.ts"
import { shared, temporary } from "../data/helpers.ts"
import { tinyOptions } from "../tinySam.ts"

const tiny = sam(tinyOptions).data
const net = (gives: number) => sequential(conv2d(3, 4, 3, { padding: 1 }), relu, conv2d(4, gives, 3, { padding: 1 }))
const plain = modelOf(net(1), { name: "net", takes: { image: pixels({ size: 32 }) }, teaches: { masks: masks() } }).data
const several = modelOf(net(3), {
  ...{ name: "several", takes: { image: pixels({ size: 32 }) } },
  teaches: { masks: classes("background", "nerve", "vessel") },
}).data
const pointing = modelOf(sequential(conv2d(3, 4, 3, { stride: 2 }), relu, globalAveragePool, linear(4, 2)), {
  ...{ name: "points", takes: { image: pixels({ size: 32 }) } },
  teaches: { point: point() },
}).data

let backend: Backend
let phantoms = ""
beforeAll(async () => {
  backend = await engineNamed("cpu")({ note: () => undefined })
  phantoms = await temporary()
  await writePhantoms(phantoms, { n: 4, size: 48, seed: 1, perSubject: 1 })
})

const opened = new Map<string, Promise<readonly Case[]>>()
/** Looked through once. */
const casesOf = (root: string, options: DataOptions = {}): Promise<readonly Case[]> => {
  const known = opened.get(root) ?? openData(root, options).then(({ cases }) => cases)
  opened.set(root, known)
  return known
}

const sets: readonly (readonly [string, () => string | undefined, DataOptions])[] = [
  ["phantoms", () => phantoms, {}],
  ["usgra-seg", () => shared("usgra-seg"), { class: 1 }],
  ["busi-sample", () => shared("busi-sample"), {}],
]
const kinds: readonly (readonly [string, ModelData, Prompt, (sample: Sample) => Asked])[] = [
  [...(["points", tiny, { kind: "centre" }] as const), ({ mask }) => ({ points: [{ ...centreOf(mask)!, label: 1 }] })],
  ["boxes", tiny, { kind: "box" }, ({ mask }) => ({ box: boxOf(mask)! })],
  ["nothing", plain, { kind: "centre" }, () => ({})],
  ["nothing, of classes", several, { kind: "centre" }, () => ({})],
]

describe.each(sets)("%s", (_, rootOf, options) => {
  test.each(kinds)("asked by %s: the masks, and their Dice, are eval's", async (__, model, prompt, askedOf) => {
    const root = rootOf()
    if (root === undefined) return
    const [, taught] = taughtOf(model) as [string, Segmented]
    const samples = reader({ ...options, pixels: pixelsOf(model), prompt })
    const chosen = (await samples.withForeground((await casesOf(root, options)).slice(0, 6))).slice(0, 3)
    expect(chosen.length).toBeGreaterThan(0)
    const { tensors } = await modelWeights(model, undefined, 3)
    const weighed = await predictor(backend, model, tensors, prompt)
    const masked = segmenter(backend, [{ model, weights: tensors }])
    const results = await measure(weighed, samples.evaluation(chosen), taught, {
      hausdorff: "pooled",
      empty: "diagonal",
    })
    let [k, foreground] = [0, 0]
    for await (const sample of samples.evaluation(chosen)) {
      const picture = await readImage(sample.case.image)
      const answers = await masked.segment(sample.case.id, picture, [askedOf(sample)])
      const { labels, found } = labelled(picture, answers)
      const evaluated = segmentedOf(await weighed.predict(sample), taught, sample.originalSize)
      expect([labels.width, labels.height]).toEqual([evaluated.width, evaluated.height])
      expect(Buffer.compare(labels.data, evaluated.data)).toBe(0)
      if (taught.kind === "masks") expect(diceOf(labels, sample.mask)).toBe(results[k]!.dice)
      else expect(found.map(({ label }) => label)).toEqual([1, 2])
      foreground += labels.data.reduce((sum, v) => sum + Number(v > 0), 0)
      k += 1
    }
    // An answer that is empty everywhere would be equal without being right.
    expect(foreground).toBeGreaterThan(0)
    await weighed.dispose()
    await masked.dispose()
  })
})

test("a localizer's point is the one that eval writes down", async () => {
  const { tensors } = await modelWeights(pointing, undefined, 3)
  const samples = reader({ pixels: pixelsOf(pointing), centres: true })
  const weighed = await predictor(backend, pointing, tensors, { kind: "centre" })
  const located = segmenter(backend, [{ model: pointing, weights: tensors }])
  for await (const sample of samples.evaluation(await casesOf(phantoms))) {
    const picture = await readImage(sample.case.image)
    const found = await located.locate(sample.case.id, picture)
    expect([...found]).toEqual([...(await weighed.predict(sample))])
    const { x, y } = clamped(found, [picture.height, picture.width])
    expect([x >= 0, y >= 0, x < picture.width, y < picture.height]).toEqual([true, true, true, true])
  }
  await weighed.dispose()
  await located.dispose()
})

test("a mask as prompt is what the network's own run takes: in its small grid, outside where the image ends", async () => {
  const { tensors } = await modelWeights(tiny, undefined, 3)
  const made = segmenter(backend, [{ model: tiny, weights: tensors }])
  const image = {
    width: 32,
    height: 24,
    channels: 3,
    data: Uint8Array.from({ length: 32 * 24 * 3 }, (_, i) => (i * 7) % 256),
  } as const
  const logits = new Float32Array(32 * 24).fill(2)
  const same = maskFed({ width: 32, height: 24, logits }, pixelsOf(tiny), { width: 32, height: 24 }, [16, 16])
  expect([...same].map((x, p) => Math.abs(x - (p < 192 ? 2 : -Math.log(999))) < 1e-6).every(Boolean)).toBe(true)
  const mask = { width: 32, height: 24, logits }
  const point = [{ x: 9, y: 8, label: 1 }] as const
  const [found] = await made.segment("a", image, [{ points: point, box: { x0: 2, y0: 3, x1: 20, y1: 18 }, mask }])
  const sizes = {
    batch: 1,
    inputs: { image: [3, 32, 32], point_coords: [1, 2], point_labels: [1], boxes: [4], mask_input: [1, 16, 16] },
  }
  const program = inferenceProgram(
    tiny,
    { ...sizes, flags: [], extents: { original_size: [32, 32] } },
    { outputs: ["iou_predictions"] },
  )
  const executable = await backend.compile(program)
  await executable.load(tensors)
  const given = await executable.run({
    image: pixelFeed([fitted(image, pixelsOf(tiny))], pixelsOf(tiny)),
    point_coords: { shape: [1, 1, 2], data: Float32Array.of(9, 8) },
    point_labels: { shape: [1, 1], data: Float32Array.of(1) },
    boxes: { shape: [1, 4], data: Float32Array.of(2, 3, 20, 18) },
    mask_input: { shape: [1, 1, 16, 16], data: same },
  })
  expect(found!.numbers["iou_predictions"]).toBeCloseTo(given["iou_predictions"]!.data[0]!, 5)
  await executable.dispose()
  await made.dispose()
})

test("different folds: probabilities are averaged, each once; with the mirrored image, both sides of each", async () => {
  const weights = await Promise.all([3, 4, 5].map(async (seed) => (await modelWeights(tiny, undefined, seed)).tensors))
  const [one] = await casesOf(phantoms)
  const picture = await readImage(one!.image)
  const asked: readonly Asked[] = [{ points: [{ x: 20, y: 14, label: 1 }] }]
  const answer = async (chosen: readonly number[], flip = false) => {
    const made = segmenter(
      backend,
      chosen.map((i) => ({ model: tiny, weights: weights[i]! })),
    )
    const [found] = await made.segment("one", picture, asked, { flip })
    await made.dispose()
    return found!
  }
  const alone = await Promise.all([0, 1, 2].map((i) => answer([i])))
  const all = await answer([0, 1, 2])
  expect(alone[0]!.probabilities.some((p, i) => Math.abs(p - alone[1]!.probabilities[i]!) > 1e-3)).toBe(true)
  all.probabilities.forEach((p, i) => {
    const mean = alone.reduce((sum, { probabilities }) => sum + probabilities[i]! / 3, 0)
    if (Math.abs(p - mean) > 1e-6) throw new Error(`${p} at ${i}, not ${mean}`)
  })
  expect(all.numbers["iou_predictions"]).toBeCloseTo(
    alone.reduce((sum, { numbers }) => sum + numbers["iou_predictions"]! / 3, 0),
    6,
  )
  const flipped = await answer([0], true)
  expect(flipped.probabilities.some((p, i) => Math.abs(p - alone[0]!.probabilities[i]!) > 1e-6)).toBe(true)
  expect(flipped.decided).toBeUndefined()
})

test("a palette tells classes apart in the file, from what the model says", async () => {
  const { tensors } = await modelWeights(several, undefined, 3)
  const made = segmenter(backend, [{ model: several, weights: tensors }])
  const [one] = await casesOf(phantoms)
  const picture = await readImage(one!.image)
  const [found] = await made.segment("one", picture, [{}])
  const size = picture.width * picture.height
  const likeliest = Array.from({ length: size }, (_, i) => {
    const chances = [0, 1, 2].map((k) => found!.probabilities[k * size + i]!)
    expect(chances.reduce((a, b) => a + b)).toBeCloseTo(1, 5)
    return chances.indexOf(Math.max(...chances))
  })
  expect(found!.planes).toBe(3)
  const written = labelled(picture, [found!])
  expect([...written.labels.data]).toEqual(likeliest)
  expect(written.found.map(({ label, mask }) => [label, area(mask)])).toEqual(
    [1, 2].map((k) => [k, likeliest.filter((label) => label === k).length]),
  )
  // Several of the classes are there, so that mixing them up would be seen.
  expect(new Set(likeliest).size).toBeGreaterThan(1)
  await made.dispose()
})
