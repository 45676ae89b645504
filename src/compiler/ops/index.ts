/** Every op. A new one is a record in its family's file. */
import { activations } from "./activations.ts"
import { attentions } from "./attention.ts"
import { convolutions } from "./convolution.ts"
import { gelus } from "./gelu.ts"
import { indexing } from "./indexing.ts"
import { movement } from "./movement.ts"
import { norms } from "./norm.ts"
import type { Op } from "./op.ts"
import { pairs, pointwise } from "./pointwise.ts"
import { pooling } from "./pooling.ts"
import { adapters, linears, products } from "./products.ts"
import { reductions } from "./reductions.ts"
import { resizing } from "./resize.ts"
import { softmaxes } from "./softmax.ts"
import { type Sources, sources } from "./sources.ts"

export const ops = {
  ...pointwise,
  ...pairs,
  ...products,
  ...convolutions,
  ...pooling,
  ...reductions,
  ...movement,
  ...indexing,
  ...linears,
  ...softmaxes,
  ...norms,
  ...gelus,
  ...activations,
  ...attentions,
  ...resizing,
  ...adapters,
}
export type Ops = typeof ops

/** Ops that are computed from operands. */
export type Computed = keyof Ops
export type OpKind = Computed | keyof Sources
export type OpAttrs = Sources & { readonly [K in Computed]: Ops[K]["examples"][number]["attrs"] }
/** Ops that have a decomposition: a backend may do without them. */
export type Composite = {
  readonly [K in Computed]: Ops[K] extends { readonly decompose: unknown } ? K : never
}[Computed]

type AnyOp = Op<any, any, any>
/** An op's record; undefined for sources, and for what is no op. */
export const recordOf = (op: string): AnyOp | undefined =>
  Object.hasOwn(ops, op) ? (ops as unknown as Readonly<Record<string, AnyOp>>)[op] : undefined
export const isComposite = (op: OpKind): op is Composite => recordOf(op)?.decompose !== undefined

/** How many operands an op takes, from … to; undefined for what is no op. */
export const arityOf = (op: string): readonly [least: number, most: number] | undefined => {
  const count = recordOf(op)?.operands ?? (sources as Readonly<Record<string, number>>)[op]
  return typeof count === "number" ? [count, count] : count
}
