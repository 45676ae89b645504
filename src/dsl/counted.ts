import type { Backbone, Model } from "./model.ts"

/** By export, what the compiler counted: filled in by the types that `hasam-compile --types` writes into .hasam/counts.d.ts. */
// biome-ignore lint/suspicious/noEmptyInterface: declarations merge into it.
export interface Counts {}

export type CountsOf<Name extends string> = Name extends keyof Counts ? Counts[Name] : "hasam-compile --types counts it"

/** Shows a model's exact counts in the editor: `export const mine = pipe(…, counted("mine"))`, then hover `mine.counts`. Changes nothing else. */
export const counted =
  <const Name extends string>(_name: Name) =>
  <B extends Backbone, L extends string>(model: Model<B, L>): Model<B, L> & { readonly counts: CountsOf<Name> } =>
    ({ ...model, counts: {} }) as Model<B, L> & { readonly counts: CountsOf<Name> }
