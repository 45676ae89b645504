import type { Formula } from "../formulas.ts"
import { childOf, type Init, type LayerData, type Raw } from "../layer.ts"
import { callSite } from "../place.ts"

type Last<Shape extends readonly number[]> = Shape extends readonly [...number[], infer W extends number] ? W : number
const raw = <Shape extends readonly number[]>(data: LayerData): Raw<Last<Shape>> => childOf<Raw<Last<Shape>>>(data)

/** A tensor that can learn, outside any layer, as nn.Parameter. Zeros unless said otherwise. */
export const parameter = <const Shape extends readonly number[]>(
  shape: Shape,
  init: Init = { fill: 0 },
): Raw<Last<Shape>> => raw<Shape>({ kind: "parameter", shape, init, at: callSite() })

export interface BufferOptions {
  /** In the state dict? Default: true. */
  readonly persistent?: boolean
}
/** A tensor that never learns, as register_buffer. */
export const buffer = <const Shape extends readonly number[]>(
  shape: Shape,
  init: Init | { readonly values: readonly number[] } | Formula = { fill: 0 },
  { persistent = true }: BufferOptions = {},
): Raw<Last<Shape>> => raw<Shape>({ kind: "buffer", shape, init, persistent, at: callSite() })
