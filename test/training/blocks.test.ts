/** What blocks give, for histograms: the value after the block's last residual connection, adapters included. */

import { expect, test } from "vitest"
import { cpu } from "../../src/backends/onnx/engine.ts"
import { tensorTable } from "../../src/compiler/analysis/parameters.ts"
import type { Tensors } from "../../src/compiler/ir/graph.ts"
import { centre } from "../../src/dsl/training.ts"
import type { Sample } from "../../src/runtime/data/reader.ts"
import { blockValues } from "../../src/runtime/evaluation/blocks.ts"
import { adapted, odd, randomInputs, randomWeights, sizesFor } from "../run/models.ts"

const image = { shape: [3, 40, 29], data: randomInputs(sizesFor(40, "point"))["image"]!.data }
const samples = async function* () {
  yield { image, point: { x: 3, y: 4 } } as never as Sample
}
const [tokens, width] = [25, 24]

/** By how much each block's values change when a bias changes. */
const changes = async (model: typeof odd.data, name: string) => {
  const weights = randomWeights(tensorTable(model))
  const moved = { ...weights[name]!, data: weights[name]!.data.map((x, i) => (i === 5 ? x + 0.5 : x)) }
  const run = (given: Tensors) => blockValues(cpu(), model, given, [1, 2, 3], samples(), centre, 1)
  const [before, after] = [await run(weights), await run({ ...weights, [name]: moved })]
  return Object.fromEntries(
    Object.entries(before).map(([block, { shape, data }]) => {
      expect(shape).toEqual([tokens * width])
      return [block, data.map((x, i) => after[block]!.data[i]! - x)]
    }),
  )
}
const onlyChannel = (moved: Float32Array, by: number) =>
  moved.forEach((x, i) => expect(x).toBeCloseTo(i % width === 5 ? by : 0, 4))

test("it is what the MLP's residual connection gives", async () => {
  const moved = await changes(odd.data, "image_encoder.blocks.1.mlp.lin2.bias")
  onlyChannel(moved["block 1"]!, 0)
  onlyChannel(moved["block 2"]!, 0.5)
  expect(Math.max(...moved["block 3"]!.filter((_, i) => i % width !== 5).map(Math.abs))).toBeGreaterThan(0.01)
})
test("an adapter behind the MLP is part of it", async () => {
  const { data } = adapted.inMlpResidual
  const bias = tensorTable(data).find(
    ({ name, adaptation, shape }) =>
      adaptation !== undefined && name.includes("blocks.0.") && shape[0] === width && shape.length === 1,
  )!
  const moved = await changes(data, bias.name)
  onlyChannel(moved["block 1"]!, 0.5)
})
