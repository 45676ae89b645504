import type { NotWhole, RatioIsNoWidth } from "./sentences.ts"
import type { Problem, Rank, Ratio } from "./width.ts"

/** A width as an argument: a whole number, or a rank. */
export type Width<N extends number> = N extends Ratio
  ? Problem<RatioIsNoWidth>
  : N extends Rank
    ? N
    : number extends N
      ? N
      : `${N}` extends `${bigint}`
        ? N
        : Problem<NotWhole<N>>
