/** Adapters that are linear where they stand, put into the base: the same values from the base's tensors alone. */
import { describe, expect, test } from "vitest"
import { evaluate } from "../../src/compiler/ir/evaluate/index.ts"
import { inferenceProgram } from "../../src/compiler/passes/program.ts"
import {
  adapt,
  afterAttention,
  at,
  dropout,
  freezeAll,
  inMlpResidual,
  linear,
  lora,
  type Rank,
  relu,
  residual,
  sequential,
  uniform,
} from "../../src/dsl/index.ts"
import type { ModelData } from "../../src/dsl/model.ts"
import { networkOf } from "../../src/dsl/network.ts"
import type { Placement } from "../../src/dsl/placement.ts"
import { tensorsOf } from "../../src/dsl/tensors.ts"
import { initialValues } from "../../src/runtime/initial.ts"
import { merged } from "../../src/runtime/weights/merge.ts"
import { type Values, valuesFor } from "../ir/support.ts"
import { backbone, sizes } from "../passes/models.ts"

const d = 8
const low = (rank: Rank) => sequential(linear(d, rank), linear(rank, d))
const placements: Readonly<Record<string, (rank: Rank) => readonly Placement<any>[]>> = {
  "LoRA of q and v": (rank) => [lora({ rank, on: ["q", "v"], alpha: 7 })],
  "LoRA of every linear layer, some twice": (rank) => [
    lora({ rank, on: ["attn.qkv", "attn.proj", "mlp.lin1", "mlp.lin2"] }),
    lora({ rank, on: ["k"], alpha: 2 }),
    lora({ rank, on: ["mlp.lin2"] }),
  ],
  "a linear adapter after attention, windows put together again": (rank) => [afterAttention(residual(low(rank)))],
  "after, twice, and beside": (rank) => [
    at("attn.proj").after(residual(low(rank))),
    at("attn.proj").beside(sequential(linear(d, rank), dropout(0.5), linear(rank, d)), { scale: 0.5 }),
    at("attn.proj").after(linear(d, d)),
  ],
  before: (rank) => [at("mlp.lin1").before(residual(low(rank))), at("mlp").after(low(rank))],
}
const adaptedBy = (make: (rank: Rank) => readonly Placement<any>[]): ModelData =>
  adapt(uniform(2, 3), make)(freezeAll(backbone)).data

/** Every tensor of an adapter moved away from its start, where it would do nothing. */
const weightsOf = (model: ModelData) =>
  Object.fromEntries(
    tensorsOf(networkOf(model)).map((tensor, k) => {
      const start = initialValues(tensor, 1)
      const data = tensor.adaptation === undefined ? start : start.map((x, i) => x + 0.2 * Math.sin(i + k))
      return [tensor.name, { shape: tensor.shape, data }]
    }),
  )
const run = (model: ModelData, tensors: ReturnType<typeof weightsOf>) => {
  const { graph } = inferenceProgram(model, sizes)
  const values: Values = Object.fromEntries(
    Object.entries(tensors).map(([name, { data }]) => [name, Float64Array.from(data)]),
  )
  const inputs: Values = {
    image: Float64Array.from({ length: 3 * 24 * 24 }, (_, i) => 128 + 100 * Math.sin(i)),
    point_coords: Float64Array.of(9, 14),
    point_labels: Float64Array.of(1),
  }
  return evaluate(graph, { ...valuesFor(graph), ...values, ...inputs })
}

describe.each(Object.entries(placements))("%s", (_, make) => {
  const model = adaptedBy(make)
  const tensors = weightsOf(model)
  test("gives the same from the base's tensors alone", () => {
    const { adaptations: __, ...rest } = model
    const base = { ...rest, adaptations: [], rules: [] } as ModelData
    const made = merged(model, tensors) as ReturnType<typeof weightsOf>
    expect(Object.keys(made)).toEqual(tensorsOf(model.network).map(({ name }) => name))
    const [whole, alone] = [run(model, tensors), run(base, made)]
    const without = run(base, tensors)
    for (const [name, { data }] of Object.entries(whole)) {
      const worst = Math.max(...data.map((x, i) => Math.abs(x - alone[name]!.data[i]!)))
      const moved = Math.max(...data.map((x, i) => Math.abs(x - without[name]!.data[i]!)))
      const largest = Math.max(...data.map(Math.abs))
      expect(worst / largest).toBeLessThan(2e-6)
      expect(moved / largest).toBeGreaterThan(1e-3)
    }
  })
})

test.each([
  [
    "a nonlinearity",
    (rank: Rank) => [afterAttention(residual(sequential(linear(d, rank), relu, linear(rank, d))))],
    "its relu is not linear",
  ],
  ["a residual connection", (rank: Rank) => [inMlpResidual(low(rank))], "it acts on a connection"],
  ["two linear layers around a nonlinearity", (rank: Rank) => [at("mlp").beside(low(rank))], "it does not read what"],
  ["windows between", (rank: Rank) => [at("attn").before(low(rank))], "it acts on a connection"],
] as const)("%s is refused", (_, make, why) => {
  const model = adaptedBy(make as (rank: Rank) => readonly Placement<any>[])
  expect(() => merged(model, weightsOf(model))).toThrow(why)
})
