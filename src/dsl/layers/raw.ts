import type { Init, Raw } from "../layer.ts"
import { callSite } from "../place.ts"

const raw = (data: object): Raw => data as Raw

/** A tensor that can learn, outside any layer, as nn.Parameter. Zeros unless said otherwise. */
export const parameter = (shape: readonly number[], init: Init = { fill: 0 }): Raw =>
  raw({ kind: "parameter", shape, init, at: callSite() })

export interface BufferOptions {
  /** In the state dict? Default: true. */
  readonly persistent?: boolean
}
/** A tensor that never learns, as register_buffer. */
export const buffer = (
  shape: readonly number[],
  init: Init | { readonly values: readonly number[] } = { fill: 0 },
  { persistent = true }: BufferOptions = {},
): Raw => raw({ kind: "buffer", shape, init, persistent, at: callSite() })
