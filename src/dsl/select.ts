import type { Backbone, ModelData } from "./model.ts"
import { type Model, modelOf } from "./model.ts"
import { callSite } from "./place.ts"
import type { Selector } from "./selector.ts"
import type { NoPart, NotLearning } from "./sentences.ts"
import type { Problem } from "./width.ts"

/** A selector, and the path that it reaches into; "blocks" for blocks. */
export interface Select<out Path extends string> {
  readonly selector: Selector
  readonly path: Path
}
const select = <Path extends string>(selector: Selector): Select<Path> => ({ selector }) as unknown as Select<Path>

type Head<Path extends string> = Path extends `${infer First}.${string}` ? First : Path
type Camel<Name extends string> = Name extends `${infer First}_${infer Rest}`
  ? `${First}${Capitalize<Camel<Rest>>}`
  : Name
/** The part that a path begins with: its module's name, or that in camelCase. */
type PartAt<Path extends string, Part extends string> = Head<Path> extends Part ? Head<Path> : Camel<Head<Path>>

/** Whole blocks, numbered from 1; the adapters in them are their own part. */
export const blocks = (...numbers: readonly number[]): Select<"blocks"> => select({ kind: "blocks", blocks: numbers })

/** One module of these blocks: `inBlocks("attn.qkv", 11, 12)`. */
export const inBlocks = (module: string, ...numbers: readonly number[]): Select<"blocks"> =>
  select({ kind: "blocks", blocks: numbers, module })

/** Everything under a module, by its whole path: `submodule("image_encoder.neck")`. */
export const submodule = <const Path extends string>(path: Path): Select<Path> => select({ kind: "module", path })

/** One tensor, by its whole name: `tensor("image_encoder.pos_embed")`. */
export const tensor = <const Name extends string>(name: Name): Select<Name> => select({ kind: "tensor", name })

const rule = (data: ModelData, learn: boolean, selectors: readonly Selector[], at: string | undefined): ModelData => ({
  ...data,
  rules: [...data.rules, ...selectors.map((select) => ({ learn, select, ...(at === undefined ? {} : { at }) }))],
})
const selectorOf = (of: string | Select<any>): Selector =>
  typeof of === "string" ? { kind: "part", part: of } : of.selector

/** Everything the model has so far stops learning; what is added later learns. */
export const freezeAll = <B extends Backbone, L extends string>(model: Model<B, L>): Model<B, never> =>
  modelOf(rule(model.data, false, [{ kind: "all" }], callSite()))

/** Parts that are named by themselves; selectors say theirs in their own type, and of what has no type nothing is known. */
type Named<Of extends readonly unknown[]> = 0 extends 1 & Of[number] ? never : Extract<Of[number], string>
type Strange<B extends Backbone, Part extends string> = Exclude<Part, B["part"] | "adapters">
/** What is wrong with parts that are to be frozen: those that are not there, else those that do not learn. */
type Freezable<B extends Backbone, L extends string, Part extends string> = [Part] extends [L]
  ? unknown
  : Problem<[Strange<B, Part>] extends [never] ? NotLearning<Exclude<Part, L>> : NoPart<"freeze", Strange<B, Part>>>
type Unfreezable<B extends Backbone, Part extends string> = [Strange<B, Part>] extends [never]
  ? unknown
  : Problem<NoPart<"unfreeze", Strange<B, Part>>>

/** These parts stop learning: `freeze("maskDecoder")`, `freeze(blocks(1, 2))`. A selector leaves its part's name in the type. */
export const freeze = <const Of extends readonly (string | Select<any>)[]>(...of: Of) => {
  const at = callSite()
  return <B extends Backbone, L extends string>(
    model: Model<B, L> & Freezable<B, L, Named<Of>>,
  ): Model<B, Exclude<L, Named<Of>>> => modelOf(rule((model as Model).data, false, of.map(selectorOf), at))
}

type Reached<Of, Part extends string> = Of extends string
  ? Of
  : Of extends Select<infer Path>
    ? PartAt<Path, Part>
    : never

/** These parts learn: `unfreeze("maskDecoder")`, `unfreeze(submodule("image_encoder.neck"))`. */
export const unfreeze = <const Of extends readonly (string | Select<any>)[]>(...of: Of) => {
  const at = callSite()
  return <B extends Backbone, L extends string>(
    model: Model<B, L> & Unfreezable<B, Named<Of>>,
  ): Model<B, L | Reached<Of[number], B["part"]>> => modelOf(rule((model as Model).data, true, of.map(selectorOf), at))
}
