/** Learning rates by part and by depth, as data. */

import { blocksOf } from "./blocks.ts"
import type { ModelData } from "./model.ts"
import { networkOf } from "./network.ts"

/** A learning rate, or one for each depth: 0 is what stands before the blocks, 1 … depth are the blocks, depth + 1 is what stands after them. */
export type RateOf = number | ((block: number) => number)

/** What `rates` gives, for models that have these parts. */
export interface Rates<out Part extends string = string> {
  readonly kind: "rates"
  readonly of: Readonly<Record<string, RateOf>>
  /** In the types alone: which parts it names. */
  readonly parts?: Part
}
/** Of one part: a rate, or one for each depth, from 0 to the number of blocks + 1. */
export interface PartRates {
  readonly part: string
  readonly rate: number | readonly number[]
}

/**
 * Learning rates of parts, in place of the optimizer's; `adapters` are a part of their own. A function is asked for each block, counted from 1; for
 * what stands before the blocks (patch embedding) it is asked for 0, after them (neck, head) for one more than there are.
 *
 * @example
 * training(model, { optimizer: adam({ rate: 5e-4 }), rates: rates({ maskDecoder: 1e-4, adapters: (block) => 5e-4 * 0.8 ** (12 - block) }) })
 */
export const rates = <const Part extends string>(of: { readonly [P in Part]: RateOf }): Rates<Part> => ({
  kind: "rates",
  of,
})

/** Rates as a run keeps them: what functions say, for the depth of the model. */
export const ratesFor = ({ of }: Rates, model: ModelData): readonly PartRates[] => {
  const depth = blocksOf(networkOf(model), model.blocks).length
  return Object.entries(of).map(([part, rate]) => ({
    part,
    rate: typeof rate === "function" ? Array.from({ length: depth + 2 }, (_, block) => rate(block)) : rate,
  }))
}
