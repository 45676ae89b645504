/** What work tells while it goes on. Commands print it; code may show it, or not listen. */
import type { Diagnostic } from "../compiler/diagnostic.ts"

export type Told =
  /** A sentence for a person. */
  | { readonly kind: "note"; readonly line: string }
  /** What is wrong with the data and does not stop the work. */
  | { readonly kind: "warnings"; readonly diagnostics: readonly Diagnostic[] }
export type Tell = (event: Told) => void
