/** The reference evaluation's own manners. Its values are compared with PyTorch's in torch.test.ts and with engines' in test/backends. */
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { Builder } from "../../src/compiler/ir/builder.ts"
import { evaluate } from "../../src/compiler/ir/evaluate/index.ts"
import { erf, sigmoid, softplus } from "../../src/compiler/ops/functions.ts"
import { gradientProgram } from "../../src/compiler/passes/program.ts"
import { learning, loss, model, sizes } from "../passes/models.ts"
import { valuesFor } from "./support.ts"

const valueOfOp = (build: (b: Builder) => number, values: Readonly<Record<string, readonly number[]>> = {}) => {
  const b = new Builder()
  return [...evaluate(b.build({ y: build(b) }), values)["y"]!.data]
}

describe("what it is fed", () => {
  const b = new Builder()
  const graph = b.build({ y: b.add(b.input("x", [2]), b.parameter("w", [2])) })
  b.exp(b.input("unused", [3]))
  test("must be there, and fit", () => {
    expect(() => evaluate(graph, { x: [1, 2] })).toThrow("internal: no value for 'w'")
    expect(() => evaluate(graph, { x: [1, 2], w: [1] })).toThrow("internal: 'w' has 1 elements, not 2")
  })
  test("only where outputs depend on it", () => {
    expect([...evaluate({ ...graph, nodes: b.nodes }, { x: [1, 2], w: [3, 4] })["y"]!.data]).toEqual([4, 6])
  })
  test("stays as it was, and gives the same again", () => {
    const { graph: whole } = gradientProgram(model, sizes, { learning, loss }).program
    const values = valuesFor(whole)
    const before = Object.fromEntries(Object.entries(values).map(([name, data]) => [name, data.slice()]))
    const first = evaluate(whole, values)
    expect(values).toEqual(before)
    expect(evaluate(whole, values)).toEqual(first)
  })
})

describe("an output", () => {
  test("that other nodes use is not lost, and may have several names", () => {
    const b = new Builder()
    const x = b.input("x", [2])
    const y = b.exp(x)
    const got = evaluate(b.build({ y, again: y, view: b.reshape(y, [1, 2]), z: b.neg(y), x }), { x: [0, 1] })
    expect([...got["y"]!.data]).toEqual([1, Math.E])
    expect(got["again"]!.data).toEqual(got["y"]!.data)
    expect(got["view"]).toEqual({ shape: [1, 2], data: got["y"]!.data })
    expect([...got["x"]!.data]).toEqual([0, 1])
  })
})

describe("edges", () => {
  test("an id that is no class has no class", () => {
    const ids = { x: [0, 2, 3, -1, 0.5] }
    const rows = valueOfOp((b) => b.oneHot(b.input("x", [5]), { classes: 3 }), ids)
    expect(rows).toEqual([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0])
  })
  test("not a number stays so", () => {
    const not = { x: [Number.NaN] }
    const ops = ["neg", "exp", "log", "sqrt", "tanh", "erf", "sigmoid", "softplus", "relu", "gelu", "softmax"] as const
    for (const op of ops) expect(valueOfOp((b) => b[op](b.input("x", [1])), not)).toEqual([Number.NaN])
    expect(
      valueOfOp((b) => b.reduceMax(b.input("x", [2]), { axes: [0], keepDims: false }), { x: [1, Number.NaN] }),
    ).toEqual([Number.NaN])
    expect(valueOfOp((b) => b.maximum(b.input("x", [1]), b.scalar(1)), not)).toEqual([Number.NaN])
  })
  test("softmax of large numbers, and of one that is minus infinity", () => {
    expect(valueOfOp((b) => b.softmax(b.input("x", [2])), { x: [1e300, 1e300] })).toEqual([0.5, 0.5])
    expect(valueOfOp((b) => b.softmax(b.input("x", [2])), { x: [Number.NEGATIVE_INFINITY, 3] })).toEqual([0, 1])
  })
  test("infinities are constants like others", () => {
    const masked = (b: Builder) =>
      b.softmax(b.add(b.input("x", [3]), b.constant([0, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY], [3])))
    expect(valueOfOp(masked, { x: [1, 2, 3] })).toEqual([1, 0, 0])
    const both = (b: Builder) =>
      b.maximum(b.constant([Number.NEGATIVE_INFINITY], [1]), b.neg(b.constant([Number.POSITIVE_INFINITY], [1])))
    expect(valueOfOp(both)).toEqual([Number.NEGATIVE_INFINITY])
  })
})

describe("functions", () => {
  test("erf, as near as rounding x² before e^(−x²) lets it be", () => {
    const known: readonly (readonly [number, number])[] = [
      [0, 0],
      [1e-10, 1.1283791670955126e-10],
      [0.5, 0.5204998778130465],
      [1, 0.8427007929497149],
      [2, 0.9953222650189527],
      [3.5, 0.9999992569016276],
    ]
    for (const [x, y] of known) {
      expect(Math.abs(erf(x) - y)).toBeLessThanOrEqual((x * x + 4) * 2 ** -53 * y)
      expect(erf(-x)).toBe(-erf(x))
    }
    expect([erf(Number.POSITIVE_INFINITY), erf(Number.NEGATIVE_INFINITY)]).toEqual([1, -1])
  })
  test("never overflow and keep to their identities", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, min: -1e308, max: 1e308 }), (x) => {
        expect(Number.isFinite(softplus(x)) && Number.isFinite(sigmoid(x)) && Number.isFinite(erf(x))).toBe(true)
        expect(sigmoid(x) + sigmoid(-x)).toBeCloseTo(1, 14)
        // softplus(x) − softplus(−x) = x
        expect(Math.abs(softplus(x) - softplus(-x) - x)).toBeLessThanOrEqual(1e-15 * (1 + Math.abs(x)))
      }),
    )
  })
})
