/**
 * What an adaptation added, put into the base where it is linear there: low-rank updates, and adapters without a nonlinearity before, after or beside a linear
 * layer. What comes out has the base's tensors and no others, and the same values but for rounding: sums are taken in float64.
 */
import { type Diagnostics, Failed, failed } from "../../compiler/diagnostic.ts"
import type { Tensors } from "../../compiler/ir/graph.ts"
import type { LayerData, LinearData, ModuleData, SequentialData, Step } from "../../dsl/layer.ts"
import type { ModelData } from "../../dsl/model.ts"
import { networkOf } from "../../dsl/network.ts"
import { childrenOf, join, tensorsOf } from "../../dsl/tensors.ts"
import { grouped } from "./groups.ts"

/** x → W x + b; W is [out, in], row by row. */
interface Affine {
  readonly takes: number
  readonly gives: number
  readonly weight: Float64Array
  readonly bias: Float64Array | undefined
}

/** Why something cannot be merged, as half a sentence. */
type Why = string

const product = (a: Float64Array, b: Float64Array, [n, k, m]: readonly [number, number, number]): Float64Array => {
  const out = new Float64Array(n * m)
  for (let i = 0; i < n; i++)
    for (let l = 0; l < k; l++) {
      const left = a[i * k + l]!
      if (left !== 0) for (let j = 0; j < m; j++) out[i * m + j]! += left * b[l * m + j]!
    }
  return out
}
const plus = (a: Float64Array, b: Float64Array): Float64Array => a.map((x, i) => x + b[i]!)
/** What is done after what. */
const after = (second: Affine, first: Affine): Affine => {
  const sizes = [second.gives, second.takes, first.takes] as const
  const through =
    first.bias === undefined ? undefined : product(second.weight, first.bias, [second.gives, second.takes, 1])
  const bias = through === undefined ? second.bias : second.bias === undefined ? through : plus(through, second.bias)
  return { takes: first.takes, gives: second.gives, weight: product(second.weight, first.weight, sizes), bias }
}
const added = (a: Affine, b: Affine, scale = 1): Affine => {
  const bias = a.bias ?? b.bias?.map(() => 0)
  return {
    ...a,
    weight: a.weight.map((x, i) => x + scale * b.weight[i]!),
    bias: bias === undefined || b.bias === undefined ? bias : bias.map((x, i) => x + scale * b.bias![i]!),
  }
}
const identity = (n: number): Affine => ({
  takes: n,
  gives: n,
  weight: Float64Array.from({ length: n * n }, (_, i) => Number(i % (n + 1) === 0)),
  bias: undefined,
})

type Values = Map<string, { readonly shape: readonly number[]; readonly data: Float32Array }>

const linearAt = ({ takes, gives, bias }: LinearData, path: string, tensors: Values): Affine => ({
  takes,
  gives,
  weight: Float64Array.from(tensors.get(join(path, "weight"))!.data),
  bias: bias ? Float64Array.from(tensors.get(join(path, "bias"))!.data) : undefined,
})

/** A layer as one linear map of its input's features; else what in it is not linear. */
const affineOf = (layer: LayerData, path: string, width: number, tensors: Values): Affine | Why => {
  switch (layer.kind) {
    case "linear":
      return linearAt(layer, path, tensors)
    // Both do nothing once a model is trained.
    case "identity":
    case "dropout":
      return identity(width)
    case "residual": {
      const inner = affineOf(layer.layer, path, width, tensors)
      return typeof inner === "string" ? inner : added(inner, identity(inner.takes))
    }
    case "sequential":
      return childrenOf(layer).reduce<Affine | Why>((so, [name, child]) => {
        if (typeof so === "string") return so
        const next = affineOf(child, join(path, name), so.gives, tensors)
        return typeof next === "string" ? next : after(next, so)
      }, identity(layer.takes))
    default:
      return `its ${layer.kind} is not linear`
  }
}

interface Place {
  readonly layer: LinearData
  readonly path: string
}
const isMerged = (module: ModuleData, name: string): boolean => Object.hasOwn(module.added ?? {}, name)
const makerOf = ({ steps }: ModuleData, value: string): Step | undefined =>
  steps.find((step) => ("outs" in step ? step.outs : [step.out]).includes(value))
const usesOf = ({ steps, outputs }: ModuleData, value: string): number =>
  steps.filter((step) => "args" in step && step.args.includes(value)).length +
  Object.values(outputs).filter((name) => name === value).length
