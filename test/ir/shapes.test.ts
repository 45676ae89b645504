import fc from "fast-check"
import { describe, expect, test } from "vitest"
import type { Builder, Value } from "../../src/compiler/ir/builder.ts"
import { Builder as Graphs } from "../../src/compiler/ir/builder.ts"
import type { Conv2dAttrs, OpKind, PoolAttrs, Shape } from "../../src/compiler/ir/graph.ts"
import { broadcast } from "../../src/compiler/ir/shapes.ts"

const conv = (attrs: Partial<Conv2dAttrs> = {}): Conv2dAttrs => ({
  stride: [1, 1],
  padding: [0, 0, 0, 0],
  dilation: [1, 1],
  groups: 1,
  ...attrs,
})
const pool = (attrs: Partial<PoolAttrs> = {}): PoolAttrs => ({
  kernel: [2, 3],
  stride: [1, 1],
  padding: [0, 0, 0, 0],
  ...attrs,
})
type Build = (b: Builder, xs: readonly Value[]) => Value
type Bad = readonly [why: string, operands: readonly Shape[], build: Build]

const image: Shape = [1, 4, 5, 6]
const weight: Shape = [6, 2, 3, 3]
const q: Shape = [1, 2, 6, 4]
const tables: readonly Shape[] = [
  [3, 4],
  [5, 4],
]
const grid = { scale: 1, height: 2, width: 3 }
const binary = (build: (b: Builder, x: Value, y: Value) => Value): readonly Bad[] => [
  ["shapes that do not broadcast", [[2, 3], [2]], (b, [x, y]) => build(b, x!, y!)],
]
const windows = (build: (b: Builder, x: Value, attrs: PoolAttrs) => Value): readonly Bad[] => [
  ["not an image", [[4, 5, 6]], (b, [x]) => build(b, x!, pool())],
  ["a kernel larger than the image", [[1, 1, 1, 6]], (b, [x]) => build(b, x!, pool())],
  ["a stride of 0", [image], (b, [x]) => build(b, x!, pool({ stride: [1, 0] }))],
  ["a window of padding alone", [image], (b, [x]) => build(b, x!, pool({ padding: [2, 0, 0, 0] }))],
  ["padding below 0", [image], (b, [x]) => build(b, x!, pool({ padding: [0, -1, 0, 0] }))],
]
const reductions = (op: "reduceSum" | "reduceMean" | "reduceMax"): readonly Bad[] =>
  [[2], [-1], [0.5], [0, 0]].map((axes) => [`axes ${axes}`, [[2, 3]], (b, [x]) => b[op](x!, { axes, keepDims: true })])
const attentions = (build: Build, more: readonly Shape[] = []): readonly Bad[] => [
  ["three axes", [q.slice(1), q.slice(1), q.slice(1), ...more], build],
  ["k narrower than q", [q, [1, 2, 6, 3], q, ...more], build],
  ["v of other tokens", [q, q, [1, 2, 5, 4], ...more], build],
  ["heads that differ", [q, [1, 1, 6, 4], q, ...more], build],
]

