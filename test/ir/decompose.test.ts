import { describe, expect, test } from "vitest"
import { Builder, type Value } from "../../src/compiler/ir/builder.ts"
import { evaluate } from "../../src/compiler/ir/evaluate/index.ts"
import type { Graph, OpKind, Shape } from "../../src/compiler/ir/graph.ts"
import { type Composite, decompose, isComposite } from "../../src/compiler/passes/decompose.ts"
import { relativeError, valuesFor } from "./support.ts"

type Build = (b: Builder, xs: readonly Value[]) => readonly Value[]
interface Case {
  readonly name: string
  readonly shapes: readonly Shape[]
  readonly build: Build
}
const of = (name: string, shapes: readonly Shape[], build: Build): Case => ({ name, shapes, build })
const parts = (b: Builder, all: Value): readonly Value[] => b.node(all).parts!.map((_, i) => b.part(all, i))

const qkv = (b: number, h: number, n: number, m: number, d: number, e: number): readonly Shape[] => [
  [b, h, n, d],
  [b, h, m, d],
  [b, h, m, e],
]
const attentions = [
  { name: "n = m", shapes: qkv(2, 2, 7, 7, 3, 3) },
  { name: "n ≠ m, d ≠ e", shapes: qkv(1, 3, 5, 4, 2, 3) },
  { name: "one query", shapes: qkv(2, 1, 1, 6, 3, 2) },
]
/** Channels of a head below and above height + width: the bias is added to scores, or part of the product. */
const grids = [
  { height: 2, width: 3, d: 3 },
  { height: 4, width: 1, d: 3 },
  { height: 3, width: 3, d: 3 },
  { height: 2, width: 3, d: 7 },
  { height: 1, width: 4, d: 6 },
]
const relative = (height: number, width: number, d: number): readonly Shape[] => {
  const q: Shape = [3, 2, height * width, d]
  return [q, q, q, [2 * height - 1, d], [2 * width - 1, d]]
}

