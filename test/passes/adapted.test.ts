import { expect, test } from "vitest"
import { evaluate } from "../../src/compiler/ir/evaluate/index.ts"
import { inferenceProgram } from "../../src/compiler/passes/program.ts"
import {
  adapt,
  afterAttention,
  besideMlp,
  besideMlpResidual,
  freezeAll,
  gelu,
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
import { type Values, valuesFor } from "../ir/support.ts"
import { backbone, sizes } from "./models.ts"

const d = 8
const bottleneck = (rank: Rank) => sequential(linear(d, rank), relu, linear(rank, d))
const inSeries = (rank: Rank) => residual(bottleneck(rank))
const placements: Readonly<Record<string, (rank: Rank) => readonly Placement<any>[]>> = {
  "after attention": (rank) => [afterAttention(inSeries(rank))],
  "in the MLP's residual": (rank) => [inMlpResidual(inSeries(rank))],
  "after attention and in the MLP's residual": (rank) => [
    afterAttention(inSeries(rank)),
    inMlpResidual(inSeries(rank)),
  ],
  "beside the MLP": (rank) => [besideMlp(bottleneck(rank), { scale: 0.5 })],
  "beside the MLP, on the residual": (rank) => [besideMlpResidual(bottleneck(rank), { scale: 0.1 })],
  "LoRA of q and v": (rank) => [lora({ rank, on: ["q", "v"], alpha: 7 })],
  "LoRA of every linear layer": (rank) => [lora({ rank, on: ["attn.qkv", "attn.proj", "mlp.lin1", "mlp.lin2"] })],
  "all at once, one of them twice": (rank) => [
    afterAttention(inSeries(rank)),
    afterAttention(residual(sequential(linear(d, rank), gelu, linear(rank, d)))),
    inMlpResidual(inSeries(rank)),
    besideMlp(bottleneck(rank)),
    besideMlpResidual(bottleneck(rank), { scale: 2 }),
    lora({ rank, on: ["q", "k", "v"] }),
  ],
}
const adaptedBy = (make: (rank: Rank) => readonly Placement<any>[]): ModelData =>
  adapt(uniform(2, 3), make)(freezeAll(backbone)).data

/** Weights as they start, without a checkpoint. */
const starting = (model: ModelData): Values =>
  Object.fromEntries(tensorsOf(networkOf(model)).map((t) => [t.name, Float64Array.from(initialValues(t, 1))]))
const run = (model: ModelData, values: Values) => {
  const { graph } = inferenceProgram(model, sizes)
  return evaluate(graph, { ...valuesFor(graph), ...values })
}
const inputs: Values = {
  image: Float64Array.from({ length: 3 * 24 * 24 }, (_, i) => 128 + 100 * Math.sin(i)),
  point_coords: Float64Array.of(9, 14),
  point_labels: Float64Array.of(1),
}
const base = run(backbone.data, { ...starting(backbone.data), ...inputs })

test.each(Object.entries(placements))("adapted %s, a model starts with exactly the base's values", (_, make) => {
  const model = adaptedBy(make)
  const values = { ...starting(model), ...inputs }
  const results = run(model, values)
  for (const [name, { data }] of Object.entries(base)) expect(results[name]!.data).toEqual(data)

  // And no longer, once the up-projections are not zero.
  const moved = Object.fromEntries(
    tensorsOf(networkOf(model)).flatMap(({ name, adaptation }) =>
      adaptation === undefined ? [] : [[name, values[name]!.map((x) => x + 0.1)]],
    ),
  )
  const later = run(model, { ...values, ...moved })
  for (const [name, { data }] of Object.entries(base)) expect(later[name]!.data).not.toEqual(data)
})
