import { type Diagnostics, Failed } from "../../compiler/diagnostic.ts"
import { explainMissing } from "../../compiler/packages.ts"

/** What came of it: a value, or what is wrong, where, and what to do about it. */
export type Attempt<A> =
  | { readonly ok: true; readonly value: A }
  | { readonly ok: false; readonly diagnostics: Diagnostics }

/**
 * Errors as values: what is wrong with a spec, data, weights or options comes back as diagnostics with codes, the same that commands print. Anything else,
 * which is a fault of hasam's or of the caller's own code, is still thrown.
 *
 * @example
 * const tried = await attempt(() => load("runs/small"))
 * if (!tried.ok) for (const { code, message, help } of tried.diagnostics) console.error(code, message, help)
 */
export const attempt = async <A>(work: () => Promise<A>): Promise<Attempt<A>> => {
  try {
    return { ok: true, value: await work() }
  } catch (thrown) {
    const problem = explainMissing(thrown)
    if (problem instanceof Failed) return { ok: false, diagnostics: problem.diagnostics }
    throw problem
  }
}

/** A package that is not installed is told as HS2520, with the line that brings it. */
export const explained = async <A>(work: () => Promise<A>): Promise<A> => {
  try {
    return await work()
  } catch (thrown) {
    throw explainMissing(thrown)
  }
}