const childAt = (module: ModuleData, name: string, index: number | undefined, path: string) => {
  const child = module.children[name]
  const at = join(path, name)
  if (index === undefined || child === undefined) return child === undefined ? undefined : { layer: child, path: at }
  const inner = childrenOf(child)[index]
  return inner === undefined ? undefined : { layer: inner[1], path: join(at, inner[0]) }
}

/** The linear layer that gives a layer's output, through whatever only moves features about. */
const lastLinear = (layer: LayerData, path: string): Place | Why => {
  if (layer.kind === "linear") return { layer, path }
  if (layer.kind === "sequential") {
    const kept = childrenOf(layer).filter(
      ([name, child]) =>
        child.kind !== "dropout" && child.kind !== "identity" && !Object.hasOwn(layer.added ?? {}, name),
    )
    const last = kept.at(-1)
    return last === undefined ? "there is no linear layer before it" : lastLinear(last[1], join(path, last[0]))
  }
  if (layer.kind === "module") {
    const [output, ...others] = Object.values(layer.outputs)
    return output === undefined || others.length > 0
      ? "what comes before it gives several values"
      : linearBefore(layer, output, path)
  }
  return `what comes before it is a ${layer.kind} layer, not a linear one`
}
/** The linear layer that makes a value of a module; edits that are merged already are passed. */
const linearBefore = (module: ModuleData, value: string, path: string): Place | Why => {
  if (usesOf(module, value) > 1) return "what it acts on is used elsewhere as well"
  const maker = makerOf(module, value)
  if (maker === undefined) return "there is no linear layer before it"
  if ("fn" in maker && (maker.fn === "unwindows" || maker.fn === "add")) {
    const merged = maker.fn === "unwindows" || maker.args.some((arg) => isMergedValue(module, arg))
    return merged ? linearBefore(module, maker.args[0]!, path) : "there is no linear layer before it"
  }
  if (!("call" in maker)) return "there is no linear layer before it"
  if (isMerged(module, maker.call)) return linearBefore(module, maker.args[0]!, path)
  const child = childAt(module, maker.call, maker.index, path)
  const calls = module.steps.filter((one) => "call" in one && one.call === maker.call && one.index === maker.index)
  if (calls.length > 1) return `'${child?.path}' before it is called ${calls.length} times`
  return child === undefined ? "there is no linear layer before it" : lastLinear(child.layer, child.path)
}
const isMergedValue = (module: ModuleData, value: string): boolean => {
  const maker = makerOf(module, value)
  if (maker === undefined) return false
  if ("fn" in maker) return maker.fn === "scale" && isMergedValue(module, maker.args[0]!)
  return "call" in maker && isMerged(module, maker.call)
}

const write = (tensors: Values, { path, layer }: Place, made: Affine): Why | undefined => {
  if (!layer.bias && made.bias?.some((x) => x !== 0)) return `it adds a constant, and '${path}' has no bias`
  tensors.set(join(path, "weight"), { shape: [made.gives, made.takes], data: Float32Array.from(made.weight) })
  if (layer.bias && made.bias !== undefined)
    tensors.set(join(path, "bias"), { shape: [made.gives], data: Float32Array.from(made.bias) })
  return undefined
}

/** One child that an adaptation added to a module, in the order in which they act. */
const mergeChild = (module: ModuleData, name: string, path: string, tensors: Values): Why | undefined => {
  const layer = module.children[name]!
  const step = module.steps.find((one) => "call" in one && one.call === name)
  if (step === undefined || !("call" in step)) return "it is no layer, but tokens that the block reads"
  const [x] = step.args as [string]
  const [out] = step.outs as [string]
  const adapter = affineOf(layer, join(path, name), "takes" in layer ? layer.takes : 0, tensors)
  if (typeof adapter === "string") return adapter
  const scaled = module.steps.find((one) => "fn" in one && one.fn === "scale" && one.args[0] === out)
  const scale = scaled !== undefined && "fn" in scaled ? Number(scaled.attrs["by"]) : 1
  const value = scaled !== undefined && "fn" in scaled ? scaled.out : out
  const sum = module.steps.find((one) => "fn" in one && one.fn === "add" && one.args[1] === value)
  const before = sum !== undefined && "fn" in sum ? sum.args[0]! : undefined
  if (before?.endsWith(`_before_${name}`)) {
    const place = linearBefore(module, before, path)
    if (typeof place === "string") return place
    const call = module.steps.find(
      (one) => "call" in one && childAt(module, one.call, one.index, path)?.path === place.path,
    )
    if (call === undefined || !("call" in call) || call.args[0] !== x || isMergedValue(module, x))
      return `it does not read what '${place.path}' reads`
    return write(tensors, place, added(linearAt(place.layer, place.path, tensors), adapter, scale))
  }
  if (x.endsWith(`_before_${name}`)) {
    const place = linearBefore(module, x, path)
    return typeof place === "string"
      ? place
      : write(tensors, place, after(adapter, linearAt(place.layer, place.path, tensors)))
  }
  const users = module.steps.filter((one) => "args" in one && one.args.includes(out))
  const [user] = users
  const next = user !== undefined && "call" in user ? childAt(module, user.call, user.index, path) : undefined
  if (users.length !== 1 || next?.layer.kind !== "linear") return "it acts on a connection, not on a linear layer"
  const place = { layer: next.layer, path: next.path }
  return write(tensors, place, after(linearAt(place.layer, place.path, tensors), adapter))
}

