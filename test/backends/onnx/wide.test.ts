/** Weights that are kept a cache line wider: which, and that values are those of the reference. */
import { describe, expect, test } from "vitest"
import { cpu } from "../../../src/backends/onnx/engine.ts"
import { narrowed, widen, widened } from "../../../src/backends/onnx/wide.ts"
import { Builder, type Value } from "../../../src/compiler/ir/builder.ts"
import { evaluate } from "../../../src/compiler/ir/evaluate/index.ts"
import type { Program, Tensors } from "../../../src/compiler/ir/graph.ts"
import { differentiate } from "../../../src/compiler/passes/differentiate.ts"
import { noise, tensor } from "../tfjs/programs.ts"
import { difference } from "./session.ts"

const [rows, width, hidden] = [3, 4, 2048]
const shapes = { "lin1.weight": [hidden, width], "lin1.bias": [hidden], "lin2.weight": [width, hidden] } as const
const weights: Tensors = Object.fromEntries(
  Object.entries(shapes).map(([name, shape], i) => {
    const { data } = noise(i + 1, shape)
    return [name, { shape, data: name === "lin2.weight" ? data.map((x) => x / 40) : data }]
  }),
)
const fed = { x: noise(9, [rows, width]), up: noise(10, [rows, width]) }
const plain = (tensors: Tensors) => Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data]))

type Mlp = { readonly b: Builder; readonly h: Value; readonly act: Value; readonly y: Value }
/** lin2(gelu(lin1(x))), and what `more` makes of it. */
const mlp = (more: (mlp: Mlp) => Readonly<Record<string, Value>>, state: Program["state"] = {}): Program => {
  const b = new Builder()
  const w = (name: keyof typeof shapes) => b.parameter(name, shapes[name])
  const h = b.linear(b.input("x", [rows, width]), w("lin1.weight"), w("lin1.bias"))
  const act = b.gelu(h)
  const y = b.linear(act, w("lin2.weight"))
  return { graph: b.build({ y, ...more({ b, h, act, y }) }), state }
}
const second = (b: Builder, x: Value) => b.linear(x, b.parameter("lin2.weight", shapes["lin2.weight"]))
const gradients = ({ b, y }: Mlp, of: readonly string[]): ReadonlyMap<string, Value> => {
  const up = b.input("up", [rows, width])
  const loss = b.reduceSum(b.mul(y, up), { axes: [0, 1], keepDims: false })
  return differentiate(b, loss, of).gradients
}
const namesOf = (program: Program) => [...widen(program).shapes.keys()]
const all = Object.keys(shapes)

describe("which weights are kept wider", () => {
  test("those around an axis that only products and ops on each number meet, forward and backward", () => {
    expect(namesOf(mlp(() => ({})))).toEqual(all)
    expect(Object.fromEntries(widen(mlp((m) => ({ dx: gradients(m, ["x"]).get("x")! }))).shapes)).toEqual({
      "lin1.weight": [hidden + 16, width],
      "lin1.bias": [hidden + 16],
      "lin2.weight": [width, hidden + 16],
    })
  })
  test.each<readonly [string, (mlp: Mlp) => Readonly<Record<string, Value>>]>([
    ["an output of it", ({ act }) => ({ act })],
    ["a sum over it", ({ b, act }) => ({ sum: b.reduceSum(act, { axes: [1], keepDims: false }) })],
    ["a softmax", ({ b, h }) => ({ p: b.reduceSum(b.softmax(h), { axes: [0], keepDims: false }) })],
    ["what moves it", ({ b, act }) => ({ part: b.slice(act, [0, 0], [rows, 8]) })],
    ["a constant beside it", ({ b, h }) => ({ z: second(b, b.add(h, b.constant([1], [hidden]))) })],
    ["an op that makes no number of zero", ({ b, h }) => ({ z: second(b, b.log(h)) })],
    ["the gradient of one of its weights", (m) => ({ dw: gradients(m, ["lin2.weight"]).get("lin2.weight")! })],
  ])("not with %s", (_, more) => {
    expect(namesOf(mlp(more))).toEqual([])
  })
  test("not where a weight of it learns, or stays narrow for another program", () => {
    expect(namesOf(mlp(({ b }) => ({ next: b.parameter("lin1.bias", [hidden]) }), { "lin1.bias": "next" }))).toEqual([])
    expect([
      ...widen(
        mlp(() => ({})),
        (name) => name === "lin2.weight",
      ).shapes,
    ]).toEqual([])
  })
  test("rows of other lengths stay", () => {
    const b = new Builder()
    const x = b.linear(b.input("x", [rows, 8]), b.parameter("a", [1536, 8]))
    expect(namesOf({ graph: b.build({ y: b.linear(x, b.parameter("b", [8, 1536])) }), state: {} })).toEqual([])
  })
  test("what is widened comes back as it was", () => {
    for (const [name, { shape }] of Object.entries(weights)) {
      const wide = widened(weights[name]!, widen(mlp(() => ({}))).shapes.get(name)!)
      expect(wide.data.reduce((sum, x) => sum + Math.abs(x), 0)).toBeCloseTo(
        weights[name]!.data.reduce((sum, x) => sum + Math.abs(x), 0),
        6,
      )
      expect(narrowed(wide, shape)).toEqual(weights[name])
    }
  })
})

