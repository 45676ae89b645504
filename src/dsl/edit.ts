/**
 * Edits at places of a block's own tree. A place is a path of children, `attn`, `attn.qkv`, `mlp.0`; what is edited is the step that calls the
 * child there: what comes out of it, what goes in, what is added to it, and the residual connection around it.
 */
import { layerAt } from "./blocks.ts"
import type { CallStep, FunctionStep, Init, LayerData, LoraData, ModuleData, SequentialData, Step } from "./layer.ts"
import type { AdapterPlacement, LoraPlacement, PlacementData, PrefixPlacement, TokensPlacement } from "./placement.ts"
import { noPlace } from "./sentences.ts"
import { childrenOf } from "./tensors.ts"

/** The block with what was to be added, or why that cannot be. */
export type Edited = { readonly layer: LayerData } | { readonly problem: string; readonly near?: readonly string[] }

const zeros: Init = { fill: 0 }

/** The last layer of a bottleneck starts at zero, so that the adapter starts as the identity, or as nothing. */
export const startingAtZero = (layer: LayerData): LayerData => {
  switch (layer.kind) {
    case "linear":
    case "conv2d":
    case "conv1d":
    case "convTranspose2d":
      return { ...layer, init: zeros }
    case "residual":
    case "shared":
      return { ...layer, layer: startingAtZero(layer.layer) }
    case "sequential": {
      const last = layer.layers.findLastIndex((l) => "takes" in l)
      return { ...layer, layers: layer.layers.map((l, i) => (i === last ? startingAtZero(l) : l)) }
    }
    default:
      return layer
  }
}

const outsOf = (step: Step): readonly string[] => ("outs" in step ? step.outs : [step.out])
const argsOf = (step: Step): readonly string[] => ("args" in step ? step.args : [])
const makerOf = (steps: readonly Step[], value: string): number =>
  steps.findIndex((step) => outsOf(step).includes(value))
const usersOf = (steps: readonly Step[], value: string): readonly number[] =>
  steps.flatMap((step, i) => (argsOf(step).includes(value) ? [i] : []))

const renamed = (step: Step, from: string, to: string): Step =>
  "outs" in step
    ? { ...step, outs: step.outs.map((o) => (o === from ? to : o)) }
    : step.out === from
      ? { ...step, out: to }
      : step

/** The value keeps its name; what made it makes `inner` now, and `wrap` makes the value from that. */
const remade = (steps: readonly Step[], value: string, inner: string, wrap: readonly Step[]): readonly Step[] => {
  const i = makerOf(steps, value)
  return [...steps.slice(0, i), renamed(steps[i] as Step, value, inner), ...wrap, ...steps.slice(i + 1)]
}

const call = (child: string, arg: string, out: string): CallStep => ({ call: child, args: [arg], outs: [out] })
const fn = (
  name: FunctionStep["fn"],
  args: readonly string[],
  out: string,
  attrs: FunctionStep["attrs"] = {},
): Step => ({
  fn: name,
  args,
  out,
  attrs,
})
/** A(x), times its scale: the steps, and the value. */
const scaled = (child: string, x: string, scale: number): readonly [steps: readonly Step[], value: string] => {
  const out = `${child}_out`
  return scale === 1
    ? [[call(child, x, out)], out]
    : [[call(child, x, out), fn("scale", [out], `${child}_scaled`, { by: scale })], `${child}_scaled`]
}

/** What earlier edits made of a value has its name; what they began with is called so. */
const finished = (value: string): string => value.replace(/(_before_\w+)+$/, "")

/** Windows are put together again before anything else is done with a branch. */
const whole = (steps: readonly Step[], value: string): string => {
  const users = usersOf(steps, value)
  const next = users.length === 1 ? (steps[users[0] as number] as Step) : undefined
  return next !== undefined && "fn" in next && next.fn === "unwindows" && next.args[0] === value
    ? whole(steps, next.out)
    : value
}
/** … and are cut from what goes into it. */
const beforeWindows = (steps: readonly Step[], value: string, user: number): readonly [value: string, user: number] => {
  const maker = steps[makerOf(steps, value)]
  return maker !== undefined && "fn" in maker && maker.fn === "windows"
    ? beforeWindows(steps, maker.args[0] as string, steps.indexOf(maker))
    : [value, user]
}

