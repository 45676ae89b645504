/** Values and gradients of ops and losses are PyTorch's: see reference/make_ops.py. */
import { readFileSync } from "node:fs"
import { describe, expect, test } from "vitest"
import { Builder, type Value } from "../../src/compiler/ir/builder.ts"
import { evaluate } from "../../src/compiler/ir/evaluate/index.ts"
import { type Conv2dAttrs, type Shape, sizeOf } from "../../src/compiler/ir/graph.ts"
import { decompose } from "../../src/compiler/passes/decompose.ts"
import { differentiate } from "../../src/compiler/passes/differentiate.ts"
import { lossOf } from "../../src/compiler/passes/losses.ts"
import { add, bceWithLogits, dice, type Loss, masks, mse, point, weighted } from "../../src/dsl/index.ts"
import { relativeError } from "./support.ts"

interface Reference {
  readonly shapes: readonly Shape[]
  readonly shape: Shape
  readonly y: readonly number[]
  /** Of Σ cos(i)·yᵢ; null where PyTorch has none. */
  readonly gradients: readonly (readonly number[] | null)[]
}
const { cases: reference }: { readonly cases: Readonly<Record<string, Reference>> } = JSON.parse(
  readFileSync(new URL("./reference/ops.json", import.meta.url), "utf8"),
)

type Build = (b: Builder, xs: readonly [Value, Value, Value, Value, Value]) => Value
const conv = (attrs: Partial<Conv2dAttrs>): Conv2dAttrs => ({
  stride: [1, 1],
  padding: [0, 0, 0, 0],
  dilation: [1, 1],
  groups: 1,
  ...attrs,
})
/** 1 where positive. */
const mask = (b: Builder, t: Value): Value => b.step(t)
const loss =
  (of: Loss, by = 1): Build =>
  (b, [x, t]) =>
    lossOf(b, of, [{ output: "masks", taught: masks(), value: b.scale(x, by), target: mask(b, t) }])

const sizes = [
  [9, 13],
  [10, 12],
  [3, 2],
  [1, 1],
] as const
const builds: Readonly<Record<string, Build>> = {
  erf: (b, [x]) => b.erf(b.scale(x, 2)),
  "sigmoid of large numbers": (b, [x]) => b.sigmoid(b.scale(x, 500)),
  "softplus of large numbers": (b, [x]) => b.softplus(b.scale(x, 500)),
  gelu: (b, [x]) => b.gelu(b.scale(x, 3)),
  relu: (b, [x]) => b.relu(x),
  abs: (b, [x]) => b.abs(x),
  "maximum with ties": (b, [x, y]) => b.maximum(x, y),
  softmax: (b, [x]) => b.softmax(b.scale(x, 4)),
  layerNorm: (b, [x, w, c]) => b.layerNorm(x, w, c, { eps: 1e-5 }),
  linear: (b, [x, w, c]) => b.linear(x, w, c),
  matmul: (b, [x, y]) => b.matmul(x, y),
  conv2d: (b, [x, w]) => b.conv2d(x, w, conv({ padding: [1, 1, 1, 1] })),
  "conv2d, strided, dilated, grouped": (b, [x, w]) =>
    b.conv2d(x, w, { stride: [2, 1], padding: [1, 2, 1, 2], dilation: [2, 1], groups: 2 }),
  depthwise: (b, [x, w]) => b.conv2d(x, w, conv({ padding: [1, 1, 1, 1], groups: 3 })),
  "transposed convolution": (b, [x, w]) => b.conv2dInputGrad(x, w, { ...conv({ stride: [2, 2] }), inputSize: [6, 4] }),
  "transposed convolution, padded, grouped": (b, [x, w]) =>
    b.conv2dInputGrad(x, w, {
      ...conv({ stride: [2, 2], padding: [1, 1, 1, 1], groups: 2 }),
      inputSize: [6, 4],
    }),
  maxPool2d: (b, [x]) => b.maxPool2d(x, { kernel: [3, 3], stride: [2, 2], padding: [1, 1, 1, 1] }),
  "maxPool2d with ties": (b, [x]) => b.maxPool2d(x, { kernel: [2, 2], stride: [1, 1], padding: [0, 0, 0, 0] }),
  avgPool2d: (b, [x]) => b.avgPool2d(x, { kernel: [3, 2], stride: [2, 1], padding: [1, 0, 1, 0] }),
  "reduceMax with ties": (b, [x]) => b.reduceMax(x, { axes: [0], keepDims: false }),
  reduceMean: (b, [x]) => b.reduceMean(x, { axes: [0, 2], keepDims: true }),
  gather: (b, [x]) => b.gather(x, [2, 0, 2, 3]),
  scatterAdd: (b, [x]) => b.scatterAdd(x, { indices: [2, 0, 2, 4], rows: 5 }),
  attention: (b, [q, k, v]) => b.attention(q, k, v, { scale: 0.7 }),
  relPosAttention: (b, [q, k, v, h, w]) => b.relPosAttention(q, k, v, h, w, { scale: 0.6, height: 2, width: 3 }),
  "resizeBilinear, up": (b, [x]) => b.resizeBilinear(x, { height: 7, width: 5 }),
  "resizeBilinear, down": (b, [x]) => b.resizeBilinear(x, { height: 3, width: 4 }),
  silu: (b, [x]) => b.silu(b.scale(x, 3)),
  leakyRelu: (b, [x]) => b.leakyRelu(x, 0.2),
  relu6: (b, [x]) => b.clip(b.scale(x, 5), 0, 6),
  clip: (b, [x]) => b.clip(x, -0.7, 0.9),
  hardswish: (b, [x]) => b.hardswish(b.scale(x, 3)),
  "pow 3": (b, [x]) => b.pow(x, 3),
  "pow -2": (b, [x]) => b.pow(x, -2),
  "minimum with ties": (b, [x, y]) => b.minimum(x, y),
  "reduceMin with ties": (b, [x]) => b.reduceMin(x, { axes: [0], keepDims: false }),
  logSoftmax: (b, [x]) => b.logSoftmax(b.scale(x, 4)),
  "logSoftmax of large numbers": (b, [x]) => b.logSoftmax(b.scale(x, 900)),
  roll: (b, [x]) => b.roll(b.roll(x, 1, 2), 2, -1),
  take: (b, [x]) => b.take(x, 1, [2, 0, 0, 1]),
  argmax: (b, [x]) => b.argmax(x, 1),
  ...Object.fromEntries(
    (
      [
        ["nearest", false],
        ["bilinear", true],
        ["bicubic", false],
        ["bicubic", true],
      ] as const
    ).flatMap(([mode, alignCorners]) =>
      sizes.map(([height, width]): [string, Build] => [
        `resize, ${mode}${alignCorners ? ", corners aligned" : ""}, (${height}, ${width})`,
        (b, [x]) => b.resize(x, { height, width, mode, alignCorners }),
      ]),
    ),
  ),
  dice: loss(dice()),
  "dice of several masks": loss(dice()),
  "dice of sure logits": loss(dice(), 900),
  "dice without a target": (b, [x, t]) =>
    lossOf(b, dice(), [{ output: "masks", taught: masks(), value: x, target: b.scale(t, 0) }]),
  bceWithLogits: loss(bceWithLogits()),
  "bceWithLogits of several masks": loss(bceWithLogits()),
  "bceWithLogits of sure logits": loss(bceWithLogits(), 900),
  mse: (b, [x, t]) => lossOf(b, mse(), [{ output: "point", taught: point(), value: x, target: t }]),
  "a weighted sum": loss(add(weighted(0.3, dice()), weighted(20, bceWithLogits()))),
}

