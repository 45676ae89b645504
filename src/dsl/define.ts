/**
 * Modules with a forward of their own. The forward runs once, when the module is defined, on symbols;
 * what it does is recorded as steps, so that the module is plain data like every other layer.
 */
import {
  type Attrs,
  type CallOf,
  type Child,
  type Condition,
  childOf,
  dataOf,
  type FunctionName,
  type Layer,
  type LayerData,
  type List,
  type Module,
  type ModuleData,
  type Step,
} from "./layer.ts"
import { callSite } from "./place.ts"
import type { Extent, Flag, Inputs, Outputs, Value } from "./value.ts"

interface Recording {
  readonly steps: Step[]
  readonly when: Condition[]
  count: number
}
let recording: Recording | undefined

const current = (what: string): Recording => {
  if (recording === undefined)
    throw new Error(`${what}(…) works on the values of a module's forward: call it inside define`)
  return recording
}
const fresh = (prefix: string): string => {
  const now = current(prefix)
  now.count += 1
  return `${prefix}${now.count}`
}
const push = (step: Step) => {
  const { steps, when } = current("forward")
  const at = callSite()
  steps.push({ ...step, ...(when.length === 0 ? {} : { when: [...when] }), ...(at === undefined ? {} : { at }) })
}

const shortly = (x: unknown): string => (x === null || x === undefined ? `${x}` : `a ${typeof x}`)
const notAValue = (x: unknown): Error =>
  new Error(`a forward works on the values that it is given and makes, not on ${shortly(x)}`)
/** Whose forward a value is of: values of others have names that this one may have, too, and would be taken for its own. */
const owners = new WeakMap<object, Recording>()
const owned = <X extends object>(x: X): X => {
  if (recording !== undefined) owners.set(x, recording)
  return x
}
/** Throws where a value is another forward's, or was made by `features` or `optional`, which declare inputs. */
const demandOwn = (x: object): void => {
  const owner = owners.get(x)
  if (owner !== undefined && owner !== recording)
    throw new Error(
      "a forward works on the values that it is given and makes, not on one of another module's forward: give it as an input",
    )
  if ("features" in x)
    throw new Error(
      "a forward works on the values that it is given and makes, not on features(…) and optional(…), which declare inputs",
    )
}
/** "" stands for what is not given. */
const nameOf = (x: Value<any> | undefined): string => {
  if (x !== undefined && typeof x?.value !== "string") throw notAValue(x)
  if (x !== undefined) demandOwn(x)
  return x?.value ?? ""
}
const symbolOf = (value: string): Value<any> => owned({ value }) as Value<any>

/** Records a function of values as a step. */
export const trace = <W extends number = number>(
  fn: FunctionName,
  args: readonly (Value<any> | undefined)[],
  attrs: Attrs = {},
): Value<W> => {
  const out = fresh(fn)
  push({ fn, args: args.map(nameOf), out, attrs })
  return symbolOf(out)
}

const outsOf = (step: Step): readonly string[] => ("outs" in step ? step.outs : [step.out])

/** Gives a value a name that graphs, errors and printed modules show: n1, a, x1. Changes nothing else. */
export const named = <W extends number>(name: string, x: Value<W>): Value<W> => {
  const { steps } = current("named")
  const at = steps.findLastIndex((step) => outsOf(step).includes(x.value))
  const taken = steps.some((step) => outsOf(step).includes(name))
  // What is no step's, such as an input, or has been read under its old name already, keeps the name it has.
  if (at < 0 || taken || steps.slice(at + 1).some((step) => "args" in step && step.args.includes(x.value))) return x
  const rename = (old: string) => (old === x.value ? name : old)
  const step = steps[at] as Step
  steps[at] = "outs" in step ? { ...step, outs: step.outs.map(rename) } : { ...step, out: rename(step.out) }
  return symbolOf(name)
}

type Condition_ = Value<any> | Extent | Flag
/** Throws where it is no input of this forward. */
export const inputName = (x: Condition_ | undefined): string => {
  if (x === undefined) return ""
  demandOwn(x)
  return "value" in x ? x.value : "flag" in x ? x.flag : x.extent
}

const branch = <A>(condition: Condition, body: () => A): A => {
  const { when } = current("ifGiven")
  when.push(condition)
  try {
    return body()
  } finally {
    when.pop()
  }
}

/** One value if the input was given, another if not. */
export const ifGiven = <X extends Condition_, W extends number>(
  input: X | undefined,
  given: (input: X) => Value<W>,
  missing: () => Value<NoInfer<W>>,
): Value<W> => {
  const name = inputName(input)
  const yes = branch({ present: name }, () => given(input as X))
  const no = branch({ absent: name }, missing)
  return trace("either", [yes, no], { given: name })
}

