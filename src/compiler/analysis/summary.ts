/** What a report says of a model beyond its counts, without compiling it to any target. */
import type { ModelData } from "../../dsl/model.ts"
import { elaborate, standardSizes } from "../passes/elaborate/index.ts"
import type { ModelReport } from "../report/report.ts"
import { costOf } from "./cost.ts"
import { type Engine, fitsOf, memoryOfModel, plainEngine } from "./memory.ts"
import type { ModelTensor } from "./parameters.ts"

/** The network's shape, whatever its ranks: what reaches the loss depends on this alone. */
const reached = new Map<string, ReadonlySet<string>>()

/** Tensors among `learning` on which the outputs that the loss sees depend, with one point as the prompt. */
export const receivingOf = (model: ModelData, learning: readonly string[]): ReadonlySet<string> => {
  const key = JSON.stringify([model.family.kind === "sam" ? model.family.config : model.family.name, learning])
  const known = model.family.kind === "sam" ? reached.get(key) : undefined
  if (known !== undefined) return known
  const { builder, outputs } = elaborate(model, standardSizes(model), { learning })
  const seen = outputs["masks"] ?? Object.values(outputs)[0]!
  const found = new Set<string>()
  const live = new Set([seen])
  for (let value = seen; value >= 0; value -= 1) {
    if (!live.has(value)) continue
    const node = builder.node(value)
    if (node.op === "parameter") found.add(node.attrs.name)
    for (const input of node.inputs) live.add(input)
  }
  const receiving = new Set(learning.filter((name) => found.has(name)))
  reached.set(key, receiving)
  return receiving
}

/** FLOPs, and memory as an engine needs it, of a batch of square images with one point each, as the report prints them. */
export const costReport =
  (batch: number, engine: Engine = plainEngine) =>
  (model: ModelData, tensors: readonly ModelTensor[]): Pick<ModelReport, "flops" | "memory"> => {
    const learning = tensors.filter(({ learns }) => learns).map(({ name }) => name)
    const sizes = standardSizes(model, batch)
    const cost = costOf(model, { sizes, learning })
    const { inference, training } = memoryOfModel(model, { sizes, learning, engine })
    const needed = training ?? inference
    const { bytes, shape, from } = [inference, needed]
      .map(({ largest }) => largest)
      .reduce((a, b) => (b.bytes > a.bytes ? b : a))
    const trains = fitsOf(needed)
    return {
      flops: {
        convention: "1 multiply-add = 2 FLOPs",
        forward: cost.inference,
        backward: cost.training?.backward ?? 0,
      },
      memory: {
        inference: inference.total,
        training: needed.total,
        largest: { bytes, shape: [...shape], from },
        fits: fitsOf(inference).map(({ device, available, fits }, i) => ({
          device,
          bytes: available,
          inference: fits,
          training: trains[i]!.fits,
        })),
      },
    }
  }