const keepsShape = (children: ModuleData["children"], step: Step): boolean => {
  if ("fn" in step) return step.fn === "scale" || step.fn === "unwindows" || step.fn === "rearrange"
  if (!("call" in step)) return false
  const child = children[step.call]
  return (
    child !== undefined &&
    "pointwise" in child &&
    (child.kind === "dropout" || child.kind === "dropPath" || child.kind === "identity")
  )
}
/** The addition that a branch ends in: its step, and what is added to the branch. */
const residualAround = (
  { steps, children }: ModuleData,
  value: string,
): readonly [step: number, skip: string] | undefined => {
  const users = usersOf(steps, value)
  const [user] = users
  if (user === undefined || users.length > 1) return undefined
  const step = steps[user] as Step
  if ("fn" in step && step.fn === "add") {
    const skip = step.args.find((arg) => arg !== value)
    return skip === undefined ? undefined : [user, skip]
  }
  return keepsShape(children, step)
    ? residualAround({ steps, children } as ModuleData, outsOf(step)[0] as string)
    : undefined
}

/** The residual itself, before what was put on its way. */
const unadapted = (module: ModuleData, value: string): string => {
  const maker = module.steps[makerOf(module.steps, value)]
  return maker !== undefined && "call" in maker && Object.hasOwn(module.added ?? {}, maker.call)
    ? unadapted(module, maker.args[0] as string)
    : value
}

const fresh = (taken: object, name: string): string => {
  if (!Object.hasOwn(taken, name)) return name
  let n = 2
  while (Object.hasOwn(taken, `${name}_${n}`)) n += 1
  return `${name}_${n}`
}

const inSteps = (
  module: ModuleData,
  at: number,
  child: string,
  placement: AdapterPlacement,
): readonly Step[] | string => {
  const { steps } = module
  const { how, scale, place } = placement
  const called = steps[at] as CallStep
  const out = finished(whole(steps, finished(called.outs[0] as string)))
  switch (how) {
    case "after":
      return remade(steps, out, `${out}_before_${child}`, [call(child, `${out}_before_${child}`, out)])
    case "before": {
      const [x, user] = beforeWindows(steps, called.args[0] as string, at)
      const step = steps[user] as CallStep
      const rewired = { ...step, args: step.args.map((arg, i) => (i === 0 ? `${child}_out` : arg)) }
      return [...steps.slice(0, user), call(child, x, `${child}_out`), rewired, ...steps.slice(user + 1)]
    }
    case "beside": {
      const [x] = beforeWindows(steps, called.args[0] as string, at)
      const [side, value] = scaled(child, x, scale)
      const before = `${out}_before_${child}`
      return remade(steps, out, before, [...side, fn("add", [before, value], out)])
    }
    case "onSkip":
    case "besideSkip": {
      const found = residualAround(module, out)
      if (found === undefined) return `there is no residual connection around '${place}'`
      const [sum, skip] = found
      const step = steps[sum] as FunctionStep
      if (how === "onSkip") {
        const args = step.args.map((arg) => (arg === skip ? child : arg))
        return [...steps.slice(0, sum), call(child, skip, child), { ...step, args }, ...steps.slice(sum + 1)]
      }
      const [side, value] = scaled(child, unadapted(module, skip), scale)
      const before = `${step.out}_before_${child}`
      return remade(steps, step.out, before, [...side, fn("add", [before, value], step.out)])
    }
  }
}

const inModule = (
  module: ModuleData,
  path: readonly string[],
  placement: AdapterPlacement,
  adaptation: number,
): Edited => {
  const [name, index] = path as [string, string | undefined]
  const calls = module.steps.flatMap((step, i) =>
    "call" in step && step.call === name && (index === undefined || `${step.index}` === index) ? [i] : [],
  )
  if (calls.length === 0) return { problem: `'${placement.place}' is in the block, but its forward never calls it` }
  if (calls.length > 1)
    return { problem: `'${placement.place}' is called ${calls.length} times: an edit needs one call` }
  const child = fresh(module.children, placement.name)
  const steps = inSteps(module, calls[0] as number, child, placement)
  if (typeof steps === "string") return { problem: steps }
  return {
    layer: {
      ...module,
      children: { ...module.children, [child]: startingAtZero(placement.layer) },
      steps,
      added: { ...module.added, [child]: adaptation },
    },
  }
}

const inSequence = (row: SequentialData, name: string, placement: AdapterPlacement, adaptation: number): Edited => {
  const { how, place } = placement
  if (how !== "after" && how !== "before")
    return { problem: `'${place}' stands in a sequence, which has an after and a before only` }
  const names = childrenOf(row).map(([key]) => key)
  const at = names.indexOf(name) + (how === "after" ? 1 : 0)
  const child = fresh(Object.fromEntries(names.map((key) => [key, true])), placement.name)
  return {
    layer: {
      ...row,
      layers: row.layers.toSpliced(at, 0, startingAtZero(placement.layer)),
      names: names.toSpliced(at, 0, child),
      added: { ...row.added, [child]: adaptation },
    },
  }
}