/** A value that is there only if the input was given; concat leaves it out, optional inputs of children go without. */
export const whenGiven = <X extends Condition_, W extends number>(
  input: X | undefined,
  given: (input: X) => Value<W>,
): Value<W> | undefined => {
  const name = inputName(input)
  const result = branch({ present: name }, () => given(input as X))
  return trace("either", [result], { given: name })
}

/** What children are inside a forward. */
export type Members<C> = { readonly [K in keyof C]: Member<C[K]> }
type Member<C> = C extends Child
  ? CallOf<C>
  : C extends readonly Child[]
    ? { readonly [I in keyof C]: C[I] extends Child ? CallOf<C[I]> : never }
    : never
export type Children = Readonly<Record<string, Child | readonly Child[]>>

const inner = (data: LayerData): LayerData => (data.kind === "shared" ? inner(data.layer) : data)

const callable = (name: string, data: LayerData, index?: number): unknown => {
  const child = inner(data)
  const at = index === undefined ? {} : { index }
  const called = (args: readonly string[], outs: readonly string[]) => {
    const made = outs.map(() => fresh(name))
    push({ call: name, ...at, args, outs: made })
    return made
  }
  const run = (given: Value<any> | Readonly<Record<string, Value<any> | undefined>>): unknown => {
    if (typeof given !== "object" || given === null) throw notAValue(given)
    if (child.kind !== "module") return symbolOf(called([nameOf(given as Value)], ["out"])[0] as string)
    const single = child.inputs.length === 1 && "value" in given && typeof given.value === "string"
    const args = single
      ? [nameOf(given as Value)]
      : child.inputs.map((input) => inputName((given as Record<string, Condition_ | undefined>)[input]))
    const names = Object.keys(child.outputs)
    const outs = called(args, names)
    return child.byName === undefined
      ? symbolOf(outs[0] as string)
      : Object.fromEntries(names.map((output, i) => [output, symbolOf(outs[i] as string)]))
  }
  if (child.kind !== "embedding") return run
  // Read where it is asked for, so that a table that nobody needs is no step.
  return Object.defineProperty(run, "table", {
    get: () => {
      const out = fresh(`${name}Table`)
      push({ read: name, ...at, out })
      return symbolOf(out)
    },
  })
}
const member = (name: string, child: LayerData): unknown => {
  const of = inner(child)
  if (of.kind === "parameter" || of.kind === "buffer") return symbolOf(name)
  if (of.kind === "list") return of.layers.map((layer, index) => callable(name, layer, index))
  return callable(name, child)
}

/** Layers that a module calls one by one, as nn.ModuleList. */
export const list = <const Ls extends readonly Child[]>(layers: Ls): List<Ls> =>
  childOf<List<Ls>>({ kind: "list", layers: layers.map(dataOf), at: callSite() })

/** A module's input, `width` features wide. */
export const features = <const W extends number>(width: W): Value<W> =>
  ({ value: "x", features: width }) as unknown as Value<W>
/** An input that may be left out: `ifGiven` and `whenGiven` ask for it. */
export const optional = <const W extends number>(width: W): Value<W> | undefined =>
  ({ value: "x", features: width, optional: true }) as unknown as Value<W>
/** An input that is there or not, and no tensor: `multimask` of segment-anything. */
export const flag = (): Flag | undefined => ({ flag: "x" })
/** An input that is a [height, width] known when a program is compiled: `resizeTo(x, original_size)`. The image's own size where it is not given. */
export const extent = (): Extent => ({ extent: "x" })

interface Specimen {
  readonly value?: string
  readonly features?: number
  readonly optional?: boolean
  readonly flag?: string
  readonly extent?: string
}
const isSpecimen = (inputs: object): boolean => typeof (inputs as { value?: unknown }).value === "string"

const widthOf = (inputs: Inputs): number => {
  const first = (isSpecimen(inputs) ? inputs : Object.values(inputs)[0]) as Specimen | undefined
  return first?.features ?? 0
}

