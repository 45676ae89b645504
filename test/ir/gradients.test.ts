import { describe, expect, test } from "vitest"
import type { Builder, Value } from "../../src/compiler/ir/builder.ts"
import type { Conv2dAttrs, OpKind, PoolAttrs, Shape } from "../../src/compiler/ir/graph.ts"
import { awayFromZero, type Case, distinct, type Fill, gradientErrors, positive } from "./support.ts"

type Build = (b: Builder, xs: readonly Value[]) => Value
const of = (name: string, shapes: readonly Shape[], build: Build, fill?: Fill): Case => ({ name, shapes, build, fill })

const odd: Shape = [3, 5]
const unary = (build: (b: Builder, x: Value) => Value, fill?: Fill): readonly Case[] => [
  of("", [odd], (b, [x]) => build(b, x!), fill),
  of("of a scalar", [[]], (b, [x]) => build(b, x!), fill),
]
const binary = (build: (b: Builder, x: Value, y: Value) => Value, fill?: Fill): readonly Case[] => {
  const shapes: readonly (readonly [Shape, Shape])[] = [
    [odd, odd],
    [odd, [5]],
    [
      [1, 5],
      [3, 1],
    ],
    [[], odd],
    [
      [2, 1, 3],
      [7, 1],
    ],
    [[1], [1, 1]],
  ]
  return shapes.map((pair) => of(`${JSON.stringify(pair)}`, pair, (b, [x, y]) => build(b, x!, y!), fill))
}

const conv = (attrs: Partial<Conv2dAttrs>): Conv2dAttrs => ({
  stride: [1, 1],
  padding: [0, 0, 0, 0],
  dilation: [1, 1],
  groups: 1,
  ...attrs,
})
interface Geometry {
  readonly name: string
  readonly x: Shape
  readonly w: Shape
  readonly y: Shape
  readonly attrs: Conv2dAttrs
}
const geometries: readonly Geometry[] = [
  { name: "1 × 1", x: [2, 3, 3, 2], w: [4, 3, 1, 1], y: [2, 4, 3, 2], attrs: conv({}) },
  { name: "padded", x: [1, 2, 4, 5], w: [3, 2, 3, 3], y: [1, 3, 4, 5], attrs: conv({ padding: [1, 1, 1, 1] }) },
  { name: "strides with a rest", x: [1, 2, 6, 7], w: [2, 2, 3, 2], y: [1, 2, 2, 2], attrs: conv({ stride: [2, 3] }) },
  { name: "dilated", x: [1, 2, 6, 5], w: [2, 2, 3, 2], y: [1, 2, 2, 3], attrs: conv({ dilation: [2, 2] }) },
  { name: "grouped", x: [2, 4, 3, 4], w: [6, 2, 2, 2], y: [2, 6, 2, 3], attrs: conv({ groups: 2 }) },
  {
    name: "depthwise",
    x: [1, 3, 4, 4],
    w: [3, 1, 3, 3],
    y: [1, 3, 4, 4],
    attrs: conv({ groups: 3, padding: [1, 1, 1, 1] }),
  },
  { name: "uneven padding", x: [1, 2, 3, 4], w: [2, 2, 3, 3], y: [1, 2, 4, 3], attrs: conv({ padding: [1, 0, 2, 1] }) },
  {
    name: "all at once",
    x: [2, 4, 5, 6],
    w: [2, 2, 2, 3],
    y: [2, 2, 3, 2],
    attrs: { stride: [2, 3], padding: [1, 0, 1, 2], dilation: [2, 1], groups: 2 },
  },
]

const pool = (attrs: Partial<PoolAttrs>): PoolAttrs => ({
  kernel: [2, 2],
  stride: [2, 2],
  padding: [0, 0, 0, 0],
  ...attrs,
})
const pools: readonly (readonly [string, Shape, PoolAttrs])[] = [
  ["2 × 2", [2, 2, 4, 6], pool({})],
  ["with a rest", [1, 2, 5, 7], pool({})],
  ["overlapping, padded", [1, 2, 5, 4], pool({ kernel: [3, 3], padding: [1, 1, 1, 1] })],
  ["not square, uneven padding", [1, 1, 5, 6], pool({ kernel: [3, 2], stride: [1, 3], padding: [1, 0, 0, 1] })],
]