/** Rewrites the child at a name. */
const withChild = (layer: LayerData, name: string, child: LayerData): LayerData => {
  switch (layer.kind) {
    case "module":
      return { ...layer, children: { ...layer.children, [name]: child } }
    case "sequential":
    case "list":
    case "parallel":
      return { ...layer, layers: layer.layers.map((l, i) => (childrenOf(layer)[i]?.[0] === name ? child : l)) }
    default:
      return layer
  }
}
/** Rewrites the layer at a path, which is there. */
export const mapAt = (layer: LayerData, path: readonly string[], f: (layer: LayerData) => LayerData): LayerData => {
  const [name, ...rest] = path
  if (name === undefined) return f(layer)
  if (layer.kind === "residual" || layer.kind === "shared") return { ...layer, layer: mapAt(layer.layer, path, f) }
  const child = childrenOf(layer).find(([key]) => key === name)
  return child === undefined ? layer : withChild(layer, name, mapAt(child[1], rest, f))
}

/** Paths of everything in a block. */
export const placesIn = (layer: LayerData, path = ""): readonly string[] =>
  childrenOf(layer).flatMap(([name, child]) => {
    const at = path === "" ? name : name === "" ? path : `${path}.${name}`
    return [...(name === "" ? [] : [at]), ...placesIn(child, at)]
  })

const withAdapter = (block: LayerData, placement: AdapterPlacement, adaptation: number): Edited => {
  const path = placement.place.split(".")
  const there = layerAt(block, path)
  if (there === undefined || there.kind === "parameter" || there.kind === "buffer")
    return { problem: noPlace(placement.place), near: placesIn(block) }
  // The module or sequence that calls it: above a list, for what stands in one.
  const inList = path.length > 1 && layerAt(block, path.slice(0, -1))?.kind === "list"
  const own = path.slice(inList ? -2 : -1)
  const above = path.slice(0, path.length - own.length)
  let problem: Edited | undefined
  const edit = (holder: LayerData): LayerData => {
    const edited: Edited =
      holder.kind === "module"
        ? inModule(holder, own, placement, adaptation)
        : holder.kind === "sequential"
          ? inSequence(holder, own[0] as string, placement, adaptation)
          : { problem: `nothing can be added at '${placement.place}': it stands in no module or sequence` }
    if ("layer" in edited) return edited.layer
    problem = edited
    return holder
  }
  // A block may be x + f(x) itself, or stand in several places.
  const holder = (layer: LayerData): LayerData =>
    layer.kind === "residual" || layer.kind === "shared" ? { ...layer, layer: holder(layer.layer) } : edit(layer)
  const layer = mapAt(block, above, holder)
  return problem ?? { layer }
}

const slices = ["q", "k", "v"]
/** Where an update goes: a third of the fused qkv, or a layer of its own. */
export const loraTarget = (
  on: string,
  place: string | undefined,
): { readonly path: readonly string[]; readonly slice: number } =>
  slices.includes(on) && on !== place
    ? { path: (place ?? "attn.qkv").split("."), slice: slices.indexOf(on) }
    : { path: on.split("."), slice: -1 }

const linearPaths = (block: LayerData): readonly string[] =>
  placesIn(block).filter((path) => layerAt(block, path.split("."))?.kind === "linear")

const withLora = (block: LayerData, { on, rank, alpha, at, place }: LoraPlacement, adaptation: number): Edited =>
  on.reduce<Edited>(
    (edited, name) => {
      if ("problem" in edited) return edited
      const { path, slice } = loraTarget(name, place)
      const target = layerAt(edited.layer, path)
      if (target?.kind !== "linear")
        return {
          problem: `there is no linear layer '${slice < 0 ? name : `${path.join(".")}', for '${name}`}' in a block`,
          near: [...(slice < 0 ? slices : []), ...linearPaths(edited.layer)],
        }
      if (slice >= 0 && target.gives % 3 !== 0)
        return { problem: `'${path.join(".")}' gives ${target.gives} features, which are not q, k and v of one width` }
      const gives = slice < 0 ? target.gives : target.gives / 3
      const taken = Object.fromEntries((target.lora ?? []).map((update) => [update.target, true]))
      const update: LoraData = {
        target: slice < 0 && !Object.hasOwn(taken, "") ? "" : fresh(taken, slice < 0 ? "more" : name),
        rank,
        scale: alpha / rank,
        offset: slice < 0 ? 0 : slice * gives,
        gives,
        adaptation,
        ...(at === undefined ? {} : { at }),
      }
      return {
        layer: mapAt(edited.layer, path, (layer) =>
          layer.kind === "linear" ? { ...layer, lora: [...(layer.lora ?? []), update] } : layer,
        ),
      }
    },
    { layer: block },
  )

