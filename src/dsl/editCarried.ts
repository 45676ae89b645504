/**
 * Tokens that stay beside a grid, as visual prompt tuning's shallow ones: a second value that goes from block to block. In a block they go the way of its own tokens:
 * its norms, its attention, its MLP, its residual connections. A window has all of them among its keys, and makes of each another token; after the block
 * a token is the mean over the windows, as upstream has it for Swin.
 */
import { layerAt, pathOf } from "./blocks.ts"
import { type Edited, fn, fresh, mapAt, outsOf } from "./editSteps.ts"
import { attending } from "./editTokens.ts"
import { unrolled } from "./ladder.ts"
import type { CallStep, FunctionStep, LayerData, ListData, ModuleData, Step } from "./layer.ts"
import type { TokensPlacement } from "./placement.ts"
import { childrenOf } from "./tensors.ts"

const uses = (layer: LayerData, found: (layer: LayerData) => boolean): boolean =>
  found(layer) || childrenOf(layer).some(([, child]) => uses(child, found))
const attends = (layer: LayerData): boolean =>
  uses(layer, (one) => one.kind === "module" && one.steps.some((step) => "fn" in step && step.fn === "relPosAttention"))
/** The same of tokens as of the grid, where it is done to each place by itself. */
const alike: ReadonlySet<FunctionStep["fn"]> = new Set([
  "add",
  "sub",
  "mul",
  "scale",
  "shift",
  "relu",
  "gelu",
  "sigmoid",
])
const byPlace: ReadonlySet<LayerData["kind"]> = new Set([
  ...(["linear", "layerNorm", "relu", "gelu", "sigmoid", "tanh", "identity"] as const),
  ...(["sequential", "residual", "shared", "parameter", "module"] as const),
])
/** What is called with tokens as it is with a grid: it works on the features of each place. */
const worksByPlace = (layer: LayerData): boolean =>
  !uses(layer, (one) => {
    const steps = one.kind === "module" ? one.steps : []
    return !byPlace.has(one.kind) || steps.some((step) => "fn" in step && !alike.has(step.fn))
  })

/** The grid's attention with the tokens among its keys, and the tokens' own over both. */
const attendingBoth = (step: FunctionStep, width: number, tokens: string): readonly Step[] => {
  const [qkv] = step.args as [string]
  const part = (of: string, kind: string, i: number) =>
    fn("slice", [of], `${tokens}_${kind}`, { axis: 2, start: i * width, end: (i + 1) * width })
  const has = step.args.length > 3
  const [k, v] = has ? [`${tokens}_keys`, `${tokens}_values`] : [`${tokens}_k`, `${tokens}_v`]
  return [
    ...["q", "k", "v"].map((kind, i) => part(tokens, kind, i)),
    ...attending(step, tokens, `${tokens}_k`, `${tokens}_v`),
    fn("rearrange", [qkv], `${tokens}_grid`, { pattern: "b h w c -> b (h w) c", sizes: {} }),
    part(`${tokens}_grid`, "grid_k", 1),
    part(`${tokens}_grid`, "grid_v", 2),
    fn("concat", [k, `${tokens}_grid_k`], `${tokens}_all_k`, { axis: 1 }),
    fn("concat", [v, `${tokens}_grid_v`], `${tokens}_all_v`, { axis: 1 }),
    fn("attention", [`${tokens}_q`, `${tokens}_all_k`, `${tokens}_all_v`], `${tokens}_attended`, step.attrs),
  ]
}

interface Followed {
  readonly module: ModuleData
  /** The tokens' value when the module ends. */
  readonly out: string
}
/** The module's steps with the same for tokens: `tokens` is their value beside its input. */
const following = (module: ModuleData, tokens: string): Followed | string => {
  const beside: Record<string, string> = { [module.inputs[0] as string]: tokens }
  const children: Record<string, LayerData> = { ...module.children }
  let problem: string | undefined
  const to = (value: string): string => {
    beside[value] = `${tokens}_of_${value}`
    return beside[value]
  }
  const called = (step: CallStep, own: string): readonly Step[] => {
    const child = children[step.call] as LayerData
    const [out] = step.outs as [string]
    if (child.kind === "module" && attends(child)) {
      const inside = following(child, fresh(child.children, "tokens"))
      if (typeof inside === "string") {
        problem = inside
        return [step]
      }
      children[step.call] = withTokensIn(inside)
      return [{ ...step, args: [...step.args, own], outs: [out, to(out)] }]
    }
    if (!worksByPlace(child)) {
      problem = `tokens cannot go through '${step.call}', which works on a grid`
      return [step]
    }
    return [step, { ...step, args: [own], outs: [to(out)] }]
  }
  const steps = module.steps.flatMap((step): readonly Step[] => {
    const own = "args" in step ? step.args.map((arg) => beside[arg]) : []
    const [first] = own
    if (first === undefined || !("args" in step)) return [step]
    if ("call" in step) return step.args.length === 1 ? called(step, first) : [step]
    switch (step.fn) {
      case "windows":
        return [step, fn("repeatEach", [first, step.out], to(step.out))]
      case "unwindows":
        return [step, fn("meanEach", [first, step.args[1] as string], to(step.out))]
      case "relPosAttention":
        beside[step.out] = `${first}_attended`
        return attendingBoth(step, module.takes, first)
      default:
        return alike.has(step.fn) && own.every((value) => value !== undefined)
          ? [step, { ...step, args: own as readonly string[], out: to(step.out) }]
          : [step]
    }
  })
  const end = beside[Object.values(module.outputs)[0] as string]
  if (problem !== undefined) return problem
  return end === undefined
    ? "tokens cannot follow what this block does with its grid"
    : { module: { ...module, children, steps }, out: end }
}
/** Tokens come in beside the grid, and go out so. */
const withTokensIn = ({ module: { single: _, ...module }, out }: Followed): ModuleData => {
  const tokens = fresh(module.children, "tokens")
  return { ...module, inputs: [...module.inputs, tokens], outputs: { ...module.outputs, [tokens]: out } }
}