/** More than the examples of records, which test/ops tries. */
const cases = {
  linear: [
    of("with a bias", [[2, 3, 4], [5, 4], [5]], (b, [x, w, c]) => [b.linear(x!, w!, c!)]),
    of(
      "without",
      [
        [2, 3, 4],
        [5, 4],
      ],
      (b, [x, w]) => [b.linear(x!, w!)],
    ),
  ],
  // Axes so long that no matrix is written out.
  resize: [
    of("large", [[2, 1, 2049, 2]], (b, [x]) => [
      b.resize(x!, { height: 2053, width: 2, mode: "bicubic", alignCorners: true }),
    ]),
  ],
  resizeGrad: [
    of("large", [[1, 1, 2, 2053]], (b, [g]) => [
      b.resizeGrad(g!, { height: 2, width: 2049, mode: "bicubic", alignCorners: false }),
    ]),
  ],
  softmax: [of("of large numbers", [[2, 3, 5]], (b, [x]) => [b.softmax(b.scale(x!, 900))])],
  softmaxGrad: [
    of(
      "",
      [
        [3, 5],
        [3, 5],
      ],
      (b, [x, g]) => [b.softmaxGrad(b.softmax(x!), g!)],
    ),
  ],
  layerNorm: [of("", [[2, 3, 5], [5], [5]], (b, [x, gamma, beta]) => [b.layerNorm(x!, gamma!, beta!, { eps: 1e-2 })])],
  layerNormGrad: [
    of("", [[2, 3, 5], [5], [2, 3, 5]], (b, [x, gamma, g]) => parts(b, b.layerNormGrad(x!, gamma!, g!, { eps: 1e-2 }))),
  ],
  gelu: [of("", [[3, 7]], (b, [x]) => [b.gelu(b.scale(x!, 4))])],
  geluGrad: [
    of(
      "",
      [
        [3, 7],
        [3, 7],
      ],
      (b, [x, g]) => [b.geluGrad(b.scale(x!, 4), g!)],
    ),
  ],
  attention: attentions.map(({ name, shapes }) =>
    of(name, shapes, (b, [q, k, v]) => [b.attention(q!, k!, v!, { scale: 1.7 })]),
  ),
  attentionGrad: attentions.map(({ name, shapes }) =>
    of(name, [...shapes, [...shapes[0]!.slice(0, 3), shapes[2]![3]!]], (b, [q, k, v, g]) => {
      const out = b.attention(q!, k!, v!, { scale: 1.7 })
      return parts(b, b.attentionGrad(q!, k!, v!, out, g!, { scale: 1.7 }))
    }),
  ),
  relPosAttention: grids.map(({ height, width, d }) =>
    of(`on ${height} × ${width}, ${d} channels`, relative(height, width, d), (b, [q, k, v, th, tw]) => [
      b.relPosAttention(q!, k!, v!, th!, tw!, { scale: 0.6, height, width }),
    ]),
  ),
  relPosAttentionGrad: grids.map(({ height, width, d }) => {
    const shapes = relative(height, width, d)
    return of(`on ${height} × ${width}, ${d} channels`, [...shapes, shapes[0]!], (b, inputs) => {
      const [q, k, v, th, tw, g] = inputs as [Value, Value, Value, Value, Value, Value]
      const attrs = { scale: 0.6, height, width }
      const out = b.relPosAttention(q, k, v, th, tw, attrs)
      return parts(b, b.relPosAttentionGrad(q, k, v, th, tw, out, g, attrs))
    })
  }),
  resizeBilinear: [
    of("up and down", [[1, 2, 3, 6]], (b, [x]) => [b.resizeBilinear(x!, { height: 7, width: 4 })]),
    of("to the same size", [[1, 2, 3, 6]], (b, [x]) => [b.resizeBilinear(x!, { height: 3, width: 6 })]),
    of("large", [[1, 2, 3, 2049]], (b, [x]) => [b.resizeBilinear(x!, { height: 4, width: 2053 })]),
  ],
  resizeBilinearGrad: [
    of("up and down", [[1, 2, 7, 4]], (b, [g]) => [b.resizeBilinearGrad(g!, { height: 3, width: 6 })]),
    of("large", [[1, 2, 2053, 4]], (b, [g]) => [b.resizeBilinearGrad(g!, { height: 2049, width: 3 })]),
  ],
  adapter: [of("", [[2, 3, 4], [2, 4], [2], [4, 2], [4]], (b, [x, d, dc, u, uc]) => [b.adapter(x!, d!, dc!, u!, uc!)])],
} as const satisfies { readonly [K in Composite]?: readonly Case[] }

const graphOf = ({ shapes, build }: Case): Graph => {
  const b = new Builder()
  const ys = build(
    b,
    shapes.map((shape, i) => b.input(`x${i}`, shape)),
  )
  return b.build(Object.fromEntries(ys.map((y, i) => [`y${i}`, y])))
}
const expectSame = (graph: Graph, other: Graph): void => {
  const values = valuesFor(graph)
  const expected = evaluate(graph, values)
  const got = evaluate(other, values)
  expect(Object.keys(got)).toEqual(Object.keys(expected))
  for (const [name, { shape, data }] of Object.entries(expected)) {
    expect(got[name]!.shape).toEqual(shape)
    expect(relativeError(got[name]!.data, data)).toBeLessThan(1e-12)
  }
}

describe("a decomposition has the composite's values", () => {
  for (const [op, list] of Object.entries(cases))
    for (const c of list)
      for (const scores of [100_000, 80, 30, 1])
        test(`${op} ${c.name}, ${scores} scores at a time`, () => {
          const graph = graphOf(c)
          expect(graph.nodes.some((node) => node.op === op)).toBe(true)
          const simple = decompose(graph, { scores })
          expect(simple.nodes.filter((node) => isComposite(node.op))).toEqual([])
          expectSame(graph, simple)
        })
})