const usesGrid = (layer: LayerData): boolean =>
  (layer.kind === "module" &&
    layer.steps.some((step) => "fn" in step && (step.fn === "windows" || step.fn === "relPosAttention"))) ||
  childrenOf(layer).some(([, child]) => usesGrid(child))

/** A tensor that learns, of a module: the child, and the steps that give it for each image of a batch. */
const learned = (
  module: ModuleData,
  name: string,
  shape: readonly number[],
  init: Init,
  like: string,
): { readonly child: string; readonly layer: LayerData; readonly steps: readonly Step[]; readonly value: string } => {
  const child = fresh(module.children, name)
  const value = `${child}_repeated`
  return {
    child,
    layer: { kind: "parameter", shape, init },
    steps: [{ read: child, out: child }, fn("repeatBatch", [child, like], value)],
    value,
  }
}

const withTokens = (block: LayerData, { count, stay, init, name }: TokensPlacement, adaptation: number): Edited => {
  const [input] = block.kind === "module" ? block.inputs : []
  const [output] = block.kind === "module" ? Object.values(block.outputs) : []
  if (block.kind !== "module" || block.inputs.length !== 1 || input === undefined || output === undefined)
    return { problem: "tokens are added to blocks of one input, and this is none" }
  if (usesGrid(block))
    return { problem: "the tokens of this block are a grid with positions: others have no place in it" }
  const { child, layer, steps, value } = learned(block, name, [1, count, block.takes], init, input)
  const joined = `${child}_joined`
  const inner = block.steps.map((step) =>
    "args" in step ? { ...step, args: step.args.map((arg) => (arg === input ? joined : arg)) } : step,
  )
  const own = { axis: 1, start: 0, end: -count }
  const with_ = `${output}_with_${child}`
  return {
    layer: {
      ...block,
      children: { ...block.children, [child]: layer },
      steps: [
        ...steps,
        fn("concat", [input, value], joined, { axis: 1 }),
        ...(stay ? inner : remade(inner, output, with_, [fn("slice", [with_], output, own)])),
      ],
      added: { ...block.added, [child]: adaptation },
    },
  }
}

const withPrefix = (block: LayerData, { place, count, init }: PrefixPlacement, adaptation: number): Edited => {
  const path = place.split(".")
  const there = layerAt(block, path)
  if (there === undefined) return { problem: noPlace(place), near: placesIn(block) }
  const at = there.kind === "module" ? there.steps.findIndex((step) => "fn" in step && step.fn === "attention") : -1
  const attends = there.kind === "module" ? (there.steps[at] as FunctionStep | undefined) : undefined
  if (there.kind !== "module" || attends === undefined)
    return { problem: `'${place}' does not attend by forward.attention, whose keys and values others can join` }
  const [q, k, v] = attends.args as [string, string, string]
  const keys = learned(there, "prefix_k", [1, count, there.takes], init, k)
  const values = learned(there, "prefix_v", [1, count, there.takes], init, v)
  const joined = (x: string) => `${x}_with_prefix`
  const edited: ModuleData = {
    ...there,
    children: { ...there.children, [keys.child]: keys.layer, [values.child]: values.layer },
    steps: [
      ...there.steps.slice(0, at),
      ...keys.steps,
      fn("concat", [keys.value, k], joined(k), { axis: 1 }),
      ...values.steps,
      fn("concat", [values.value, v], joined(v), { axis: 1 }),
      { ...attends, args: [q, joined(k), joined(v)] },
      ...there.steps.slice(at + 1),
    ],
    added: { ...there.added, [keys.child]: adaptation, [values.child]: adaptation },
  }
  return { layer: mapAt(block, path, () => edited) }
}

/** A block with one placement. */
export const edited = (block: LayerData, placement: PlacementData, adaptation: number): Edited => {
  switch (placement.kind) {
    case "lora":
      return withLora(block, placement, adaptation)
    case "tokens":
      return withTokens(block, placement, adaptation)
    case "prefix":
      return withPrefix(block, placement, adaptation)
    case "adapter":
      return withAdapter(block, placement, adaptation)
  }
}
