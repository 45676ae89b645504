/**
 * Attention for cuDNN's fused kernel. No GPU is needed: what is asked of the kernel, wider columns and scale 1, is the same function as what
 * the op means, forward and backward, by the reference and by a plugin, written out; and the kernel's calls compile for a described H100.
 */
import { describe, expect, test } from "vitest"
import { describedFor } from "../../../src/backends/xla/described.ts"
import { xla } from "../../../src/backends/xla/engine.ts"
import { isFused, widened } from "../../../src/backends/xla/fused.ts"
import { emit } from "../../../src/backends/xla/stablehlo/index.ts"
import { Builder, type Value } from "../../../src/compiler/ir/builder.ts"
import { evaluate } from "../../../src/compiler/ir/evaluate/index.ts"
import type { Graph, Program } from "../../../src/compiler/ir/graph.ts"
import { difference } from "../onnx/session.ts"
import { noise } from "../tfjs/programs.ts"
import { absent, described, quick } from "./plugin.ts"

/** Both kinds of attention on a grid, with all gradients. Inputs by name, with their shapes. */
const attending = (height: number, width: number, heads: number, d: number) => {
  const shape = [1, heads, height * width, d]
  const shapes: Readonly<Record<string, readonly number[]>> = {
    ...{ q: shape, k: shape, v: shape, g: shape },
    ...{ tableH: [2 * height - 1, d], tableW: [2 * width - 1, d] },
  }
  const b = new Builder()
  const of = Object.fromEntries(Object.entries(shapes).map(([name, of]) => [name, b.input(name, of)])) as Record<
    string,
    Value
  >
  const [q, k, v, g, tableH, tableW] = ["q", "k", "v", "g", "tableH", "tableW"].map((name) => of[name]!) as [
    Value,
    Value,
    Value,
    Value,
    Value,
    Value,
  ]
  const grid = { scale: 0.3, height, width }
  const out = b.relPosAttention(q, k, v, tableH, tableW, grid)
  const grads = b.relPosAttentionGrad(q, k, v, tableH, tableW, out, g, grid)
  const plain = b.attention(q, k, v, { scale: 0.3 })
  const plainGrads = b.attentionGrad(q, k, v, plain, g, { scale: 0.3 })
  const results = {
    ...{ out, plain },
    ...Object.fromEntries(["dq", "dk", "dv", "dH", "dW"].map((name, i) => [name, b.part(grads, i)])),
    ...Object.fromEntries(["plainDq", "plainDk", "plainDv"].map((name, i) => [name, b.part(plainGrads, i)])),
  }
  const inputs = Object.fromEntries(Object.entries(shapes).map(([name, of], i) => [name, noise(70 + i, of)]))
  return { graph: b.build(results), inputs }
}
const kernels = ({ nodes }: Graph, from: number): number =>
  nodes.filter((node) =>
    isFused(
      node,
      node.inputs.map((input) => nodes[input]!),
      from,
    ),
  ).length

const small = attending(4, 3, 2, 6)
const wide = widened(small.graph, 12)
const plain = Object.fromEntries(Object.entries(small.inputs).map(([name, { data }]) => [name, data]))
const right = evaluate(small.graph, plain)

test("what the kernel is asked for is what attention means, with its gradients", () => {
  expect(kernels(wide, 12)).toBe(4)
  for (const [name, { data, shape }] of Object.entries(evaluate(wide, plain))) {
    expect(shape).toEqual(right[name]!.shape)
    expect(difference(data, right[name]!.data), name).toBeLessThan(1e-12)
  }
})
test("few tokens, and more columns than the kernel takes, stay as they are", () => {
  expect(kernels(widened(small.graph, 13), 12)).toBe(0)
  const big = attending(100, 100, 1, 64)
  expect(kernels(widened(big.graph), 1024)).toBe(2)
})
test("it is for 16 bits, on CUDA", async () => {
  const program: Program = { graph: small.graph, state: {} }
  await expect(xla({ fused: true, precision: "bf16" }).compile(program)).rejects.toThrow(
    "HS5002: fused attention is cuDNN's",
  )
  await expect(describedFor(program, { fused: true })).rejects.toThrow("HS5002: fused attention is cuDNN's")
})

test.skipIf(absent !== undefined)("written out by a plugin, it is the same", async () => {
  const run = await xla({ cache: false, env: quick }).compile({ graph: wide, state: {} })
  const found = await run.run(small.inputs).finally(() => run.dispose())
  for (const [name, { data }] of Object.entries(right))
    expect(difference(found[name]!.data, data), name).toBeLessThan(1e-5)
})

describe.skipIf(described === undefined)("for a described H100", () => {
  test("the kernel's calls compile, and the scores are not in memory", async () => {
    const { graph } = attending(64, 64, 2, 64)
    const program: Program = { graph, state: {} }
    const { text } = emit(program, { precision: "bf16", fused: true })
    expect(text.match(/__cudnn\$fmhaSoftmax"/g)).toHaveLength(4)
    expect(text.match(/__cudnn\$fmhaSoftmaxBackward"/g)).toHaveLength(2)
    const needed = async (fused: boolean) =>
      (await describedFor(program, { precision: "bf16", fused, env: described! })).memory.temporary
    const [whole, ours] = [await needed(false), await needed(true)]
    // Scores of 2 heads, in 32 bits.
    expect(whole).toBeGreaterThan(2 * 4096 ** 2 * 4)
    expect(ours).toBeLessThan(2 * 4096 ** 2 * 4)
  })
})