/** As in make_ops.py. */
const operand = (k: number, shape: Shape): Float64Array =>
  Float64Array.from({ length: sizeOf(shape) }, (_, i) => 1.5 * Math.sin(1 + 3 * i + 5 * k))

test("every case of the reference is tried", () => {
  expect(Object.keys(builds)).toEqual(Object.keys(reference))
})

describe.each([
  ["directly", undefined],
  ["decomposed", { scores: 12 }],
] as const)("%s", (_, decomposed) => {
  for (const [name, build] of Object.entries(builds))
    test(name, () => {
      const { shapes, shape, y: expected, gradients: slopes } = reference[name]!
      const b = new Builder()
      const names = shapes.map((_, i) => `x${i}`)
      const xs = shapes.map((of, i) => b.input(names[i]!, of))
      const y = build(b, xs as unknown as Parameters<Build>[1])
      const weights = b.constant(
        expected.map((_, i) => Math.cos(i)),
        shape,
      )
      const total = b.reduceSum(b.mul(y, weights), { axes: shape.map((_, i) => i), keepDims: false })
      const { gradients } = differentiate(b, total, names)
      const graph = b.build({ y, ...Object.fromEntries(gradients) })
      const rounded = (x: Float64Array) => (name.includes("ties") ? x.map(Math.round) : x)
      const values = Object.fromEntries(shapes.map((of, i) => [names[i]!, rounded(operand(i, of))]))
      const got = evaluate(decomposed === undefined ? graph : decompose(graph, decomposed), values)
      expect(got["y"]!.shape).toEqual(shape)
      expect(relativeError(got["y"]!.data, expected)).toBeLessThan(1e-13)
      slopes.forEach((slope, i) => {
        const gradient = got[names[i]!]?.data
        // PyTorch gives none, or zeros, where a step comes between.
        if (gradient === undefined) expect(slope?.every((x) => x === 0) ?? true).toBe(true)
        else expect(relativeError(gradient, slope ?? [])).toBeLessThan(1e-12)
      })
    })
})
