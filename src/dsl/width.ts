import type { RatioIsNoWidth } from "./sentences.ts"

/** Widths are types: a literal such as 768, or `Rank`, a number known only once a schedule is evaluated. */

declare const rank: unique symbol
declare const ratio: unique symbol

/** Features in a bottleneck. Made by schedules, which round; never by hand. */
export type Rank = number & { readonly [rank]: true }
/** A share of the width, such as the paper's r. Not a number of features: no layer takes one. */
export type Ratio = number & { readonly [ratio]: true }

/** Any number but a ratio. */
export interface NoRatio {
  readonly [ratio]?: Problem<RatioIsNoWidth>
  readonly toFixed: unknown
}

/** Marks a number as a share of the width: `const r = asRatio(0.24)`. */
export const asRatio = (share: number): Ratio => share as Ratio

/** What the editor shows instead of a wall of generics. Its sentence is also the compiler's. */
export interface Problem<in out Sentence extends string> {
  readonly problem: Sentence
}

export type Show<Width> = Width extends Rank ? "rank" : Width extends number ? `${Width}` : "?"

/** Both ways: with a width known only as `number` the compiler decides. */
export type Same<A, B> = number extends A ? true : number extends B ? true : [A, B] extends [B, A] ? true : false
