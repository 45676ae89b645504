/**
 * Edits at places of a block's own tree. A place is a path of children, `attn`, `attn.qkv`, `mlp.0`; what is edited is the step that calls the
 * child there: what comes out of it, what goes in, what is added to it, and the residual connection around it.
 */
import { layerAt } from "./blocks.ts"
import { call, type Edited, fn, fresh, makerOf, mapAt, outsOf, placesIn, remade, usersOf } from "./editSteps.ts"
import { withPrefix, withTokens } from "./editTokens.ts"
import type { CallStep, FunctionStep, Init, LayerData, LoraData, ModuleData, SequentialData, Step } from "./layer.ts"
import type { AdapterPlacement, LoraPlacement, PlacementData } from "./placement.ts"
import { noPlace } from "./sentences.ts"
import { childrenOf } from "./tensors.ts"

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

/** A block with one placement. */
export const edited = (block: LayerData, placement: PlacementData, adaptation: number): Edited => {
  switch (placement.kind) {
    case "lora":
      return withLora(block, placement, adaptation)
    case "tokens":
      return withTokens(block, placement, adaptation)
    case "prefix":
      return withPrefix(block, placement, adaptation)
    case "ladder":
      // Beside all blocks: see network.ts.
      return { layer: block }
    case "adapter":
      return withAdapter(block, placement, adaptation)
  }
}
