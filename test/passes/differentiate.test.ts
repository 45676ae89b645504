/** What a gradient is computed for, and what is left alone. That values are right, gradients.test.ts and random.test.ts say. */
import { describe, expect, test } from "vitest"
import { Builder, type Value } from "../../src/compiler/ir/builder.ts"
import { evaluate } from "../../src/compiler/ir/evaluate/index.ts"
import type { Node } from "../../src/compiler/ir/graph.ts"
import { differentiate } from "../../src/compiler/passes/differentiate.ts"
import { gradientProgram } from "../../src/compiler/passes/program.ts"
import { learning, loss, model, sizes } from "./models.ts"

const total = (b: Builder, x: Value): Value => b.reduceSum(x, { axes: b.shapeOf(x).map((_, i) => i), keepDims: false })

/** gelu(x wᵀ + c) in layers 0, 1, 2 …; the loss is their sum. */
const layers = (depth: number) => {
  const b = new Builder()
  let x = b.input("x", [5, 4])
  for (let i = 0; i < depth; i += 1)
    x = b.from(`layers.${i}`, () =>
      b.gelu(b.linear(x, b.parameter(`${i}.weight`, [4, 4]), b.parameter(`${i}.bias`, [4]))),
    )
  const end = total(b, x)
  return { b, loss: end, added: (): readonly Node[] => b.nodes.slice(end + 1) }
}
const ops = (nodes: readonly Node[]): readonly string[] => nodes.map(({ op }) => op)

describe("only what learns", () => {
  test("a weight gives one product, its bias one sum; frozen layers above give one product each", () => {
    const { b, loss, added } = layers(3)
    const { gradients, unreached } = differentiate(b, loss, ["0.weight", "0.bias"])
    expect([...gradients.keys()].sort()).toEqual(["0.bias", "0.weight"])
    expect(unreached).toEqual([])
    // Down through layers 2 and 1, and the weight of layer 0; nothing goes to x.
    expect(ops(added()).filter((op) => op === "matmul")).toHaveLength(3)
    expect(ops(added()).filter((op) => op === "geluGrad")).toHaveLength(3)
    expect(ops(added()).filter((op) => op === "reduceSum")).toHaveLength(1)
  })
  test("nothing below the first that learns", () => {
    const { b, loss, added } = layers(6)
    differentiate(b, loss, ["4.weight"])
    expect(new Set(added().map(({ from }) => from))).toEqual(new Set([undefined, "layers.4", "layers.5"]))
    expect(added().filter(({ op, from }) => op === "matmul" && from === "layers.4")).toHaveLength(1)
  })
  test("of a bias alone no product at all", () => {
    const { b, loss, added } = layers(1)
    differentiate(b, loss, ["0.bias"])
    expect(ops(added())).not.toContain("matmul")
  })
  test("of nothing, nothing", () => {
    const { b, loss, added } = layers(3)
    expect(differentiate(b, loss, []).gradients.size).toBe(0)
    expect(added()).toEqual([])
  })
  test("inputs too, if they are asked for", () => {
    const { b, loss } = layers(2)
    const { gradients } = differentiate(b, loss, ["x"])
    expect(b.shapeOf(gradients.get("x")!)).toEqual([5, 4])
  })
})

describe("what the loss does not reach", () => {
  test("is named: unused, unknown, after the loss, or behind a step", () => {
    const b = new Builder()
    const [x, unused, behind] = [b.parameter("x", [3]), b.parameter("unused", [3]), b.parameter("behind", [3])]
    const end = total(b, b.mul(x, b.step(behind)))
    b.mul(unused, end)
    const { gradients, unreached } = differentiate(b, end, ["x", "unused", "behind", "unknown"])
    expect([...gradients.keys()]).toEqual(["x"])
    expect(unreached).toEqual(["unused", "behind", "unknown"])
  })
})

describe("values", () => {
  const at = (b: Builder, value: Value, x: readonly number[]) => [
    ...evaluate(b.build({ value }), { x: Float64Array.from(x) })["value"]!.data,
  ]
  test("gradients of all uses add up: x·x + 3x + x", () => {
    const b = new Builder()
    const x = b.parameter("x", [2])
    const loss = total(b, b.add(b.add(b.mul(x, x), b.scale(x, 3)), x))
    const { gradients } = differentiate(b, loss, ["x"])
    expect(at(b, gradients.get("x")!, [5, -1])).toEqual([14, 2])
  })
  test("of the loss itself, 1", () => {
    const b = new Builder()
    const x = b.parameter("x", [])
    expect(at(b, differentiate(b, x, ["x"]).gradients.get("x")!, [7])).toEqual([1])
  })
})

test("gradients belong to the module whose value they are for, sums of them too", () => {
  const b = new Builder()
  const x = b.parameter("x", [3])
  const shared = b.from("shared", () => b.sin(x))
  const [left, right] = [b.from("left", () => b.exp(shared)), b.from("right", () => b.tanh(shared))]
  const end = total(b, b.add(left, right))
  differentiate(b, end, ["x"])
  const sums = b.nodes.slice(end + 1).filter(({ op }) => op === "add")
  expect(sums.map(({ from }) => from)).toEqual(["shared"])
})

describe("a SAM whose adapters learn", () => {
  const { program, unreached } = gradientProgram(model, sizes, { learning, loss })
  const { nodes, outputs } = program.graph
  const end = outputs.find(({ name }) => name === "loss")!.value
  const backward = nodes.slice(end + 1)
  test("gives each a gradient of its shape", () => {
    expect(unreached).toEqual([])
    const shapes = new Map(nodes.flatMap((node) => (node.op === "parameter" ? [[node.attrs.name, node.shape]] : [])))
    for (const name of learning) {
      const { value } = outputs.find((output) => output.name === `grad/${name}`)!
      expect(nodes[value]!.shape).toEqual(shapes.get(name))
    }
  })
  test("has no backward work below the first adapter, which stands after block 0's attention", () => {
    const modules = new Set(backward.map(({ from }) => from ?? ""))
    expect([...modules].filter((from) => from.includes("patch_embed"))).toEqual([])
    expect([...modules].filter((from) => /blocks\.0\.(attn|norm1)/.test(from))).toEqual([])
    expect([...modules].some((from) => /blocks\.1\.attn/.test(from))).toBe(true)
  })
  test("has no weight gradient of a frozen convolution, and none of a frozen norm is used", () => {
    expect(backward.filter(({ op }) => op === "conv2dWeightGrad")).toEqual([])
    expect(
      backward.filter(
        (node) => node.op === "part" && nodes[node.inputs[0]!]!.op === "layerNormGrad" && node.attrs.index > 0,
      ),
    ).toEqual([])
  })
})