test("what the backend has kernels for is kept", () => {
  const graph = graphOf(cases.adapter[0]!)
  const keep: ReadonlySet<OpKind> = new Set(["linear"])
  const kept = decompose(graph, { keep })
  expect(kept.nodes.filter(({ op }) => op === "linear")).toHaveLength(2)
  expect(kept.nodes.some(({ op }) => op === "adapter")).toBe(false)
  expectSame(graph, kept)
})

test("parts that nothing uses leave nothing behind", () => {
  const { shapes, build } = cases.layerNormGrad[0]!
  const whole = graphOf({ name: "dx alone", shapes, build: (b, xs) => build(b, xs).slice(0, 1) })
  const simple = decompose(whole)
  const used = new Set([...simple.nodes.flatMap(({ inputs }) => inputs), ...simple.outputs.map(({ value }) => value)])
  expect(simple.nodes.filter((_, id) => !used.has(id))).toEqual([])
  expectSame(whole, simple)
})

test("a gradient's probabilities are its own: those of the forward pass can go", () => {
  const graph = graphOf(cases.attentionGrad[0]!)
  const products = (scores: number) => decompose(graph, { scores }).nodes.filter(({ op }) => op === "exp").length
  const scores = 2 * 2 * 7 * 7
  expect(products(scores)).toBe(2)
  expect(products(scores - 1)).toBe(4)
  expect(products(2 * 7 * 4)).toBe(8)
})

test("scores of a chunk are all that there is at a time", () => {
  const graph = graphOf({ ...cases.attention[0]!, shapes: qkv(1, 1, 64, 64, 4, 4) })
  const largest = (of: Graph) => Math.max(...of.nodes.map(({ shape }) => shape.reduce((n, extent) => n * extent, 1)))
  expect(largest(decompose(graph, { scores: 64 * 64 }))).toBe(64 * 64)
  expect(largest(decompose(graph, { scores: 8 * 64 }))).toBe(8 * 64)
})

test("attention on a big grid is a plan of bounded length: pieces grow instead of growing in number", () => {
  const planned = (side: number) => {
    const b = new Builder()
    const shape = [1, 12, side * side, 64]
    const out = b.attention(b.input("q", shape), b.input("k", shape), b.input("v", shape), { scale: 0.125 })
    const { nodes } = decompose(b.build({ out }), { keep: new Set<OpKind>(["softmax"]) })
    return { softmaxes: nodes.filter(({ op }) => op === "softmax"), nodes: nodes.length }
  }
  const usual = planned(64)
  expect(usual.softmaxes.length).toBe(12)
  const big = planned(257)
  expect(big.softmaxes.length).toBeGreaterThan(usual.softmaxes.length)
  expect(big.softmaxes.length).toBeLessThan(300)
  expect(big.nodes).toBeLessThan(10 * 300)
  const rows = big.softmaxes.reduce((sum, { shape }) => sum + shape.slice(0, -1).reduce((n, x) => n * x, 1), 0)
  expect(rows).toBe(12 * 257 ** 2)
})

test("heads go in even numbers where one window is too large, so that two threads have the same to do", () => {
  const b = new Builder()
  const [heads, n, d] = [12, 8, 4]
  const [q, k, v] = ["q", "k", "v"].map((name) => b.input(name, [1, heads, n, d])) as [Value, Value, Value]
  const graph = b.build({ out: b.attention(q, k, v, { scale: 1 }) })
  const headsAtOnce = (room: number) =>
    decompose(graph, { keep: new Set<OpKind>(["softmax"]), scores: room * n * n })
      .nodes.filter(({ op }) => op === "softmax")
      .map(({ shape }) => shape[0])
  expect(headsAtOnce(3)).toEqual([2, 2, 2, 2, 2, 2])
  expect(headsAtOnce(5)).toEqual([4, 4, 4])
  expect(headsAtOnce(1)).toEqual(Array(heads).fill(1))
})