/** The block in which tokens join: they are its own. */
const joining = (
  block: ModuleData,
  { count, init, name }: TokensPlacement,
  adaptation: number,
): ModuleData | string => {
  const [input] = block.inputs as [string]
  const child = fresh(block.children, name)
  const value = `${child}_repeated`
  const followed = following(block, value)
  if (typeof followed === "string") return followed
  const { module, out } = followed
  return {
    ...module,
    children: { ...module.children, [child]: { kind: "parameter", shape: [1, count, block.takes], init } },
    steps: [{ read: child, out: child }, fn("repeatBatch", [child, input], value), ...module.steps],
    outputs: { ...module.outputs, [fresh(block.children, "tokens")]: out },
    added: { ...module.added, [child]: adaptation },
  }
}

/** What nothing reads any more is not computed: the last block's tokens. */
const pruned = (module: ModuleData): ModuleData => {
  const outputs = Object.fromEntries(Object.entries(module.outputs).slice(0, 1))
  const read = new Set(Object.values(outputs))
  const steps = module.steps.toReversed().filter((step) => {
    if (!outsOf(step).some((out) => read.has(out))) return false
    if ("args" in step) for (const arg of step.args) read.add(arg)
    return true
  })
  return { ...module, outputs, steps: steps.toReversed() }
}

const inModule = (
  given: ModuleData,
  name: string,
  from: number,
  placement: TokensPlacement,
  adaptation: number,
): Edited => {
  const module = unrolled(given, name, "tokens stay beside the grid of")
  if (typeof module === "string") return { problem: module }
  const row = module.children[name] as ListData
  const calls = module.steps.filter((step): step is CallStep => "call" in step && step.call === name)
  const inOrder = calls.length === row.layers.length && calls.every(({ index }, i) => index === i)
  if (!inOrder) return { problem: "tokens stay beside the grid of blocks that the forward calls once each, in order" }
  let problem: string | undefined
  const layers = row.layers.map((block, i) => {
    if (i < from || problem !== undefined) return block
    const alone = block.kind === "module" && block.inputs.length === 1
    const made = !alone
      ? "tokens stay in blocks of one input, and this is none"
      : i === from
        ? joining(block, placement, adaptation)
        : following(block, fresh(block.children, "tokens"))
    if (typeof made === "string") {
      problem = made
      return block
    }
    const whole = "out" in made ? withTokensIn(made) : made
    return i === row.layers.length - 1 ? pruned(whole) : whole
  })
  if (problem !== undefined) return { problem }
  const at = (i: number) => `${placement.name}_${i}`
  const steps = module.steps.map((step): Step => {
    if (!("call" in step) || step.call !== name || (step.index as number) < from) return step
    const { index = 0, args, outs } = step
    return {
      ...step,
      args: index === from ? args : [...args, at(index - 1)],
      outs: index === row.layers.length - 1 ? outs : [...outs, at(index)],
    }
  })
  return { layer: { ...module, children: { ...module.children, [name]: { ...row, layers } }, steps } }
}

/** The network with tokens that join in a block of a row and stay until its end. */
export const withCarried = (
  network: LayerData,
  rowPath: string,
  from: number,
  placement: TokensPlacement,
  adaptation: number,
): Edited => {
  const path = pathOf(rowPath)
  const [above, name] = [path.slice(0, -1), path.at(-1)]
  const holder = layerAt(network, above)
  if (name === undefined || holder?.kind !== "module")
    return { problem: "tokens stay beside the grid of blocks that a module's forward calls" }
  const edited = inModule(holder, name, from, placement, adaptation)
  return "problem" in edited ? edited : { layer: mapAt(network, above, () => edited.layer) }
}
