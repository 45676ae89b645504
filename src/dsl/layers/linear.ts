import type { Width } from "../features.ts"
import { childOf, type Embedding, type Layer, layerOf } from "../layer.ts"
import { callSite } from "../place.ts"

export interface LinearOptions {
  /** Default: true. */
  readonly bias?: boolean
}

/** x Wᵀ + b on the last axis, as nn.Linear: weight [gives, takes], bias [gives]. */
export const linear = <const In extends number, const Out extends number>(
  takes: Width<In>,
  gives: Width<Out>,
  { bias = true }: LinearOptions = {},
): Layer<In, Out> => layerOf({ kind: "linear", takes: takes as number, gives: gives as number, bias, at: callSite() })

/** A table of `rows` vectors, as nn.Embedding: ids [...] → [..., gives]; inside a forward, `.table` is the table itself, [rows, gives]. */
export const embedding = <const Out extends number>(rows: number, gives: Width<Out>): Embedding<Out> =>
  childOf<Embedding<Out>>({ kind: "embedding", takes: 1, gives: gives as number, rows, at: callSite() })