/** What each op refuses. Total: an op without cases, or without a reason to have none, does not compile. */
const refused: { readonly [K in OpKind]?: readonly Bad[] } = {
  add: binary((b, x, y) => b.add(x, y)),
  sub: binary((b, x, y) => b.sub(x, y)),
  mul: binary((b, x, y) => b.mul(x, y)),
  div: binary((b, x, y) => b.div(x, y)),
  maximum: binary((b, x, y) => b.maximum(x, y)),
  matmul: [
    ["a vector", [[3], [3, 2]], (b, [x, y]) => b.matmul(x!, y!)],
    [
      "inner extents that differ",
      [
        [2, 3],
        [2, 3],
      ],
      (b, [x, y]) => b.matmul(x!, y!),
    ],
    [
      "the same, transposed",
      [
        [2, 3],
        [3, 2],
      ],
      (b, [x, y]) => b.matmul(x!, y!, { transposeB: true }),
    ],
    [
      "batches that do not broadcast",
      [
        [2, 2, 3],
        [3, 3, 2],
      ],
      (b, [x, y]) => b.matmul(x!, y!),
    ],
  ],
  conv2d: [
    ["not an image", [[4, 5, 6], weight], (b, [x, w]) => b.conv2d(x!, w!, conv({ groups: 2 }))],
    ["other channels", [image, weight], (b, [x, w]) => b.conv2d(x!, w!, conv())],
    ["groups that do not divide", [image, [3, 2, 1, 1]], (b, [x, w]) => b.conv2d(x!, w!, conv({ groups: 2 }))],
    ["an image too small", [[1, 2, 2, 6], weight], (b, [x, w]) => b.conv2d(x!, w!, conv())],
    ...[{ stride: [0, 1] }, { dilation: [1, 0] }, { padding: [-1, 0, 0, 0] }, { stride: [1.5, 1] }].map(
      (attrs): Bad => [
        JSON.stringify(attrs),
        [[1, 2, 5, 6], weight],
        (b, [x, w]) => b.conv2d(x!, w!, conv(attrs as Partial<Conv2dAttrs>)),
      ],
    ),
  ],
  conv2dInputGrad: [
    [
      "another input's gradient",
      [[1, 6, 3, 4], weight],
      (b, [g, w]) => b.conv2dInputGrad(g!, w!, { ...conv(), inputSize: [6, 6] }),
    ],
  ],
  conv2dWeightGrad: [
    [
      "another weight's gradient",
      [image, [1, 6, 3, 4]],
      (b, [x, g]) => b.conv2dWeightGrad(x!, g!, { ...conv(), kernel: [2, 3] }),
    ],
    [
      "channels that groups do not divide",
      [
        [1, 3, 4, 4],
        [1, 2, 2, 2],
      ],
      (b, [x, g]) => b.conv2dWeightGrad(x!, g!, { ...conv({ groups: 2 }), kernel: [3, 3] }),
    ],
  ],
  maxPool2d: windows((b, x, attrs) => b.maxPool2d(x, attrs)),
  avgPool2d: windows((b, x, attrs) => b.avgPool2d(x, attrs)),
  maxPool2dGrad: [["another gradient", [image, image], (b, [x, g]) => b.maxPool2dGrad(x!, g!, pool())]],
  avgPool2dGrad: [["another gradient", [image], (b, [g]) => b.avgPool2dGrad(g!, { ...pool(), inputSize: [5, 6] })]],
  reduceSum: reductions("reduceSum"),
  reduceMean: reductions("reduceMean"),
  reduceMax: reductions("reduceMax"),
  reshape: [
    ["another size", [[2, 3]], (b, [x]) => b.reshape(x!, [5])],
    ["extents below 0", [[2, 3]], (b, [x]) => b.reshape(x!, [-2, -3])],
  ],
  transpose: [
    ["an axis twice", [[2, 3]], (b, [x]) => b.transpose(x!, [1, 1])],
    ["an axis that is not there", [[2, 3]], (b, [x]) => b.transpose(x!, [0, 2])],
    ["too few axes", [[2, 3]], (b, [x]) => b.transpose(x!, [1])],
    ["axes from the end", [[2, 3]], (b, [x]) => b.transpose(x!, [-1, 0])],
  ],
  broadcast: [
    ["a smaller shape", [[2, 3]], (b, [x]) => b.broadcast(x!, [3])],
    ["another extent", [[2, 3]], (b, [x]) => b.broadcast(x!, [4, 3])],
    ["an extent below 0", [[1, 3]], (b, [x]) => b.broadcast(x!, [-2, 3])],
  ],
  slice: [
    ["nothing", [[2, 3]], (b, [x]) => b.slice(x!, [1, 0], [1, 3])],
    ["more than there is", [[2, 3]], (b, [x]) => b.slice(x!, [0, 0], [2, 4])],
    ["half a row", [[2, 3]], (b, [x]) => b.slice(x!, [0.5, 0], [2, 3])],
    ["too few axes", [[2, 3]], (b, [x]) => b.slice(x!, [0], [1])],
  ],
  pad: [
    ["less than nothing", [[2, 3]], (b, [x]) => b.pad(x!, [-1, 0], [0, 0])],
    ["half a row", [[2, 3]], (b, [x]) => b.pad(x!, [0.5, 0], [0, 0])],
    ["too few axes", [[2, 3]], (b, [x]) => b.pad(x!, [1], [1])],
  ],
  concat: [
    [
      "other extents",
      [
        [2, 3],
        [2, 4],
      ],
      (b, xs) => b.concat(xs, 0),
    ],
    [
      "an axis from the end",
      [
        [2, 3],
        [2, 3],
      ],
      (b, xs) => b.concat(xs, -1),
    ],
    ["nothing", [], (b) => b.concat([], 0)],
  ],
  gather: [
    ["a row that is not there", [[2, 3]], (b, [x]) => b.gather(x!, [2])],
    ["half a row", [[2, 3]], (b, [x]) => b.gather(x!, [0.5])],
    ["no rows", [[2, 3]], (b, [x]) => b.gather(x!, [])],
    ["a scalar", [[]], (b, [x]) => b.gather(x!, [0])],
  ],
  scatterAdd: [
    ["too few indices", [[2, 3]], (b, [x]) => b.scatterAdd(x!, { indices: [0], rows: 2 })],
    ["a row that is not there", [[2, 3]], (b, [x]) => b.scatterAdd(x!, { indices: [0, 2], rows: 2 })],
  ],
  oneHot: [["no classes", [[2]], (b, [x]) => b.oneHot(x!, { classes: 0 })]],
  linear: [
    ["a vector", [[4], [5, 4]], (b, [x, w]) => b.linear(x!, w!)],
    [
      "another width",
      [
        [2, 3],
        [5, 4],
      ],
      (b, [x, w]) => b.linear(x!, w!),
    ],
    ["a bias of the input's width", [[2, 4], [5, 4], [4]], (b, [x, w, c]) => b.linear(x!, w!, c!)],
  ],
  softmax: [["a scalar", [[]], (b, [x]) => b.softmax(x!)]],
  softmaxGrad: [["another gradient", [[2, 3], [3]], (b, [y, g]) => b.softmaxGrad(y!, g!)]],
  layerNorm: [
    ["another width", [[2, 3], [2], [2]], (b, [x, w, c]) => b.layerNorm(x!, w!, c!, { eps: 1e-6 })],
    ["a scalar", [[], [1], [1]], (b, [x, w, c]) => b.layerNorm(x!, w!, c!, { eps: 1e-6 })],
  ],
  layerNormGrad: [
    ["another gradient", [[2, 3], [3], [3]], (b, [x, w, g]) => b.layerNormGrad(x!, w!, g!, { eps: 1e-6 })],
  ],
  geluGrad: [["another gradient", [[2, 3], [3]], (b, [x, g]) => b.geluGrad(x!, g!)]],
  attention: attentions((b, [x, k, v]) => b.attention(x!, k!, v!, { scale: 1 })),
  attentionGrad: [
    ...attentions((b, [x, k, v]) => b.attentionGrad(x!, k!, v!, x!, x!, { scale: 1 })),
    [
      "another gradient",
      [q, q, q, [1, 2, 6, 5]],
      (b, [x, k, v, g]) => b.attentionGrad(x!, k!, v!, x!, g!, { scale: 1 }),
    ],
  ],
  relPosAttention: [
    ...attentions((b, [x, k, v, th, tw]) => b.relPosAttention(x!, k!, v!, th!, tw!, grid), tables),
    [
      "tokens that make no grid",
      [q, q, q, ...tables],
      (b, [x, k, v, th, tw]) => b.relPosAttention(x!, k!, v!, th!, tw!, { ...grid, height: 3 }),
    ],
    [
      "tables changed round",
      [q, q, q, tables[1]!, tables[0]!],
      (b, [x, k, v, th, tw]) => b.relPosAttention(x!, k!, v!, th!, tw!, grid),
    ],
  ],
  relPosAttentionGrad: [
    [
      "another gradient",
      [q, q, q, ...tables, [1, 2, 6, 5]],
      (b, [x, k, v, th, tw, g]) => b.relPosAttentionGrad(x!, k!, v!, th!, tw!, x!, g!, grid),
    ],
  ],
  resizeBilinear: [
    ["not an image", [[5, 6]], (b, [x]) => b.resizeBilinear(x!, { height: 2, width: 2 })],
    ["to nothing", [image], (b, [x]) => b.resizeBilinear(x!, { height: 0, width: 2 })],
  ],
  resizeBilinearGrad: [["not an image", [[5, 6]], (b, [g]) => b.resizeBilinearGrad(g!, { height: 2, width: 2 })]],
  adapter: [
    [
      "up and down changed round",
      [[2, 4], [4, 3], [3], [3, 4], [4]],
      (b, [x, d, dc, u, uc]) => b.adapter(x!, d!, dc!, u!, uc!),
    ],
  ],
}

