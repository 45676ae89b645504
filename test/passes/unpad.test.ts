/** unpad: products on rows that exist, the same values and the same gradients. */
import { describe, expect, test } from "vitest"
import { flopsOfGraph } from "../../src/compiler/analysis/cost.ts"
import { Builder, type Value } from "../../src/compiler/ir/builder.ts"
import { evaluate } from "../../src/compiler/ir/evaluate/index.ts"
import { type Graph, sizeOf } from "../../src/compiler/ir/graph.ts"
import { differentiate } from "../../src/compiler/passes/differentiate.ts"
import type { Context } from "../../src/compiler/passes/elaborate/context.ts"
import { meanings, sliceAxis } from "../../src/compiler/passes/elaborate/functions.ts"
import { elaborate } from "../../src/compiler/passes/elaborate/index.ts"
import { unpad } from "../../src/compiler/passes/unpad.ts"
import { relativeError, valuesFor } from "../ir/support.ts"
import { everything, learning, model, sizes } from "./models.ts"

const [width, hidden] = [3, 5]
const linear = (b: Builder, x: Value, name: string, to: number, bias = true): Value => {
  const weight = b.parameter(`${name}.weight`, [to, b.shapeOf(x).at(-1)!])
  return b.linear(x, weight, bias ? b.parameter(`${name}.bias`, [to]) : undefined)
}
const windows = (b: Builder, x: Value, size: number) => meanings.windows({ b } as Context, [x], { size })
const unwindows = (b: Builder, x: Value, size: number, like: Value) =>
  meanings.unwindows({ b } as Context, [x, like], { size })
/** As Swin shifts windows: what leaves on one side comes in on the other. */
const roll = (b: Builder, x: Value, axis: number, by: number): Value => {
  const end = b.shapeOf(x)[axis]!
  return b.concat([sliceAxis(b, x, axis, by, end), sliceAxis(b, x, axis, 0, by)], axis)
}
/** Something between the products that sees which token is where. */
const mixed = (b: Builder, x: Value): Value => {
  const shape = b.shapeOf(x)
  const places = Array.from({ length: sizeOf(shape) }, (_, i) => Math.cos(i))
  return b.tanh(b.mul(x, b.constant(places, shape)))
}

/** [h, w] tokens, in windows of `size`, two products inside. */
const attended =
  (h: number, w: number, size: number, bias = true) =>
  (b: Builder): Value => {
    const x = b.tanh(b.input("x", [2, h, w, width]))
    const inside = linear(b, mixed(b, linear(b, windows(b, x, size), "qkv", hidden, bias)), "proj", width, bias)
    return unwindows(b, inside, size, x)
  }
/** The same, shifted, as in Swin: padded, rolled, cut, joined, rolled back, cropped. */
const shifted = (b: Builder): Value => {
  const x = b.input("x", [1, 5, 7, width])
  const padded = b.pad(x, [0, 0, 0, 0], [0, 1, 2, 0])
  const rolled = roll(b, roll(b, padded, 1, 2), 2, 1)
  const inside = linear(b, mixed(b, linear(b, windows(b, rolled, 3), "qkv", hidden)), "proj", width)
  const back = roll(b, roll(b, unwindows(b, inside, 3, rolled), 1, 4), 2, 8)
  return sliceAxis(b, sliceAxis(b, back, 1, 0, 5), 2, 0, 7)
}
const cases: Readonly<Record<string, readonly [rows: number, build: (b: Builder) => Value]>> = {
  "5 × 7 tokens in windows of 3": [2 * 35, attended(5, 7, 3)],
  "4 × 4 tokens in one window of 7": [2 * 16, attended(4, 4, 7)],
  "without biases": [2 * 35, attended(5, 7, 3, false)],
  "windows that fit": [2 * 36, attended(6, 6, 3)],
  "shifted windows": [35, shifted],
}

