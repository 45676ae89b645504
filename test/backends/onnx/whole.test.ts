/** Files that take images as they are: what they give is what `segment` gives, for any size and any number of prompts. */
import { existsSync, mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node"
import { expect, test } from "vitest"
import { wholeFiles } from "../../../src/backends/onnx/file.ts"
import { wholeModel } from "../../../src/backends/onnx/whole/index.ts"
import {
  classes,
  conv2d,
  globalAveragePool,
  linear,
  masks,
  model,
  pixels,
  point,
  sam,
  sequential,
  sigmoid,
} from "../../../src/dsl/index.ts"
import type { ModelData } from "../../../src/dsl/model.ts"
import type { Prompting } from "../../../src/dsl/task.ts"
import { modelWeights } from "../../../src/runtime/base.ts"
import { stream } from "../../../src/runtime/data/random.ts"
import type { Raster } from "../../../src/runtime/data/raster.ts"
import { engines } from "../../../src/runtime/engines.ts"
import { writeOnnx } from "../../../src/runtime/onnxFile.ts"
import type { Asked } from "../../../src/runtime/segment/prompts.ts"
import { segmenter } from "../../../src/runtime/segment/segmenter.ts"
import { tinyOptions } from "../../tinySam.ts"

const imageOf = (width: number, height: number): Raster => {
  const random = stream("whole", width, height)
  const data = Uint8Array.from({ length: width * height * 3 }, () => random.below(256))
  return { width, height, channels: 3, data }
}
const small = sam(tinyOptions)
const open = async (data: ModelData, together?: readonly Prompting[]) => {
  const weights = (await modelWeights(data, undefined, 4)).tensors
  const whole = wholeModel(data, together)
  const [file] = wholeFiles(whole, weights)
  const session = await InferenceSession.create(Buffer.concat(file!.chunks), { logSeverityLevel: 3 })
  const ours = segmenter(await engines.cpu({}), [{ model: data, weights }])
  const run = async ({ width, height, data: bytes }: Raster, prompts: Record<string, OrtTensor> = {}) =>
    session.run({ image: new OrtTensor("uint8", bytes, [height, width, 3]), ...prompts })
  return { whole, ours, run }
}
/** Opened once for the tests that share it. */
const smallOpened = open(small.data)
const sigmoidOf = (x: number) => 1 / (1 + Math.exp(-x))
const floats = (values: readonly number[], shape: readonly number[]) =>
  new OrtTensor("float32", Float32Array.from(values), shape)
/** The largest difference between two lists of equal length. */
const apart = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length)
  return Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0)
}

test("points and boxes of several objects, on images of several sizes", async () => {
  const { whole, ours, run } = await smallOpened
  expect(whole.asks).toBe("any objects, any points")
  for (const [width, height] of [
    [32, 32],
    [50, 21],
    [17, 60],
    [9, 7],
  ] as const) {
    const image = imageOf(width, height)
    const [x, y] = [width / 3, height / 2]
    const both: Asked[] = [
      {
        points: [
          { x, y, label: 1 },
          { x: 2, y: 3, label: 0 },
        ],
      },
      {
        points: [
          { x: y, y: 1, label: 1 },
          { x: 4, y: 4, label: 1 },
        ],
      },
      {
        points: [
          { x: 1, y: 1, label: 0 },
          { x, y, label: 1 },
        ],
      },
      { box: { x0: 1, y0: 2, x1: x, y1: y } },
      { box: { x0: 0, y0: 0, x1: width - 1, y1: height - 1 } },
    ]
    const expected = await ours.segment("a", image, both)
    const asked = both.flatMap(({ points }) => (points === undefined ? [] : [points]))
    const boxes = both.flatMap(({ box }) => (box === undefined ? [] : [Object.values(box)]))
    const given = await run(image, {
      point_coords: floats(
        asked.flat().flatMap((p) => [p.x, p.y]),
        [3, 2, 2],
      ),
      point_labels: floats(
        asked.flat().map(({ label }) => label),
        [3, 2],
      ),
      boxes: floats(boxes.flat(), [2, 4]),
    })
    expect(given["masks"]!.dims).toEqual([5, 1, height, width])
    const logits = given["masks"]!.data as Float32Array
    expect(
      apart(
        Array.from(logits, sigmoidOf),
        expected.flatMap(({ probabilities }) => [...probabilities]),
      ),
    ).toBeLessThan(1e-5)
    expect(
      apart(
        given["iou_predictions"]!.data as Float32Array,
        expected.map(({ numbers }) => numbers["iou_predictions"]!),
      ),
    ).toBeLessThan(1e-5)
  }
})

test("one kind of prompt alone, and one point", async () => {
  const { ours, run } = await smallOpened
  const image = imageOf(40, 30)
  const [byPoint, byBox] = await ours.segment("a", image, [
    { points: [{ x: 11, y: 12, label: 1 }] },
    { box: { x0: 3, y0: 4, x1: 30, y1: 20 } },
  ])
  const none = { point_coords: floats([], [0, 1, 2]), point_labels: floats([], [0, 1]), boxes: floats([], [0, 4]) }
  const points = await run(image, {
    ...none,
    point_coords: floats([11, 12], [1, 1, 2]),
    point_labels: floats([1], [1, 1]),
  })
  const boxes = await run(image, { ...none, boxes: floats([3, 4, 30, 20], [1, 4]) })
  for (const [given, answer] of [
    [points, byPoint],
    [boxes, byBox],
  ] as const) {
    expect(given["masks"]!.dims).toEqual([1, 1, 30, 40])
    expect(apart(Array.from(given["masks"]!.data as Float32Array, sigmoidOf), answer!.probabilities)).toBeLessThan(1e-5)
  }
})

