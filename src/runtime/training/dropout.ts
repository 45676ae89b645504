import type { Tensors } from "../../compiler/ir/graph.ts"
import { sizeOf } from "../../compiler/ir/graph.ts"
import type { DropoutInput } from "../../compiler/passes/elaborate/context.ts"
import { stream } from "../data/random.ts"

/** Masks of dropouts, from seed and step alone: a run that goes on draws what an unbroken one draws. */
export const dropoutFeeds = (dropouts: readonly DropoutInput[], seed: number, step: number): Tensors =>
  Object.fromEntries(
    dropouts.map(({ name, shape, p }) => {
      const random = stream(seed, name, step)
      const data = new Float32Array(sizeOf(shape)).map(() => (random.uniform() < p ? 0 : 1 / (1 - p)))
      return [name, { shape, data }]
    }),
  )
