import type { NotWhole } from "./sentences.ts"
import type { NoRatio, Problem } from "./width.ts"

/**
 * A width as an argument: a whole number, or a rank. Spelled, so that the checker can tell of a width that is still a type parameter
 * that it is none of these mistakes, and functions over widths need no casts.
 */
export type Width<N extends number> = (`${N}` extends `${bigint}.${bigint}` | `${bigint}e-${bigint}`
  ? Problem<NotWhole<N>>
  : N) &
  NoRatio
