/**
 * The graph: static shapes, float32 tensors, one table of ops.
 *
 * A node's id is its index; a node uses only nodes before it, so the list is an order in which it can run. What an op means is
 * written once, in its record (compiler/ops).
 */
import type { OpAttrs, OpKind } from "../ops/index.ts"

export type { RelPosAttrs } from "../ops/attention.ts"
export type { Conv2dAttrs } from "../ops/convolution.ts"
export type { OpAttrs, OpKind } from "../ops/index.ts"
export type { PoolAttrs } from "../ops/pooling.ts"
export type { ReduceAttrs } from "../ops/reductions.ts"

export type Shape = readonly number[]

export interface NodeOf<K extends OpKind> {
  readonly op: K
  /** Ids of earlier nodes. */
  readonly inputs: readonly number[]
  readonly attrs: OpAttrs[K]
  /** Shape of the value; of the first part, where there are several. */
  readonly shape: Shape
  /** Shapes of all parts, only where an op gives several. */
  readonly parts?: readonly Shape[]
  /** The module it came from, e.g. encoder.blocks.7.attn. */
  readonly from?: string
  /** Equal nodes of different copies stay apart: what is computed again, rather than kept, has a number of its own. */
  readonly copy?: number
}
export type Node = { readonly [K in OpKind]: NodeOf<K> }[OpKind]

export interface Output {
  readonly name: string
  readonly value: number
}
export interface Graph {
  readonly nodes: readonly Node[]
  readonly outputs: readonly Output[]
}

/**
 * What a backend compiles. `state` maps an input or parameter to the output that replaces it after each run
 * (a parameter that learns, an optimizer's moments); everything else named `parameter` is loaded once.
 */
export interface Program {
  readonly graph: Graph
  readonly state: Readonly<Record<string, string>>
}

/** A tensor of values that a program takes or gives: row-major float32. */
export interface Tensor {
  readonly shape: Shape
  readonly data: Float32Array
}
export type Tensors = Readonly<Record<string, Tensor>>

export const sizeOf = (shape: Shape): number => shape.reduce((product, extent) => product * extent, 1)
