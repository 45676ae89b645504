import { describe, expect, test } from "vitest"
import { costOf, flopsByModule, flopsOfGraph } from "../../src/compiler/analysis/cost.ts"
import { standardSizes } from "../../src/compiler/passes/elaborate/index.ts"
import { gradientProgram, inferenceProgram } from "../../src/compiler/passes/program.ts"
import { samVitB } from "../../src/dsl/index.ts"
import { everything, learning, loss, model, sizes } from "../passes/models.ts"

describe("SAM ViT-B at 1024 × 1024, by hand", () => {
  const { graph } = inferenceProgram(samVitB.data, standardSizes(samVitB.data))
  const modules = flopsByModule(graph, 3)
  const d = 768
  const tokens = 64 * 64
  /** One multiply-add is 2. */
  const products = (rows: number, inner: number, columns: number) => 2 * rows * inner * columns

  test("a global block: fused qkv, 12 heads of 64 with relative positions, projection, MLP, norms and skips", () => {
    const dense = products(tokens, d, 3 * d) + products(tokens, d, d) + 2 * products(tokens, d, 4 * d)
    const biases = tokens * (3 * d + d + 4 * d + d)
    const scores = products(tokens, 64, tokens)
    const softmax = (5 + 2) * tokens * tokens // and two additions of positions
    const positions = products(tokens, 64, 64 + 64)
    const attention = 12 * (2 * scores + softmax + positions + tokens * 64)
    const norms = 2 * (7 * tokens * d + 4 * tokens)
    const gelu = 5 * tokens * 4 * d
    const skips = 2 * tokens * d
    expect(modules.get("image_encoder.blocks.2")!.forward).toBe(dense + biases + attention + norms + gelu + skips)
  })
  test("a window block attends 25 windows of 14 × 14, with products on the tokens that exist", () => {
    const padded = 25 * 14 * 14
    const dense = products(tokens, d, 3 * d) + products(tokens, d, d) + 2 * products(tokens, d, 4 * d)
    const biases = tokens * (3 * d + d + 4 * d + d)
    const attention = 12 * (2 * products(padded, 64, 196) + 7 * padded * 196 + products(padded, 64, 28) + padded * 64)
    const rest = 2 * (7 * tokens * d + 4 * tokens) + 5 * tokens * 4 * d + 2 * tokens * d
    expect(modules.get("image_encoder.blocks.0")!.forward).toBe(dense + biases + attention + rest)
  })
  test("nothing is backward", () => {
    expect(flopsOfGraph(graph).backward).toBe(0)
    expect([...modules.values()].reduce((sum, { forward }) => sum + forward, 0)).toBe(flopsOfGraph(graph).forward)
  })
})

describe("forward and backward apart", () => {
  const of = (names: readonly string[]) =>
    flopsOfGraph(gradientProgram(model, sizes, { learning: names, loss }).program.graph)

  test("forward does not depend on what learns", () => {
    expect(of(learning).forward).toBe(of(everything).forward)
  })
  test("a frozen backbone costs less backward", () => {
    expect(of(learning).backward).toBeGreaterThan(0)
    expect(of(learning).backward).toBeLessThan(of(everything).backward)
  })
  test("below the first learning tensor there is no backward", () => {
    const last = learning.filter((name) => name.startsWith("image_encoder.blocks.1."))
    const { program } = gradientProgram(model, sizes, { learning: last, loss })
    const modules = flopsByModule(program.graph, 3)
    expect(modules.get("image_encoder.blocks.0")!.backward).toBe(0)
    expect(modules.get("image_encoder.blocks.1")!.backward).toBeGreaterThan(0)
  })
})

test("a model's cost says both, and nothing backward where nothing learns", () => {
  const cost = costOf(model, { learning, loss })
  expect(cost.training!.forward).toBeGreaterThan(cost.inference * 0.8)
  expect(costOf(model).training).toBeUndefined()
})
