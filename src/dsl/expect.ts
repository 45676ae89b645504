import { type Backbone, type Expectation, type Model, modelOf } from "./model.ts"
import { callSite } from "./place.ts"
import type { NothingLearns } from "./sentences.ts"
import type { Problem } from "./width.ts"

/** An expectation binds the model as it is here: what is added to it later does not change what was said. */
const expecting = <B extends Backbone, L extends string>(
  { data }: Model<B, L>,
  expectation: Expectation extends infer E ? (E extends unknown ? Omit<E, "on" | "at"> : never) : never,
  at: string | undefined,
): Model<B, L> => {
  const on = { adaptations: data.adaptations.length, rules: data.rules.length }
  const said = { ...expectation, on, ...(at === undefined ? {} : { at }) } as Expectation
  return modelOf({ ...data, expectations: [...data.expectations, said] })
}

type Learning<L> = [L] extends [never] ? Problem<NothingLearns> : unknown

/** The compiler proves that exactly this many parameters learn. */
export const expectTrainable = (count: number) => {
  const at = callSite()
  return <B extends Backbone, L extends string>(model: Model<B, L> & Learning<L>): Model<B, L> =>
    expecting<B, L>(model as Model<B, L>, { kind: "trainable", count }, at)
}

/** The compiler proves that the model has exactly this many parameters, shared ones counted once, buffers not at all. */
export const expectTotal = (count: number) => {
  const at = callSite()
  return <B extends Backbone, L extends string>(model: Model<B, L>): Model<B, L> =>
    expecting(model, { kind: "total", count }, at)
}

export interface Budget {
  /** Parameters that learn, at most. */
  readonly trainable?: number
  /** Bytes of what learns, in float32, at most. */
  readonly bytes?: number
}
/** More than this, and the compiler exits with code 3. */
export const budget = (limits: Budget) => {
  const at = callSite()
  return <B extends Backbone, L extends string>(model: Model<B, L>): Model<B, L> =>
    expecting(model, { kind: "budget", ...limits }, at)
}
