import { describe, expect, test } from "vitest"
import { Builder, type Value } from "../../src/compiler/ir/builder.ts"
import { bytesOf } from "../../src/compiler/ir/bytes.ts"
import { flopsOf } from "../../src/compiler/ir/flops.ts"
import type { Graph, Shape } from "../../src/compiler/ir/graph.ts"
import { decompose } from "../../src/compiler/passes/decompose.ts"

const graphOf = (shapes: readonly Shape[], build: (b: Builder, xs: readonly Value[]) => Value): Graph => {
  const b = new Builder()
  const y = build(
    b,
    shapes.map((shape, i) => b.input(`x${i}`, shape)),
  )
  const { parts } = b.node(y)
  return b.build(parts === undefined ? { y } : Object.fromEntries(parts.map((_, i) => [`y${i}`, b.part(y, i)])))
}
const flops = ({ nodes }: Graph): number => nodes.reduce((sum, node) => sum + flopsOf(nodes, node), 0)

const x: Shape = [2, 3, 5]
const qkv: readonly Shape[] = [
  [2, 3, 7, 4],
  [2, 3, 5, 4],
  [2, 3, 5, 6],
]
const out: Shape = [2, 3, 7, 6]
const composites: Readonly<Record<string, Graph>> = {
  linear: graphOf([x, [4, 5], [4]], (b, [x, w, c]) => b.linear(x!, w!, c!)),
  "linear without a bias": graphOf([x, [4, 5]], (b, [x, w]) => b.linear(x!, w!)),
  softmax: graphOf([x], (b, [x]) => b.softmax(x!)),
  softmaxGrad: graphOf([x, x], (b, [y, g]) => b.softmaxGrad(y!, g!)),
  layerNorm: graphOf([x, [5], [5]], (b, [x, w, c]) => b.layerNorm(x!, w!, c!, { eps: 1e-6 })),
  layerNormGrad: graphOf([x, [5], x], (b, [x, w, g]) => b.layerNormGrad(x!, w!, g!, { eps: 1e-6 })),
  gelu: graphOf([x], (b, [x]) => b.gelu(x!)),
  geluGrad: graphOf([x, x], (b, [x, g]) => b.geluGrad(x!, g!)),
  attention: graphOf(qkv, (b, [q, k, v]) => b.attention(q!, k!, v!, { scale: 0.5 })),
  attentionGrad: graphOf([...qkv, out, out], (b, [q, k, v, y, g]) =>
    b.attentionGrad(q!, k!, v!, y!, g!, { scale: 0.5 }),
  ),
  adapter: graphOf([x, [2, 5], [2], [5, 2], [5]], (b, [x, d, dc, u, uc]) => b.adapter(x!, d!, dc!, u!, uc!)),
}

describe("a composite counts as the ops that it decomposes into", () => {
  for (const [name, graph] of Object.entries(composites))
    test(name, () => {
      expect(flops(graph)).toBeGreaterThan(0)
      expect(flops(graph)).toBe(flops(decompose(graph)))
    })
})

test("a multiply-add is two", () => {
  expect(
    flops(
      graphOf(
        [
          [3, 4],
          [4, 5],
        ],
        (b, [x, y]) => b.matmul(x!, y!),
      ),
    ),
  ).toBe(2 * 3 * 4 * 5)
  const attrs = { transposeA: true, transposeB: true }
  expect(
    flops(
      graphOf(
        [
          [7, 4, 3],
          [5, 4],
        ],
        (b, [x, y]) => b.matmul(x!, y!, attrs),
      ),
    ),
  ).toBe(7 * 2 * 3 * 4 * 5)
})

test("a convolution and both its gradients: two for each output, channel of the group and tap", () => {
  const attrs = { stride: [2, 1], padding: [1, 0, 1, 0], dilation: [1, 1], groups: 2 } as const
  const [image, weight, y]: readonly Shape[] = [
    [2, 4, 7, 6],
    [6, 2, 3, 2],
    [2, 6, 4, 5],
  ]
  const expected = 2 * (2 * 6 * 4 * 5) * 2 * (3 * 2)
  expect(flops(graphOf([image!, weight!], (b, [x, w]) => b.conv2d(x!, w!, attrs)))).toBe(expected)
  const inputGrad = graphOf([y!, weight!], (b, [g, w]) => b.conv2dInputGrad(g!, w!, { ...attrs, inputSize: [7, 6] }))
  expect(flops(inputGrad)).toBe(expected)
  const weightGrad = graphOf([image!, y!], (b, [x, g]) => b.conv2dWeightGrad(x!, g!, { ...attrs, kernel: [3, 2] }))
  expect(flops(weightGrad)).toBe(expected)
})

test("relative positions: q times both tables, and two additions to each score", () => {
  const [height, width, d] = [2, 3, 4]
  const n = height * width
  const q: Shape = [1, 2, n, d]
  const shapes: readonly Shape[] = [q, q, q, [2 * height - 1, d], [2 * width - 1, d]]
  const attrs = { scale: 1, height, width }
  const plain = flops(graphOf([q, q, q], (b, [q, k, v]) => b.attention(q!, k!, v!, { scale: 1 })))
  const relative = flops(graphOf(shapes, (b, [q, k, v, h, w]) => b.relPosAttention(q!, k!, v!, h!, w!, attrs)))
  const tables = 2 * 2 * n * (height + width) * d
  expect(relative - plain).toBe(tables + 2 * 2 * n * n)
})

test("bytes: operands and results once; renaming moves nothing", () => {
  const moved = (graph: Graph): number => graph.nodes.reduce((sum, node) => sum + bytesOf(graph.nodes, node), 0)
  expect(
    moved(
      graphOf(
        [
          [3, 4],
          [4, 5],
        ],
        (b, [x, y]) => b.matmul(x!, y!),
      ),
    ),
  ).toBe(4 * (12 + 20 + 15))
  expect(moved(graphOf([[3, 4]], (b, [x]) => b.reshape(x!, [12])))).toBe(0)
  expect(moved(graphOf([[100, 4]], (b, [x]) => b.gather(x!, [7, 7])))).toBe(4 * (8 + 8))
  expect(moved(composites["attentionGrad"]!)).toBe(4 * 2 * 6 * (7 * 4 + 5 * 4 + 5 * 6) + 4 * 2 * 6 * 7 * 6)
})
