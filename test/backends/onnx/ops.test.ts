/** Every op as ONNX against the float64 reference, as the engine runs it and as files for others have it. */
import { describe, expect, test } from "vitest"
import { kept } from "../../../src/backends/onnx/lower.ts"
import { evaluate } from "../../../src/compiler/ir/evaluate/index.ts"
import { type Graph, type OpKind, type Shape, sizeOf, type Tensors } from "../../../src/compiler/ir/graph.ts"
import { type Computed, isComposite, ops } from "../../../src/compiler/ops/index.ts"
import { cases } from "../tfjs/cases.ts"
import { difference, runGraph } from "./session.ts"
import { windows } from "./windows.ts"

const reference = (graph: Graph, inputs: Tensors) =>
  evaluate(graph, Object.fromEntries(Object.entries(inputs).map(([name, { data }]) => [name, data])))
const all = [...cases, ...windows]

/** Attention of few scores one query row at a time; of many in six pieces, the last smaller: as many nodes as rows take a minute. */
const scoresFor = ({ nodes }: Graph): number =>
  nodes.reduce((most, { op, inputs }) => {
    if (!/[aA]ttention$/.test(op)) return most
    const [q, k] = inputs.map((input) => nodes[input]!.shape) as [Shape, Shape]
    return Math.max(most, Math.floor((sizeOf(q.slice(0, -1)) * k.at(-2)!) / 5))
  }, 16)

describe.each([
  ["the engine", false],
  ["a portable file", true],
] as const)("ops in %s", (_, portable) => {
  test.each(all.map((of) => [of.name, of] as const))("%s", async (_, { graph, inputs, tolerance }) => {
    const actual = await runGraph(graph, inputs, { portable, scores: scoresFor(graph) })
    for (const [name, expected] of Object.entries(reference(graph, inputs))) {
      expect(actual[name]!.shape).toEqual(expected.shape)
      expect(difference(actual[name]!.data, expected.data), name).toBeLessThanOrEqual(tolerance)
    }
  })
})

describe("the comparisons", () => {
  test("cover every op that is not taken apart", () => {
    const left = (Object.keys(ops) as Computed[]).filter((op) => !isComposite(op) || kept.has(op))
    const seen = new Set<OpKind>(all.flatMap(({ graph }) => graph.nodes.map(({ op }) => op)))
    expect(left.filter((op) => !seen.has(op))).toEqual([])
  })
  test("see a wrong value, a missing one and NaN", () => {
    expect(difference([1, 2.001], [1, 2])).toBeGreaterThan(3e-4)
    expect(difference([1], [1, 2])).toBe(Number.POSITIVE_INFINITY)
    expect(difference([1, Number.NaN], [1, 2])).toBeNaN()
  })
})