/** One layer that an adaptation added to a sequence: its neighbour on either side. */
const mergeInRow = (row: SequentialData, name: string, path: string, tensors: Values): Why | undefined => {
  const names = childrenOf(row)
  const at = names.findIndex(([key]) => key === name)
  const layer = names[at]![1]
  const adapter = affineOf(layer, join(path, name), "takes" in layer ? layer.takes : 0, tensors)
  if (typeof adapter === "string") return adapter
  const base = (list: readonly (readonly [string, LayerData])[]) =>
    list.find(([key, child]) => !Object.hasOwn(row.added ?? {}, key) && child.kind !== "dropout")
  const [left, right] = [base(names.slice(0, at).reverse()), base(names.slice(at + 1))]
  if (left?.[1].kind === "linear") {
    const place = { layer: left[1], path: join(path, left[0]) }
    return write(tensors, place, after(adapter, linearAt(place.layer, place.path, tensors)))
  }
  if (right?.[1].kind === "linear") {
    const place = { layer: right[1], path: join(path, right[0]) }
    return write(tensors, place, after(linearAt(place.layer, place.path, tensors), adapter))
  }
  return "there is no linear layer beside it"
}

/** W + scale · B A of every low-rank update of a linear layer. */
const mergeLora = (layer: LinearData, path: string, tensors: Values): void => {
  for (const { target, rank, scale, offset, gives } of layer.lora ?? []) {
    const named = (which: string) =>
      Float64Array.from(tensors.get(join(path, `lora_${which}${target === "" ? "" : `_${target}`}.weight`))!.data)
    const update = product(named("b"), named("a"), [gives, rank, layer.takes])
    const weight = Float64Array.from(tensors.get(join(path, "weight"))!.data)
    update.forEach((x, i) => {
      weight[offset * layer.takes + i]! += scale * x
    })
    tensors.set(join(path, "weight"), { shape: [layer.gives, layer.takes], data: Float32Array.from(weight) })
  }
}

const cannot = (model: string, paths: readonly string[], why: Why): Failed =>
  failed(
    model,
    "HS3018",
    `${grouped(paths)} cannot be put into the base: ${why}`,
    "Leave --merge out: the checkpoint then holds the adapters beside the base, for this spec.",
  )

/** Base tensors are those of the model without its adaptations. Throws HS3018 for each adapter that is not linear where it stands. */
export const merged = (model: ModelData, tensors: Tensors): Tensors => {
  const values: Values = new Map(Object.entries(tensors))
  const reasons = new Map<Why, string[]>()
  const seen = new Set<number>()
  const walk = (layer: LayerData, path: string): void => {
    if (layer.kind === "shared") {
      if (seen.has(layer.id)) return
      seen.add(layer.id)
    }
    if (layer.kind === "linear") mergeLora(layer, path, values)
    for (const [name, child] of childrenOf(layer)) walk(child, join(path, name))
    if (layer.kind !== "module" && layer.kind !== "sequential") return
    const names = Object.keys(layer.added ?? {})
    // In the order in which they act: what comes first is put into the base first.
    const order = (name: string) =>
      layer.kind === "module"
        ? layer.steps.findIndex((step) => "call" in step && step.call === name)
        : childrenOf(layer).findIndex(([key]) => key === name)
    for (const name of names.sort((a, b) => order(a) - order(b))) {
      const why =
        layer.kind === "module" ? mergeChild(layer, name, path, values) : mergeInRow(layer, name, path, values)
      if (why !== undefined) reasons.set(why, [...(reasons.get(why) ?? []), join(path, name)])
    }
  }
  walk(networkOf(model), "")
  const problems = [...reasons].flatMap(([why, paths]) => cannot(model.name, paths, why).diagnostics)
  if (problems.length > 0) throw new Failed(problems as unknown as Diagnostics)
  return Object.fromEntries(tensorsOf(model.network).map(({ name }) => [name, values.get(name)!]))
}