describe("what does not fit is refused, in a sentence", () => {
  for (const [op, list] of Object.entries(refused)) {
    for (const [why, operands, build] of list)
      test(`${op}: ${why}`, () => {
        const b = new Graphs()
        const xs = operands.map((shape, i) => b.input(`x${i}`, shape))
        let message = ""
        try {
          build(b, xs)
        } catch (problem) {
          message = (problem as Error).message
        }
        expect(message).toMatch(/\w+ \w+/)
        expect(message).not.toMatch(/internal|undefined|NaN|Cannot/)
      })
  }
})

const aShape = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 })
const attempt = (a: Shape, b: Shape): Shape | undefined => {
  try {
    return broadcast(a, b)
  } catch {
    return undefined
  }
}
describe("broadcasting", () => {
  test("is NumPy's", () => {
    expect(broadcast([2, 1, 3], [7, 1])).toEqual([2, 7, 3])
    expect(broadcast([], [2])).toEqual([2])
    expect(() => broadcast([2, 3], [2])).toThrow("[2, 3] and [2] do not broadcast")
  })
  test("does not depend on order or grouping, and changes nothing of the same shape or a scalar", () => {
    fc.assert(
      fc.property(aShape, aShape, aShape, (a, b, c) => {
        expect(broadcast(a, a)).toEqual(a)
        expect(broadcast(a, [])).toEqual(a)
        const ab = attempt(a, b)
        expect(attempt(b, a)).toEqual(ab)
        const bc = attempt(b, c)
        if (ab !== undefined && bc !== undefined) expect(attempt(ab, c)).toEqual(attempt(a, bc))
      }),
    )
  })
})