const reductions = (op: "reduceSum" | "reduceMean" | "reduceMax", fill?: Fill): readonly Case[] =>
  [[0], [1], [2], [0, 2], [0, 1, 2]].flatMap((axes) =>
    [true, false].map((keepDims) =>
      of(`over ${axes}${keepDims ? ", kept" : ""}`, [[2, 3, 5]], (b, [x]) => b[op](x!, { axes, keepDims }), fill),
    ),
  )

const qkv = (b: number, h: number, n: number, m: number, d: number, e: number): readonly Shape[] => [
  [b, h, n, d],
  [b, h, m, d],
  [b, h, m, e],
]
const relative = (b: number, h: number, height: number, width: number, d: number): Case => {
  const q: Shape = [b, h, height * width, d]
  return of(`on ${height} × ${width}`, [q, q, q, [2 * height - 1, d], [2 * width - 1, d]], (g, [x, k, v, th, tw]) =>
    g.relPosAttention(x!, k!, v!, th!, tw!, { scale: 0.6, height, width }),
  )
}

/** More than the examples of records, which test/ops tries. */
const cases: {
  readonly [K in OpKind]?: readonly Case[]
} = {
  neg: unary((b, x) => b.neg(x)),
  exp: unary((b, x) => b.exp(x)),
  log: unary((b, x) => b.log(x), positive),
  sqrt: unary((b, x) => b.sqrt(x), positive),
  sin: unary((b, x) => b.sin(x)),
  cos: unary((b, x) => b.cos(x)),
  tanh: unary((b, x) => b.tanh(x)),
  erf: unary((b, x) => b.erf(x)),
  abs: unary((b, x) => b.abs(x), awayFromZero),
  sigmoid: unary((b, x) => b.sigmoid(x)),
  softplus: unary((b, x) => b.softplus(b.scale(x, 9))),
  relu: unary((b, x) => b.relu(x), awayFromZero),
  scale: unary((b, x) => b.scale(x, -1.7)),
  shift: unary((b, x) => b.shift(x, 0.3)),
  add: binary((b, x, y) => b.add(x, y)),
  sub: binary((b, x, y) => b.sub(x, y)),
  mul: binary((b, x, y) => b.mul(x, y)),
  div: binary((b, x, y) => b.div(x, y), awayFromZero),
  maximum: binary((b, x, y) => b.maximum(x, y)),
  matmul: [false, true].flatMap((transposeA) =>
    [false, true].flatMap((transposeB) => {
      const left: Shape = transposeA ? [4, 3] : [3, 4]
      const right: Shape = transposeB ? [5, 4] : [4, 5]
      const build: Build = (b, [x, y]) => b.matmul(x!, y!, { transposeA, transposeB })
      const how = `${transposeA ? "ᵀ" : ""}·${transposeB ? "ᵀ" : ""}`
      return [
        of(how, [left, right], build),
        of(
          `${how} in batches`,
          [
            [2, 3, ...left],
            [2, 3, ...right],
          ],
          build,
        ),
        of(`${how}, right broadcasts`, [[2, 1, ...left], right], build),
        of(`${how}, left broadcasts`, [left, [3, ...right]], build),
      ]
    }),
  ),
  conv2d: geometries.map(({ name, x, w, attrs }) => of(name, [x, w], (b, [x, w]) => b.conv2d(x!, w!, attrs))),
  conv2dInputGrad: geometries.map(({ name, x, w, y, attrs }) =>
    of(`transposed, ${name}`, [y, w], (b, [g, w]) =>
      b.conv2dInputGrad(g!, w!, { ...attrs, inputSize: [x[2]!, x[3]!] }),
    ),
  ),
  maxPool2d: pools.map(([name, x, attrs]) => of(name, [x], (b, [x]) => b.maxPool2d(x!, attrs), distinct)),
  avgPool2d: pools.map(([name, x, attrs]) => of(name, [x], (b, [x]) => b.avgPool2d(x!, attrs))),
  reduceSum: reductions("reduceSum"),
  reduceMean: reductions("reduceMean"),
  reduceMax: reductions("reduceMax", distinct),
  reshape: [of("", [[3, 4]], (b, [x]) => b.reshape(x!, [2, 6]))],
  transpose: [
    of("two axes", [odd], (b, [x]) => b.transpose(x!, [1, 0])),
    of("a cycle", [[2, 3, 4, 1]], (b, [x]) => b.transpose(x!, [2, 0, 3, 1])),
  ],
  broadcast: [
    of("new axes", [[5]], (b, [x]) => b.broadcast(x!, [2, 3, 5])),
    of("axes of 1", [[2, 1, 3, 1]], (b, [x]) => b.broadcast(x!, [2, 4, 3, 5])),
    of("of a scalar", [[]], (b, [x]) => b.broadcast(x!, [3, 2])),
  ],
  slice: [of("", [[4, 5, 3]], (b, [x]) => b.slice(x!, [1, 0, 2], [3, 4, 3]))],
  pad: [of("uneven", [[2, 3]], (b, [x]) => b.pad(x!, [1, 0], [0, 2]))],
  concat: [
    of(
      "of three",
      [
        [2, 1, 3],
        [2, 4, 3],
        [2, 2, 3],
      ],
      (b, xs) => b.concat(xs, 1),
    ),
    of("of the same tensor twice", [[2, 3]], (b, [x]) => b.concat([x!, x!], 0)),
  ],
  gather: [of("repeated rows", [[4, 3]], (b, [x]) => b.gather(x!, [2, 0, 2, 2, 3]))],
  scatterAdd: [of("repeated rows", [[5, 3]], (b, [x]) => b.scatterAdd(x!, { indices: [2, 0, 2, 2, 3], rows: 6 }))],
  linear: [
    of("with a bias", [[2, 3, 4], [5, 4], [5]], (b, [x, w, c]) => b.linear(x!, w!, c!)),
    of(
      "without",
      [
        [7, 4],
        [3, 4],
      ],
      (b, [x, w]) => b.linear(x!, w!),
    ),
  ],
  softmax: [of("", [[2, 3, 5]], (b, [x]) => b.softmax(b.scale(x!, 3)))],
  layerNorm: [
    of("", [[2, 3, 5], [5], [5]], (b, [x, gamma, beta]) => b.layerNorm(x!, gamma!, beta!, { eps: 1e-6 })),
    of("of a vector, large eps", [[7], [7], [7]], (b, [x, gamma, beta]) =>
      b.layerNorm(x!, gamma!, beta!, { eps: 0.1 }),
    ),
  ],
  gelu: unary((b, x) => b.gelu(b.scale(x, 3))),
  attention: [
    of("n = m", qkv(2, 2, 3, 3, 4, 4), (b, [q, k, v]) => b.attention(q!, k!, v!, { scale: 0.5 })),
    of("n ≠ m, d ≠ e", qkv(1, 3, 5, 2, 3, 4), (b, [q, k, v]) => b.attention(q!, k!, v!, { scale: 1.3 })),
    of("one query", qkv(1, 1, 1, 7, 2, 1), (b, [q, k, v]) => b.attention(q!, k!, v!, { scale: 1 })),
    of("of a tensor with itself", [[1, 2, 4, 3]], (b, [x]) => b.attention(x!, x!, x!, { scale: 0.7 })),
  ],
  relPosAttention: [relative(1, 2, 2, 3, 4), relative(2, 1, 4, 1, 3), relative(1, 1, 3, 3, 2)],
  resizeBilinear: [
    of("up", [[1, 2, 3, 2]], (b, [x]) => b.resizeBilinear(x!, { height: 7, width: 5 })),
    of("down", [[2, 1, 7, 6]], (b, [x]) => b.resizeBilinear(x!, { height: 3, width: 4 })),
    of("one way each", [[1, 1, 2, 6]], (b, [x]) => b.resizeBilinear(x!, { height: 5, width: 3 })),
  ],
  resizeBilinearGrad: [of("", [[1, 2, 7, 5]], (b, [g]) => b.resizeBilinearGrad(g!, { height: 3, width: 2 }))],
  adapter: [
    of(
      "",
      [[2, 3, 4], [2, 4], [2], [4, 2], [4]],
      (b, [x, d, dc, u, uc]) => b.adapter(x!, d!, dc!, u!, uc!),
      awayFromZero,
    ),
    of("rank over width", [[5, 2], [3, 2], [3], [2, 3], [2]], (b, [x, d, dc, u, uc]) =>
      b.adapter(x!, d!, dc!, u!, uc!),
    ),
  ],
}

describe("gradients by central differences", () => {
  for (const [op, list] of Object.entries(cases)) {
    for (const c of list)
      test(`${op} ${c.name}`, () => {
        for (const error of Object.values(gradientErrors(c))) expect(error).toBeLessThan(1e-7)
      })
  }
})
