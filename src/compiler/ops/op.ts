/**
 * One record an op: how many operands it takes, and everything that is true of it. The builder's methods, the verifier, the cost of a
 * graph, its evaluation, differentiation and decomposition read the records; backends are maps over them.
 */
import type { Builder, Value } from "../ir/builder.ts"
import type { Array64 } from "../ir/evaluate/array.ts"
import type { Shape } from "../ir/graph.ts"

/** So many, or from … to: then the last may be left out, or there may be any number. */
export type Count = number | readonly [least: number, most: number]

type Exactly<T, N extends number, L extends readonly T[] = readonly []> = L["length"] extends N
  ? L
  : Exactly<T, N, readonly [...L, T]>
/** A T for each operand. */
export type Each<N extends Count, T> = N extends number
  ? Exactly<T, N>
  : N extends readonly [infer Least extends number, infer Most extends number]
    ? number extends Most
      ? readonly [...Exactly<T, Least>, ...T[]]
      : readonly [...Exactly<T, Least>, T?]
    : never

/** No attributes. */
export type None = Readonly<Record<string, never>>

/** One shape, or one for each part. */
export type Result = Shape | { readonly parts: readonly Shape[] }
/** One value, or one for each part. */
export type Replacement = Value | readonly Value[]

/** What a gradient may use: the node's operands, its value, and the gradient that reached it. */
export interface Reached<N extends Count, A> {
  readonly b: Builder
  readonly x: Each<N, Value>
  readonly attrs: A
  readonly y: Value
  readonly g: Value
  /** Does a gradient of this operand lead to something that learns? Others need not be computed. */
  readonly needs: (operand: number) => boolean
}
/** A gradient for each operand, or nothing. */
export type Gradients = readonly (Value | undefined)[]
export type Gradient<N extends Count, A> = (reached: Reached<N, A>) => Gradients

/** A small instance of an op: what tables show and tests try. */
export interface Example<N extends Count, A> {
  /** Which attributes or shapes it stands for, where there is something to tell apart. */
  readonly when?: string
  readonly attrs: A
  readonly inputs: Each<N, Shape>
}

/** Values that an op is tried on: slopes jump at zero, logarithms end there, equal values have no order, and classes are whole numbers. */
export type Domain = "any" | "positive" | "away from zero" | "distinct" | "wide" | "ids"

export interface Op<
  N extends Count = Count,
  A = None,
  Args extends readonly unknown[] = A extends None ? readonly [] : readonly [attrs: A],
> {
  readonly operands: N
  /** Throws an Error, one sentence about the misfit. */
  readonly shape: (inputs: Each<N, Shape>, attrs: A) => Result
  /** In float64: what every backend is compared with. A composite's is its formula, not its decomposition: each checks the other. */
  readonly meaning: (inputs: Each<N, Array64>, attrs: A, shape: Shape) => Array64 | readonly Array64[]
  /**
   * Floating-point operations, for each element of the result or by a rule. One multiply-add is 2; any other elementary operation on one
   * number is 1, be it an addition or an exponential. Products with the zeros of padding count. Default 0: it moves numbers.
   */
  readonly flops?: number | ((inputs: Each<N, Shape>, attrs: A, shape: Shape) => number)
  /** Default: every operand once, and the result. Chosen: of its operand only what ends up in the result. */
  readonly bytes?: "none" | "chosen"
  /** Constant almost everywhere; or a gradient itself, which is not differentiated again. */
  readonly gradient: "constant" | "first order only" | Gradient<N, A>
  /** Into simpler ops, with attention in pieces of so many scores: then it is a composite, and a backend may do without it. */
  readonly decompose?: (b: Builder, x: Each<N, Value>, attrs: A, scores: number) => Replacement
  /** Its decomposition computes something of the forward pass again, which must not be kept since then. */
  readonly again?: true
  /** What the builder's method takes after the operands, where that is not simply the attributes. */
  readonly attributes?: (...args: Args) => A
  /** A simpler value that the builder's method gives instead, if there is one. */
  readonly fold?: (b: Builder, x: Each<N, Value>, attrs: A) => Value | undefined
  readonly domain?: Domain
  /** One for each way in which an engine could treat it differently. */
  readonly examples: readonly Example<N, A>[]
  /** Where something is 1 that seldom is. */
  readonly edges: readonly Example<N, A>[]
}
/** An op that has a decomposition. */
export type Composite<
  N extends Count = Count,
  A = None,
  Args extends readonly unknown[] = A extends None ? readonly [] : readonly [attrs: A],
> = Op<N, A, Args> & { readonly decompose: NonNullable<Op<N, A, Args>["decompose"]> }

/** The attributes of ops that have none. */
export const none: None = {}
