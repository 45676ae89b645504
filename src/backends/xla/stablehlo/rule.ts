import type { NodeOf, OpKind, Shape } from "../../../compiler/ir/graph.ts"
import type { Writer } from "./writer.ts"

export interface Given<K extends OpKind> {
  readonly w: Writer
  readonly node: NodeOf<K>
  /** Names of the operands' values. */
  readonly inputs: readonly string[]
  readonly shapes: readonly Shape[]
}
/** Writes an op → the name of its value. */
export type Rule<K extends OpKind> = (given: Given<K>) => string
