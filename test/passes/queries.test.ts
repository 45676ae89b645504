/** queries: attention that leaves out what is cropped gives the same values and gradients, with fewer scores. */
import { describe, expect, test } from "vitest"
import { Builder, type Value } from "../../src/compiler/ir/builder.ts"
import { evaluate } from "../../src/compiler/ir/evaluate/index.ts"
import { type Graph, sizeOf } from "../../src/compiler/ir/graph.ts"
import { decompose } from "../../src/compiler/passes/decompose.ts"
import { differentiate } from "../../src/compiler/passes/differentiate.ts"
import type { Context } from "../../src/compiler/passes/elaborate/context.ts"
import { meanings } from "../../src/compiler/passes/elaborate/functions.ts"
import { attendGroups, queriesOf } from "../../src/compiler/passes/queries.ts"
import { rebuild, simplify } from "../../src/compiler/passes/rebuild.ts"
import { unpad } from "../../src/compiler/passes/unpad.ts"
import { relativeError, valuesFor } from "../ir/support.ts"

const [heads, width] = [2, 6]
const names = (graph: Graph) =>
  graph.nodes.flatMap((node) => (node.op === "parameter" || node.op === "input" ? [node.attrs.name] : []))
/** h × w tokens in windows of `size`, self-attention in each. */
const inWindows =
  (h: number, w: number, size: number, positions: boolean) =>
  (b: Builder): Value => {
    const ctx = { b } as Context
    const x = b.tanh(b.input("x", [2, h, w, width]))
    const cut = meanings.windows(ctx, [x], { size })
    const project = (name: string, from: Value, to: number) =>
      b.linear(from, b.parameter(`${name}.weight`, [to, width]), b.parameter(`${name}.bias`, [to]))
    const table = (name: string) => b.parameter(name, [2 * size - 1, width / heads])
    const [batch] = b.shapeOf(cut) as [number]
    const flat = (name: string) => b.reshape(project(name, cut, width), [batch, size * size, width])
    const out = positions
      ? meanings.relPosAttention(ctx, [project("qkv", cut, 3 * width), table("rh"), table("rw")], { heads })
      : meanings.attention(ctx, [flat("q"), flat("k"), flat("v")], { heads })
    const grid = b.reshape(out, [batch, size, size, width])
    return meanings.unwindows(ctx, [project("proj", grid, width), x], { size })
  }
/** Weighted, so that every token's gradient is another. */
const taught = (build: (b: Builder) => Value): Graph => {
  const forward = new Builder()
  const graph = unpad(forward.build({ y: build(forward) }))
  const b = Builder.of(graph)
  const [{ value: y }] = graph.outputs as readonly [{ value: Value }]
  const shape = b.shapeOf(y)
  const loss = b.reduceSum(b.mul(y, b.input("w", shape)), { axes: shape.map((_, i) => i), keepDims: false })
  const { gradients } = differentiate(b, loss, names(b.build({ loss })))
  return simplify(b.build({ y, loss, ...Object.fromEntries(gradients) }))
}
const grouped = (graph: Graph): Graph => {
  const queries = queriesOf(graph, undefined, 0)
  return rebuild(graph, (b, node, inputs) => {
    const groups = queries.get(node)
    return groups === undefined ? undefined : attendGroups(b, node, inputs, groups, 40)
  })
}
/** Scores that a decomposed graph computes: what softmax sees. */
const scoresIn = (graph: Graph) =>
  decompose(graph, { keep: new Set(["softmax"]), scores: 40 }).nodes.reduce(
    (sum, { op, shape }) => sum + (op === "softmax" ? sizeOf(shape) : 0),
    0,
  )

const cases: Readonly<Record<string, readonly [h: number, w: number, size: number, queries: number]>> = {
  "5 × 7 in windows of 3": [5, 7, 3, 35],
  "one window, larger than the grid": [2, 3, 4, 6],
  "more rows than windows hold": [7, 3, 3, 21],
}
describe.each(Object.entries(cases))("%s", (_, [h, w, size, tokens]) => {
  test.each([true, false])("with relative positions: %s", (positions) => {
    const graph = taught(inWindows(h, w, size, positions))
    const fewer = grouped(graph)
    const values = valuesFor(graph, 5)
    const [before, after] = [evaluate(graph, values), evaluate(fewer, values)]
    // The gradient of k.bias is nothing but rounding: softmax does not see what all scores share.
    for (const [name, { data }] of Object.entries(before))
      expect(relativeError(after[name]!.data, data), name).toBeLessThan(1e-11)
    // On a line only what comes after the last query is left out.
    const most = positions ? tokens : h * Math.ceil(w / size) * size
    expect(scoresIn(fewer)).toBeLessThanOrEqual(2 * 2 * heads * most * size * size)
    expect(scoresIn(fewer)).toBeLessThan(scoresIn(graph))
  })
})

test("windows that fit ask for everything", () => {
  expect(queriesOf(taught(inWindows(4, 6, 2, true)), undefined, 0).size).toBe(0)
})
test("what something else reads is computed", () => {
  const graph = taught((b) => {
    const y = inWindows(5, 7, 3, true)(b)
    const attention = b.nodes.findIndex(({ op }) => op === "relPosAttention")
    return b.mul(y, b.reduceSum(attention, { axes: [0, 1, 2, 3], keepDims: false }))
  })
  expect(queriesOf(graph, undefined, 0).size).toBe(0)
})
test("a group of windows has to save something", () => {
  const graph = taught(inWindows(5, 7, 3, true))
  expect([...queriesOf(graph, undefined, 0).values()].map((groups) => groups.length)).toEqual([4, 4])
  expect(queriesOf(graph).size).toBe(0)
})
test("thousands of windows are few groups, each window in one of them, in order", () => {
  const [groups, ...rest] = [...queriesOf(taught(inWindows(61, 61, 2, true)), undefined, 0).values()]
  expect(groups!.map(({ height, width, windows }) => [height, width, windows.length])).toEqual([
    [2, 2, 2 * 900],
    [2, 1, 2 * 30],
    [1, 2, 2 * 30],
    [1, 1, 2],
  ])
  for (const { windows } of groups!) expect(windows).toEqual(windows.toSorted((a, b) => a - b))
  expect(groups!.flatMap(({ windows }) => windows).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 2 * 31 ** 2 }, (_, i) => i),
  )
  expect(rest).toEqual([groups])
})
test("blocks that are alike are asked once", () => {
  const graph = taught((b) => {
    const ctx = { b } as Context
    const table = (name: string) => b.parameter(name, [5, width / heads])
    const attended = (x: Value, block: number): Value => {
      const cut = meanings.windows(ctx, [x], { size: 3 })
      const qkv = b.linear(cut, b.parameter(`${block}.qkv`, [3 * width, width]))
      const out = meanings.relPosAttention(ctx, [qkv, table(`${block}.rh`), table(`${block}.rw`)], { heads })
      return meanings.unwindows(ctx, [b.reshape(out, [b.shapeOf(cut)[0]!, 3, 3, width]), x], { size: 3 })
    }
    return attended(attended(b.tanh(b.input("x", [2, 5, 7, width])), 0), 1)
  })
  const found = [...queriesOf(graph, undefined, 0)].filter(([{ op }]) => op === "relPosAttention")
  expect(found).toHaveLength(2)
  expect(found[0]![1]).toBe(found[1]![1])
})