/** A weighted sum of everything, and all gradients. */
const taught = (graph: Graph): Graph => {
  const b = Builder.of(graph)
  const [{ value: y }] = graph.outputs as [{ value: Value }]
  const shape = b.shapeOf(y)
  const loss = b.reduceSum(b.mul(y, b.input("w", shape)), { axes: shape.map((_, i) => i), keepDims: false })
  const names = graph.nodes.flatMap(({ op, attrs }) =>
    op === "parameter" || op === "input" ? [(attrs as { name: string }).name] : [],
  )
  return b.build({ y, loss, ...Object.fromEntries(differentiate(b, loss, names).gradients) })
}
const rowsOfProducts = ({ nodes }: Graph): readonly number[] =>
  nodes.flatMap(({ op, shape }) => (op === "linear" ? [sizeOf(shape.slice(0, -1))] : []))
const same = (a: Graph, b: Graph): void => {
  const values = valuesFor(a, 3)
  const [before, after] = [evaluate(a, values), evaluate(b, values)]
  expect(Object.keys(after)).toEqual(Object.keys(before))
  for (const [name, { data }] of Object.entries(before))
    expect(relativeError(after[name]!.data, data), name).toBeLessThan(1e-13)
}

describe.each(Object.entries(cases))("%s", (_, [rows, build]) => {
  const b = new Builder()
  const graph = b.build({ y: build(b) })
  test("both products have the rows of the tokens, forward and backward", () => {
    expect(rowsOfProducts(unpad(graph))).toEqual([rows, rows])
    const backward = taught(unpad(graph)).nodes.filter(({ op }) => op === "matmul")
    for (const { inputs } of backward) expect(inputs.length).toBe(2)
    const most = backward.map(({ shape, attrs }) => ("transposeA" in attrs && attrs.transposeA ? 0 : sizeOf(shape)))
    expect(Math.max(...most)).toBeLessThanOrEqual(rows * hidden)
  })
  test("values and gradients stay", () => same(taught(graph), taught(unpad(graph))))
})

describe("what has to stay where it is", () => {
  const rows = (build: (b: Builder) => Readonly<Record<string, Value>>) => {
    const b = new Builder()
    const graph = b.build(build(b))
    same(graph, unpad(graph))
    return rowsOfProducts(unpad(graph))
  }
  const x = (b: Builder) => b.input("x", [4, 6, width])
  const cropped = (b: Builder, y: Value) => b.slice(y, [0, 0, 0], [3, 2, hidden])

  test("a product that something else sees whole", () => {
    expect(rows((b) => ({ y: cropped(b, linear(b, x(b), "l", hidden)), z: linear(b, x(b), "l", hidden) }))).toEqual([
      24,
    ])
    expect(
      rows((b) => {
        const y = linear(b, x(b), "l", hidden)
        return { y: cropped(b, y), z: b.tanh(y) }
      }),
    ).toEqual([24])
  })
  test("a crop after something that is no movement of rows", () => {
    expect(rows((b) => ({ y: cropped(b, mixed(b, linear(b, x(b), "l", hidden))) }))).toEqual([24])
  })
  test("a crop of features, and padding of them", () => {
    expect(rows((b) => ({ y: b.slice(linear(b, x(b), "l", hidden), [0, 0, 1], [4, 6, 3]) }))).toEqual([24])
    expect(rows((b) => ({ y: linear(b, b.pad(x(b), [0, 0, 1], [0, 0, 1]), "l", hidden) }))).toEqual([24])
  })
  test("what is padded after it was cropped has no more rows than the crop", () => {
    expect(
      rows((b) => ({
        y: linear(b, b.pad(b.slice(x(b), [1, 0, 0], [3, 6, width]), [1, 2, 0], [0, 1, 0]), "l", hidden),
      })),
    ).toEqual([12])
  })
})

test("a SAM: the same outputs, fewer products", () => {
  const { builder, outputs } = elaborate(model, sizes, { learning })
  const graph = builder.build(outputs)
  same(graph, unpad(graph))
  expect(flopsOfGraph(unpad(graph)).forward).toBeLessThan(flopsOfGraph(graph).forward)
  const loss = graph.outputs.find(({ name }) => name === "masks")!
  const first = (g: Graph): Graph => ({ ...g, outputs: [g.outputs.find(({ name }) => name === loss.name)!] })
  expect(everything.length).toBeGreaterThan(0)
  same(taught(first(graph)), taught(first(unpad(graph))))
})