interface Declared {
  readonly inputs: readonly string[]
  readonly optional: readonly string[]
  readonly flags: readonly string[]
  readonly extents: readonly string[]
  readonly widths: Readonly<Record<string, number>>
}
const declared = (inputs: Inputs): Declared => {
  if (isSpecimen(inputs))
    return {
      ...{ inputs: ["x"], optional: [], flags: [], extents: [] },
      widths: { x: (inputs as Specimen).features ?? 0 },
    }
  const all = Object.entries(inputs as Readonly<Record<string, Specimen>>)
  const names = (holds: (of: Specimen) => boolean) => all.filter(([, of]) => holds(of)).map(([name]) => name)
  const flags = names((of) => of.flag !== undefined)
  const extents = names((of) => of.extent !== undefined)
  return {
    inputs: names(() => true),
    optional: names((of) => of.optional === true || of.flag !== undefined || of.extent !== undefined),
    flags,
    extents,
    widths: Object.fromEntries(all.flatMap(([name, of]) => (of.features === undefined ? [] : [[name, of.features]]))),
  }
}
const symbols = (inputs: Inputs): unknown => {
  if (isSpecimen(inputs)) return symbolOf("x")
  return Object.fromEntries(
    Object.entries(inputs as Readonly<Record<string, Specimen>>).map(([name, of]) => [
      name,
      of.flag !== undefined
        ? owned({ flag: name })
        : of.extent !== undefined
          ? owned({ extent: name })
          : symbolOf(name),
    ]),
  )
}

const givesOf = (children: Readonly<Record<string, LayerData>>, steps: readonly Step[], value: string): number => {
  const made = steps.find((step) => outsOf(step).includes(value))
  if (made === undefined || !("call" in made)) return 0
  const of = inner(children[made.call] as LayerData)
  const layer = of.kind === "list" ? inner(of.layers[made.index ?? 0] as LayerData) : of
  return "gives" in layer ? layer.gives : 0
}

interface Define {
  <const C extends Children, In extends number, Out extends number>(
    name: string,
    children: C,
    inputs: Value<In>,
    forward: (members: Members<C>, x: Value<In>) => Value<Out>,
  ): Layer<In, Out, C>
  <const C extends Children, I extends Inputs, O extends Outputs>(
    name: string,
    children: C,
    inputs: I,
    forward: (members: Members<C>, inputs: I) => O,
  ): Module<I, O, C>
}

/**
 * A module with named children, as a PyTorch nn.Module with this __init__ and this forward: what comes in, and what the forward does with it.
 * One value in and one out make a layer; several, by name, a module that others call by name. Throws where a name is not usable.
 *
 * @example
 * const mlp = define("MLPBlock", { lin1: linear(768, 3072), act: gelu, lin2: linear(3072, 768) }, features(768),
 *   (m, x) => m.lin2(m.act(m.lin1(x))))
 */
export const define: Define = (
  name: string,
  children: Children,
  inputs: Inputs,
  forward: (members: any, inputs: any) => Outputs,
): any => {
  const data: Readonly<Record<string, LayerData>> = Object.fromEntries(
    Object.entries(children).map(([key, child]) => [
      key,
      dataOf(Array.isArray(child) ? list(child) : (child as Child)),
    ]),
  )
  const at = callSite()
  const outer = recording
  recording = { steps: [], when: [], count: 0 }
  try {
    for (const [key, child] of Object.entries(data))
      if (["parameter", "buffer"].includes(inner(child).kind)) recording.steps.push({ read: key, out: key })
    const members = Object.fromEntries(Object.entries(data).map(([key, child]) => [key, member(key, child)]))
    const results = forward(members, symbols(inputs))
    if (typeof results !== "object" || results === null || Object.keys(results).length === 0 || Array.isArray(results))
      throw new Error(
        `the forward of '${name}' gives ${results instanceof Promise ? "a promise" : Array.isArray(results) ? "a list" : typeof results === "object" && results !== null ? "nothing" : `${results === null ? "null" : typeof results}`}: it gives a value, or values by name`,
      )
    const byName = !isSpecimen(results)
    const { steps } = recording
    const outputs = byName
      ? Object.fromEntries(
          Object.entries(results as Readonly<Record<string, Value | undefined>>).map(([key, x]) => [key, nameOf(x)]),
        )
      : { out: nameOf(results as Value) }
    const { flags, extents, ...names } = declared(inputs)
    const module: ModuleData = {
      kind: "module",
      name,
      takes: widthOf(inputs),
      gives: givesOf(data, steps, Object.values(outputs)[0] ?? ""),
      children: data,
      ...names,
      ...(isSpecimen(inputs) ? { single: true as const } : {}),
      ...(flags.length === 0 ? {} : { flags }),
      ...(extents.length === 0 ? {} : { extents }),
      steps,
      outputs,
      ...(byName ? { byName: true } : {}),
      ...(at === undefined ? {} : { at }),
    }
    return module
  } finally {
    recording = outer
  }
}
