/** What every record promises, tried on its own examples: gradients by finite differences, decompositions, costs, and the builder's types. */
import { describe, expect, test } from "vitest"
import { Builder } from "../../src/compiler/ir/builder.ts"
import { evaluate } from "../../src/compiler/ir/evaluate/index.ts"
import { flopsOf } from "../../src/compiler/ir/flops.ts"
import { sizeOf } from "../../src/compiler/ir/graph.ts"
import { problemsOf } from "../../src/compiler/ir/verify.ts"
import { isComposite, recordOf } from "../../src/compiler/ops/index.ts"
import { decompose } from "../../src/compiler/passes/decompose.ts"
import { byDifferences, relativeError } from "../ir/support.ts"
import { type Instance, instances, isOwn, reference, tried, ways } from "./instances.ts"

/** Differences take a run for each element of each operand. */
const small = instances.filter((of) => isOwn(of) && of.inputs.every((shape) => sizeOf(shape) <= 150))
const differentiable = small.filter(({ op }) => typeof recordOf(op)!.gradient === "function")
const named = (list: readonly Instance[]) => list.map((of) => [of.when, of] as const)

describe("gradients by finite differences", () => {
  test.each(named(differentiable))("%s", (_, of) => {
    const { graph, inputs } = tried(of, ways[0]!, false)
    const values = Object.fromEntries(
      Object.entries(inputs).map(([name, { data }]) => [name, Float64Array.from(data)] as const),
    )
    const exact = evaluate(graph, values)
    const weights = values["w"]!
    const loss = (at: typeof values): number =>
      evaluate(graph, at)["y0"]!.data.reduce((sum, y, i) => sum + weights[i]! * y, 0)
    // What is nought by nature differs by rounding: gradients are as large as their largest.
    const largest = Math.max(...of.inputs.flatMap((_, i) => [...exact[`dx${i}`]!.data].map(Math.abs)), 1e-3)
    of.inputs.forEach((_, i) => {
      const got = exact[`dx${i}`]!.data
      const expected = byDifferences(loss, values, `x${i}`)
      const off = got.map((x, at) => Math.abs(x - expected[at]!)).reduce((a, b) => (b <= a ? a : b), 0)
      expect(off / largest, `operand ${i}`).toBeLessThan(1e-7)
    })
  })
})

describe("a decomposition has the composite's values", () => {
  test.each(named(small.filter(({ op }) => isComposite(op))))("%s", (_, of) => {
    for (const scores of [1000, 5]) {
      const whole = tried(of, ways[0]!, false)
      const simple = { ...whole, graph: decompose(whole.graph, { scores }) }
      expect(simple.graph.nodes.filter(({ op }) => isComposite(op))).toEqual([])
      expect(problemsOf({ graph: simple.graph, state: {} })).toEqual([])
      const [got, expected] = [reference(simple), reference(whole)]
      for (const [name, { shape, data }] of Object.entries(expected)) {
        expect(got[name]!.shape).toEqual(shape)
        expect(relativeError(got[name]!.data, data), name).toBeLessThan(1e-10)
      }
    }
  })
})

test("what every record says holds for each of its programs", () => {
  for (const of of instances) {
    const { graph } = tried(of, ways[2]!)
    expect(problemsOf({ graph, state: {} }), of.when).toEqual([])
    for (const node of graph.nodes) {
      const flops = flopsOf(graph.nodes, node)
      expect(Number.isSafeInteger(flops) && flops >= 0, `${node.op}: ${flops} FLOPs`).toBe(true)
    }
  }
})

/** A shape that one operand may be given by mistake. */
const mistaken = (shape: readonly number[]): readonly (readonly number[])[] => [
  [],
  [...shape, 2],
  shape.slice(1),
  ...shape.map((extent, i) => shape.with(i, extent + 1)),
  ...shape.map((_, i) => shape.with(i, 1)),
]
test("what does not fit is refused in a sentence, never with a fault of our own", () => {
  const faults = new Set<string>()
  for (const { op, attrs, inputs } of instances)
    inputs.forEach((shape, i) => {
      for (const wrong of mistaken(shape)) {
        const given = inputs.with(i, wrong)
        const said = (what: string) => faults.add(`${op} of ${JSON.stringify(given)}: ${what}`)
        try {
          const result = recordOf(op)!.shape(given as never, attrs)
          const extents = ("parts" in result ? result.parts : [result]).flat()
          if (!extents.every((extent) => Number.isInteger(extent) && extent > 0)) said(`[${extents}]`)
        } catch (problem) {
          const { name, message } = problem as Error
          if (name !== "Error" || !/\w+ \w+/.test(message) || /internal|undefined|NaN|Cannot/.test(message))
            said(message)
        }
      }
    })
  expect([...faults]).toEqual([])
})

test("the builder's methods take operands, then what the record says", () => {
  const b = new Builder()
  const x = b.input("x", [2, 3])
  expect(b.scale(x, 1)).toBe(x)
  expect(b.node(b.roll(x, 1, -4))).toMatchObject({ op: "roll", attrs: { axis: 1, shift: -4 }, shape: [2, 3] })
  expect(b.roll(x, 1, 3)).toBe(x)
  expect(b.node(b.take(x, 0, [1])).op).toBe("gather")
  expect(b.node(b.linear(x, b.input("w", [4, 3]))).inputs).toHaveLength(2)
  // @ts-expect-error gelu takes one operand
  expect(() => b.gelu(x, x)).toThrow()
  // @ts-expect-error scale says by how much
  expect(() => b.scale()).toThrow()
  // @ts-expect-error there is no such interpolation
  expect(() =>
    b.resize(b.input("i", [1, 1, 2, 2]), { height: 3, width: 3, mode: "area", alignCorners: false }),
  ).toThrow("there is no resizing 'area'")
})
