/**
 * Modules with a forward of their own. The forward runs once, when the module is defined, on symbols;
 * what it does is recorded as steps, so that the module is plain data like every other layer.
 */
import {
  type Attrs,
  type Condition,
  dataOf,
  type FunctionName,
  type Layer,
  type LayerData,
  layerOf,
  type ModuleData,
  type Pointwise,
  type Raw,
  type Step,
} from "./layer.ts"
import { callSite } from "./place.ts"

/** A tensor that a forward will have. */
export interface Value {
  readonly value: string
}

interface Recording {
  readonly steps: Step[]
  readonly when: Condition[]
  count: number
}
let recording: Recording | undefined

const fresh = (prefix: string): string => {
  if (recording === undefined)
    throw new Error(`${prefix}(…) works on the values of a module's forward: call it inside define`)
  recording.count += 1
  return `${prefix}${recording.count}`
}
const push = (step: Step) => {
  const { steps, when } = recording!
  steps.push(when.length === 0 ? step : { ...step, when: [...when] })
}

/** Records a function of values as a step. */
export const trace = (fn: FunctionName, args: readonly Value[], attrs: Attrs = {}): Value => {
  const out = fresh(fn)
  push({ fn, args: args.map(({ value }) => value), out, attrs })
  return { value: out }
}

/** Gives a value the name by which placements find it: n1, a, x1, n2, m. */
export const named = (name: string, x: Value): Value => {
  const last = recording!.steps.at(-1)!
  const rename = (old: string) => (old === x.value ? name : old)
  recording!.steps[recording!.steps.length - 1] =
    "outs" in last ? { ...last, outs: last.outs.map(rename) } : { ...last, out: rename(last.out) }
  return { value: name }
}

/** One value if the input was given, another if not. */
export const ifGiven = (input: Value, given: () => Value, missing: () => Value): Value => {
  const branch = (condition: Condition, body: () => Value) => {
    recording!.when.push(condition)
    const result = body()
    recording!.when.pop()
    return result
  }
  const yes = branch({ present: input.value }, given)
  const no = branch({ absent: input.value }, missing)
  return trace("either", [yes, no], { given: input.value })
}

/** A value that is there only if the input was given; concat leaves it out, optional inputs of children go without. */
export const whenGiven = (input: Value, given: () => Value): Value => {
  recording!.when.push({ present: input.value })
  const result = given()
  recording!.when.pop()
  return trace("either", [result], { given: input.value })
}

/** What a child is inside a forward: a function, a list of functions, or the tensor itself. */
export type Callable = (...args: readonly Value[]) => Value
export type Members<C> = {
  readonly [K in keyof C]: C[K] extends readonly unknown[] ? readonly Callable[] : C[K] extends Raw ? Value : Callable
}
export type Child = Layer | Pointwise | Raw | readonly Layer[]

const outputsOf = (child: LayerData): number => (child.kind === "module" ? Object.keys(child.outputs).length : 1)

/** Calls a child that gives several values. */
export const several = (call: Callable, ...args: readonly Value[]): readonly Value[] =>
  (call as unknown as { readonly several: (...args: readonly Value[]) => readonly Value[] }).several(...args)

const callable = (call: string, child: LayerData, index?: number): Callable => {
  const all = (...args: readonly Value[]): readonly Value[] => {
    const outs = Array.from({ length: outputsOf(child) }, () => fresh(call))
    push({ call, ...(index === undefined ? {} : { index }), args: args.map(({ value }) => value), outs })
    return outs.map((value) => ({ value }))
  }
  return Object.assign((...args: readonly Value[]) => all(...args)[0]!, { several: all })
}
const member = (name: string, child: LayerData): unknown => {
  if (child.kind === "parameter" || child.kind === "buffer") return { value: name }
  if (child.kind === "list") return child.layers.map((layer, index) => callable(name, layer, index))
  return callable(name, child)
}

/** The whole table of an embedding, [rows, width]. */
export const table = (name: string): Value => {
  const out = fresh(`${name}Table`)
  push({ read: name, out })
  return { value: out }
}
/** The whole table of one embedding in a list. */
export const tableOf = (name: string, index: number): Value => {
  const out = fresh(`${name}Table`)
  push({ read: name, index, out })
  return { value: out }
}

/** Layers that a module calls one by one, as nn.ModuleList. */
export const list = (layers: readonly (Layer | Pointwise)[]): Layer =>
  layerOf({ kind: "list", layers: layers.map(dataOf), at: callSite() })

export interface Signature<In extends number, Out extends number> {
  readonly takes: In
  readonly gives: Out
  /** Names of the forward's inputs; the last ones may be optional, see `optional`. */
  readonly inputs: readonly string[]
  readonly optional?: readonly string[]
}

/**
 * A module with named children, as a PyTorch nn.Module with this __init__ and this forward.
 *
 * @example
 * const mlp = define("MLPBlock", { lin1: linear(768, 3072), act: gelu, lin2: linear(3072, 768) },
 *   { takes: 768, gives: 768, inputs: ["x"] }, (m, { x }) => ({ out: m.lin2(m.act(m.lin1(x))) }))
 */
export const define = <const C extends Readonly<Record<string, Child>>, In extends number, Out extends number>(
  name: string,
  children: C,
  { takes, gives, inputs, optional = [] }: Signature<In, Out>,
  forward: (members: Members<C>, inputs: Readonly<Record<string, Value>>) => Readonly<Record<string, Value>>,
): Layer<In, Out> => {
  const data = Object.fromEntries(
    Object.entries(children).map(([key, child]) => [
      key,
      dataOf(Array.isArray(child) ? list(child) : (child as Layer)),
    ]),
  )
  const outer = recording
  recording = { steps: [], when: [], count: 0 }
  try {
    for (const [key, child] of Object.entries(data))
      if (child.kind === "parameter" || child.kind === "buffer") push({ read: key, out: key })
    const members = Object.fromEntries(Object.entries(data).map(([key, child]) => [key, member(key, child)]))
    const results = forward(members as Members<C>, Object.fromEntries(inputs.map((input) => [input, { value: input }])))
    const module: ModuleData = {
      kind: "module",
      name,
      takes,
      gives,
      children: data,
      inputs,
      optional,
      steps: recording.steps,
      outputs: Object.fromEntries(Object.entries(results).map(([key, { value }]) => [key, value])),
      at: callSite(),
    }
    return layerOf(module)
  } finally {
    recording = outer
  }
}
