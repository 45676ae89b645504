/** Every op, with every attribute that an engine could treat differently, against the float64 reference. */
import { afterAll, describe, expect, test } from "vitest"
import { backendOf } from "../../../src/backends/tfjs/index.ts"
import { lowering } from "../../../src/backends/tfjs/lower/index.ts"
import { supportTable } from "../../../src/backends/tfjs/support.ts"
import { evaluate } from "../../../src/compiler/ir/evaluate/index.ts"
import type { Graph, Shape, Tensors } from "../../../src/compiler/ir/graph.ts"
import { recordOf } from "../../../src/compiler/ops/index.ts"
import { cases } from "./cases.ts"
import { openEngines } from "./engines.ts"
import { type Comparison, probed, rows } from "./probed.ts"

const engines = await openEngines()
afterAll(async () => {
  for (const engine of engines.values()) await engine.dispose()
})

/** Largest difference, as a part of the largest value. */
const difference = (actual: ArrayLike<number>, expected: ArrayLike<number>): number => {
  let [worst, largest] = [0, 1e-3]
  for (let i = 0; i < expected.length; i++) {
    const off = Math.abs(actual[i]! - expected[i]!)
    if (!(off <= worst)) worst = off
    largest = Math.max(largest, Math.abs(expected[i]!))
  }
  return worst / largest
}
const referenceOf = (graph: Graph, inputs: Tensors) =>
  evaluate(graph, Object.fromEntries(Object.entries(inputs).map(([name, { data }]) => [name, data])))

const comparisons: readonly Comparison[] = [...cases, ...probed]

describe.each([...engines])("ops on %s", (_, engine) => {
  test.each(comparisons.map((of) => [of.name, of] as const))("%s", async (_, { graph, inputs, tolerance }) => {
    const before = engine.count()
    const run = await backendOf(engine).compile({ graph, state: {} })
    const actual = await run.run(inputs)
    await run.dispose()
    for (const [name, expected] of Object.entries(referenceOf(graph, inputs))) {
      expect(actual[name]!.shape).toEqual(expected.shape)
      expect(difference(actual[name]!.data, expected.data), name).toBeLessThanOrEqual(tolerance)
    }
    expect(engine.count(), "tensors left behind").toBe(before)
  })
})

describe("the comparisons", () => {
  test("cover every op that has a rule, and agree with the shapes of records", () => {
    expect(new Set(cases.map(({ op }) => op))).toEqual(new Set(Object.keys(lowering)))
    for (const { graph } of cases)
      for (const { op, attrs, inputs, shape, parts } of graph.nodes) {
        const record = recordOf(op)
        if (record === undefined) continue
        const operands: readonly Shape[] = inputs.map((id) => graph.nodes[id]!.shape)
        const result = record.shape(operands as never, attrs)
        expect(result).toEqual(parts ? { parts } : shape)
      }
  })
  test("a wrong value would be seen", () => {
    expect(difference([1, 2.001], [1, 2])).toBeGreaterThan(3e-4)
    expect(difference([1, Number.NaN], [1, 2])).toBeNaN()
  })
  test("the table has a row for every probe, and shows our own kernels", () => {
    const table = supportTable()
    expect(table).toContain("| gelu |  | `Multiply`, `Erf`, `Add` | `Multiply`, `Erf`, `Add` | **gelu** |")
    expect(table.split("\n").filter((line) => line.startsWith("| "))).toHaveLength(rows.length + 2)
  })
})