describe("values", () => {
  const forward = mlp(() => ({}))
  const backward = mlp((m) => ({ dx: gradients(m, ["x"]).get("x")! }))
  test.each([
    ["native", forward],
    ["native", backward],
    ["wasm", backward],
  ] as const)("are the reference's, %s", async (engine, program) => {
    const run = await cpu({ threads: 2, engine }).compile(program)
    await run.load(weights)
    const given = program === forward ? { x: fed.x } : fed
    const actual = await run.run(given)
    const back = await run.read(all)
    await run.dispose()
    const expected = evaluate(program.graph, plain({ ...weights, ...given }))
    for (const [name, { data }] of Object.entries(expected))
      expect(difference(actual[name]!.data, data), name).toBeLessThan(1e-5)
    // Who asks for a weight gets what was given.
    expect(back).toEqual(weights)
  })

  test("programs beside one another have one layout: the first one's", async () => {
    const first = await cpu({ threads: 1 }).compile(backward)
    await first.load(weights)
    const beside = await cpu({ threads: 1 }).compile(forward, first)
    expect(beside.missing!()).toEqual([])
    const learning = mlp(
      (m) => ({ next: m.b.sub(m.b.parameter("lin1.bias", [hidden]), gradients(m, ["lin1.bias"]).get("lin1.bias")!) }),
      { "lin1.bias": "next" },
    )
    // The bias that it writes is narrow: it cannot have the others' and says what it lacks.
    const apart = await cpu({ threads: 1 }).compile(learning, first)
    expect(apart.missing!()).toEqual(all)
    await apart.load(weights)
    // Beside one whose weights are narrow, a program that could have them wide has them narrow.
    const after = await cpu({ threads: 1 }).compile(forward, apart)
    expect(after.missing!()).toEqual([])
    const y = evaluate(forward.graph, plain({ ...weights, x: fed.x }))["y"]!.data
    for (const run of [beside, after])
      expect(difference((await run.run({ x: fed.x }))["y"]!.data, y)).toBeLessThan(1e-5)
    const bias = evaluate(learning.graph, plain({ ...weights, ...fed }))["next"]!.data
    await apart.run(fed)
    expect(difference((await apart.read(["lin1.bias"]))["lin1.bias"]!.data, bias)).toBeLessThan(1e-5)
    for (const run of [first, beside, apart, after]) await run.dispose()
  })

  test("in 8 bits as well", async () => {
    const frozen = { as: "int8", names: new Set(["lin1.weight", "lin2.weight"]) } as const
    const run = await cpu({ threads: 1, frozen }).compile(forward)
    const given = Object.fromEntries(
      Object.entries(weights).map(([name, { shape, data }]) => [name, tensor(shape, [...data])]),
    )
    await run.load(given, { give: true })
    expect(Object.values(given).map(({ data }) => data.length)).toEqual([0, 0, 0])
    const { y } = await run.run({ x: fed.x })
    await run.dispose()
    const expected = evaluate(forward.graph, plain({ ...weights, x: fed.x }))["y"]!.data
    const off = difference(y!.data, expected)
    expect(off).toBeGreaterThan(1e-4)
    expect(off).toBeLessThan(5e-2)
  })
})
