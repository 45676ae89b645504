import type { Applicative2C } from "fp-ts/lib/Applicative.js"
import { type Either, getApplicativeValidation, type URI } from "fp-ts/lib/Either.js"
import { getSemigroup, type ReadonlyNonEmptyArray } from "fp-ts/lib/ReadonlyNonEmptyArray.js"
import type { Code } from "./codes/index.ts"

/** What is wrong, where, and what to do about it. Lines and columns count from 1; 0 means the file as a whole. */
export interface Diagnostic {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly code: Code | `TS${number}`
  readonly severity: "error" | "warning"
  /** One sentence: the cause, with the names and numbers of this case. */
  readonly message: string
  /** One sentence: the cure. */
  readonly help?: string
}
export type Diagnostics = ReadonlyNonEmptyArray<Diagnostic>
export type Checked<A> = Either<Diagnostics, A>

/** Errors add up instead of hiding one another. */
export const Checked: Applicative2C<URI, Diagnostics> = getApplicativeValidation(getSemigroup<Diagnostic>())

/** Bad input found where an exception is the natural way out; commands print its diagnostics and no stack trace. */
export class Failed extends Error {
  readonly diagnostics: Diagnostics
  constructor(diagnostics: Diagnostics) {
    super(
      diagnostics
        .slice(0, 100)
        .map(({ code, message }) => `${code}: ${message}`)
        .join("\n"),
    )
    this.name = "Failed"
    this.diagnostics = diagnostics
  }
}

/** A diagnostic about a file as a whole, such as a checkpoint or an image. */
export const aboutFile = (file: string, code: Code, message: string, help?: string): Diagnostic => ({
  file,
  line: 0,
  column: 0,
  code,
  severity: "error",
  message,
  ...(help === undefined ? {} : { help }),
})

/** The same, of what may be meant and probably is not: it is told, and the work goes on. */
export const warned = (file: string, code: Code, message: string, help?: string): Diagnostic => ({
  ...aboutFile(file, code, message, help),
  severity: "warning",
})

export const failed = (file: string, code: Code, message: string, help?: string): Failed =>
  new Failed([aboutFile(file, code, message, help)])