test("points, a box and a mask found before, all of one object", async () => {
  const { ours, run, whole } = await open(small.data, ["points", "box", "mask"])
  expect(whole.asks).toBe("any objects, any points")
  expect(whole.model.inputs.map(({ name, shape }) => [name, ...shape.map(String)].join(" "))).toEqual([
    "image height width 3",
    "point_coords objects points 2",
    "point_labels objects points",
    "boxes objects 4",
    "mask_input objects 1 height width",
  ])
  for (const [width, height] of [
    [50, 21],
    [9, 17],
  ] as const) {
    const random = stream("masks", width, height)
    const size = width * height
    const asked = [0, 1].map(
      (i): Asked => ({
        points: [
          { x: width / 3, y: height / 2 + i, label: 1 },
          { x: 2, y: 3 + i, label: 0 },
        ],
        box: { x0: 1 + i, y0: 2, x1: width - 2, y1: height / 2 },
        mask: { width, height, logits: Float32Array.from({ length: size }, () => 8 * random.uniform() - 4) },
      }),
    )
    const expected = await ours.segment("a", imageOf(width, height), asked)
    const given = await run(imageOf(width, height), {
      point_coords: floats(
        asked.flatMap(({ points }) => points!.flatMap(({ x, y }) => [x, y])),
        [2, 2, 2],
      ),
      point_labels: floats([1, 0, 1, 0], [2, 2]),
      boxes: floats(
        asked.flatMap(({ box }) => Object.values(box!)),
        [2, 4],
      ),
      mask_input: floats(
        asked.flatMap(({ mask }) => [...mask!.logits]),
        [2, 1, height, width],
      ),
    })
    expect(given["masks"]!.dims).toEqual([2, 1, height, width])
    expect(
      apart(
        Array.from(given["masks"]!.data as Float32Array, sigmoidOf),
        expected.flatMap(({ probabilities }) => [...probabilities]),
      ),
    ).toBeLessThan(1e-5)
  }
})

test.each([
  ["classes of a stretched image", 3, { size: [16, 24], fit: "stretch" }, "classes"],
  ["a mask of a grey image, padded by its grey", 1, { size: 24, fit: "longestSide", padding: 90 }, "masks"],
  [
    "a mask of an image padded by colours",
    3,
    { size: 24, fit: "longestSide", padding: [10, 20, 30], mean: [1, 2, 3] },
    "masks",
  ],
  ["a point", 3, { size: 24, fit: "longestSide" }, "point"],
] as const)("%s", async (_, channels, seen, kind) => {
  const image = pixels({ ...(seen as { size: number }), channels, deviation: 255 })
  const network =
    kind === "point"
      ? sequential(conv2d(3, 4, 3, { padding: 1 }), globalAveragePool, linear(4, 2), sigmoid)
      : conv2d(channels, kind === "classes" ? 3 : 1, 3, { padding: 1 })
  const teaches =
    kind === "classes"
      ? { out: classes("background", "nerve", "vessel") }
      : kind === "point"
        ? { out: point() }
        : { out: masks() }
  const { data } = model(network as never, { name: "tiny", takes: { image }, teaches } as never) as { data: ModelData }
  const { ours, run, whole } = await open(data)
  expect(whole.asks).toBe("nothing")
  for (const [width, height] of [
    [31, 19],
    [12, 40],
  ] as const) {
    const picture = imageOf(width, height)
    const { out } = await run(picture)
    if (kind === "point") {
      expect(apart(out!.data as Float32Array, await ours.locate("a", picture))).toBeLessThan(1e-4)
      continue
    }
    const [answer] = await ours.segment("a", picture, [{}])
    expect(out!.dims).toEqual([1, kind === "classes" ? 3 : 1, height, width])
    const logits = out!.data as Float32Array
    const size = width * height
    const probability = (i: number) =>
      kind === "masks"
        ? sigmoidOf(logits[i]!)
        : Math.exp(logits[i]!) / [0, 1, 2].reduce((sum, k) => sum + Math.exp(logits[k * size + (i % size)]!), 0)
    expect(
      apart(
        Array.from(logits, (_x, i) => probability(i)),
        answer!.probabilities,
      ),
    ).toBeLessThan(1e-5)
  }
})

test("where the file takes what the network itself takes, prompts that go together are refused", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "hasam-asks-")), "x.onnx")
  const twice = { ...small.data, takes: { ...small.data.takes, second: small.data.takes["image"]! } }
  for (const [model, options] of [
    [small.data, { batch: 2 }],
    [twice, {}],
  ] as const)
    await expect(writeOnnx(model, { path, asks: ["points", "box"], ...options })).rejects.toThrow("--asks does nothing")
  expect(existsSync(path)).toBe(false)
})
