import type { Stored } from "../ir/stored.ts"

/** Nodes that are not computed: the builder gives them their shapes. They have no record. */
export interface Sources {
  /** A tensor fed at each run. */
  readonly input: { readonly name: string }
  /** A tensor of the model, by its state-dict name: frozen, learning, or a buffer. */
  readonly parameter: {
    readonly name: string
    /** Kept in fewer bits (ir/stored.ts): its values are those that come back. Default: float32. */
    readonly stored?: Stored
  }
  /** Values in row-major order; one value fills the shape. */
  readonly constant: { readonly values: readonly number[] }
  /** One tensor of a node that gives several. */
  readonly part: { readonly index: number }
}
/** How many operands each takes. */
export const sources: { readonly [K in keyof Sources]: number } = { input: 0, parameter: 0, constant: 0, part: 1 }
