import { describe, expect, test } from "vitest"
import { flopsOfGraph } from "../../src/compiler/analysis/cost.ts"
import { Builder } from "../../src/compiler/ir/builder.ts"
import { evaluate } from "../../src/compiler/ir/evaluate/index.ts"
import type { Graph } from "../../src/compiler/ir/graph.ts"
import { problemsOf } from "../../src/compiler/ir/verify.ts"
import { decompose } from "../../src/compiler/passes/decompose.ts"
import { differentiate } from "../../src/compiler/passes/differentiate.ts"
import { gradientProgram } from "../../src/compiler/passes/program.ts"
import { simplify } from "../../src/compiler/passes/rebuild.ts"
import { recomputable, recompute, recomputeWithin } from "../../src/compiler/passes/recompute.ts"
import { schedule } from "../../src/compiler/passes/schedule.ts"
import { blocksOf } from "../../src/dsl/blocks.ts"
import { valuesFor } from "../ir/support.ts"
import { everything, loss, model, sizes } from "./models.ts"

const peakOf = (graph: Graph): number => schedule(decompose(graph)).peak

/** y ← gelu(layerNorm(y) w), `depth` times; loss Σ y². */
const deep = (depth: number): Graph => {
  const b = new Builder()
  const [gamma, beta, w] = [b.parameter("gamma", [8]), b.parameter("beta", [8]), b.parameter("w", [8, 8])]
  let y = b.input("x", [64, 8])
  for (let i = 0; i < depth; i += 1)
    y = b.from(`blocks.${i}`, () => b.gelu(b.matmul(b.layerNorm(y, gamma, beta, { eps: 1e-3 }), w)))
  const total = b.reduceSum(b.mul(y, y), { axes: [0, 1], keepDims: false })
  const { gradients } = differentiate(b, total, ["w", "gamma", "x"])
  return simplify(b.build({ loss: total, ...Object.fromEntries(gradients) }))
}
const paths = Array.from({ length: 8 }, (_, i) => `blocks.${i}`)
const expectSame = (graph: Graph, other: Graph): void => {
  const values = valuesFor(graph)
  const expected = evaluate(graph, values)
  const got = evaluate(other, values)
  expect(Object.keys(got)).toEqual(Object.keys(expected))
  for (const [name, { data }] of Object.entries(expected)) expect(got[name]!.data).toEqual(data)
}

describe("a deep chain", () => {
  const graph = deep(8)
  test("values are the same to the last bit, the peak is lower, and later passes keep it so", () => {
    const changed = recompute(graph, paths)
    expect(problemsOf({ graph: changed, state: {} })).toEqual([])
    expectSame(graph, changed)
    expectSame(decompose(graph), decompose(changed))
    expect(peakOf(changed)).toBeLessThan(0.7 * peakOf(graph))
    expect(simplify(changed)).toEqual(changed)
    expect(peakOf(simplify(changed))).toBe(peakOf(changed))
  })
  test("what is computed again costs at most another forward pass", () => {
    const [before, after] = [flopsOfGraph(graph), flopsOfGraph(recompute(graph, paths))]
    expect(after.forward).toBe(before.forward)
    expect(after.backward).toBeGreaterThan(before.backward)
    expect(after.backward - before.backward).toBeLessThanOrEqual(before.forward)
  })
  test("without a loss, or without modules, nothing changes", () => {
    expect(recompute(graph, [])).toBe(graph)
    const inference = { ...graph, outputs: graph.outputs.filter(({ name }) => name !== "loss") }
    expect(recompute(inference, paths)).toBe(inference)
  })
  test("as few blocks as the budget asks for", () => {
    const peaks = paths.map((_, i) => peakOf(recompute(graph, paths.slice(0, i))))
    for (const [count, peak] of peaks.entries()) {
      const result = recomputeWithin(graph, peak, paths, peakOf)
      expect(result.peak).toBeLessThanOrEqual(peak)
      expect(result.paths.length).toBeLessThanOrEqual(count)
    }
    expect(recomputeWithin(graph, Number.POSITIVE_INFINITY, paths, peakOf).paths).toEqual([])
    const impossible = recomputeWithin(graph, 1, paths, peakOf)
    expect(impossible.paths).toEqual(paths)
    expect(impossible.peak).toBeGreaterThan(1)
  })
})

describe("a SAM in which everything learns", () => {
  const { graph } = gradientProgram(model, sizes, { learning: everything, loss }).program
  const blocks = recomputable(
    graph,
    blocksOf(model.network, model.blocks).map(({ path }) => path),
  )
  test("its blocks are what is computed again", () => {
    expect(blocks).toEqual(["image_encoder.blocks.0", "image_encoder.blocks.1"])
    expect(recomputable(graph, [])).toContain("mask_decoder")
  })
  test("values are the same to the last bit, the peak is lower", () => {
    const changed = recompute(graph, blocks)
    expectSame(graph, changed)
    expect(peakOf(changed)).toBeLessThan(peakOf(graph))
  })
})
