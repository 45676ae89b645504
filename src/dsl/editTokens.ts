/** Tokens, keys and values that learn beside those of a block. */
import { layerAt } from "./blocks.ts"
import { call, type Edited, fn, fresh, makerOf, mapAt, placesIn, remade } from "./editSteps.ts"
import type { CallStep, FunctionStep, Init, LayerData, ModuleData, Step } from "./layer.ts"
import type { PrefixPlacement, TokensPlacement } from "./placement.ts"
import { noPlace } from "./sentences.ts"
import { childrenOf } from "./tensors.ts"

const uses = (layer: LayerData, names: readonly string[]): boolean =>
  (layer.kind === "module" && layer.steps.some((step) => "fn" in step && names.includes(step.fn))) ||
  childrenOf(layer).some(([, child]) => uses(child, names))
export const usesGrid = (layer: LayerData): boolean => uses(layer, ["windows", "relPosAttention"])

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

/** Where a module attends: the step, and what it takes of keys and values that have no place on the grid. */
const attentionIn = ({ steps }: ModuleData): { readonly at: number; readonly step: FunctionStep } | undefined => {
  const at = steps.findIndex((step) => "fn" in step && (step.fn === "attention" || step.fn === "relPosAttention"))
  return at < 0 ? undefined : { at, step: steps[at] as FunctionStep }
}
/** Attention with more keys and values: before its own in a sequence, beside the grid on one. `name` keeps their values apart. */
export const attending = (step: FunctionStep, name: string, keys: string, values: string): readonly Step[] => {
  const onGrid = step.fn === "relPosAttention"
  const [own, others] = onGrid
    ? [step.args.slice(3), step.args.slice(0, 3)]
    : [step.args.slice(1), step.args.slice(0, 1)]
  const join = (more: string, before: string | undefined, kind: string): readonly [readonly Step[], string] =>
    before === undefined
      ? [[], more]
      : [[fn("concat", [more, before], `${name}_${kind}`, { axis: 1 })], `${name}_${kind}`]
  const [k, v] = [join(keys, own[0], "keys"), join(values, own[1], "values")]
  return [...k[0], ...v[0], { ...step, args: [...others, k[1], v[1]] }]
}

/** What a block's input goes through before a child is called with it: the children, first to last; windows are cut on the way. */
const wayTo = (block: ModuleData, value: string): readonly string[] | undefined => {
  if (value === block.inputs[0]) return []
  const maker = block.steps[makerOf(block.steps, value)]
  if (maker === undefined || "read" in maker || maker.args.length !== 1) return undefined
  const before = wayTo(block, maker.args[0] as string)
  if (before === undefined) return undefined
  if ("fn" in maker) return maker.fn === "windows" ? before : undefined
  return [...before, maker.call]
}

/**
 * On a grid, tokens that leave after the block: it attends to them, each window to all of them, and what would become of them is not computed, since nothing
 * would read it. They go the way of the block's own tokens, through its norm and its keys and values.
 */
const besideGrid = (block: ModuleData, { count, init, name }: TokensPlacement, adaptation: number): Edited => {
  const at = block.steps.findIndex((step) => {
    const child = "call" in step ? block.children[step.call] : undefined
    return child?.kind === "module" && attentionIn(child)?.step.fn === "relPosAttention"
  })
  const called = block.steps[at] as CallStep | undefined
  const attn = called === undefined ? undefined : block.children[called.call]
  const none: Edited = { problem: "this block's attention takes no tokens beside those of its grid" }
  if (called === undefined || attn?.kind !== "module") return none
  const way = wayTo(block, called.args[0] as string)
  const { at: where, step } = attentionIn(attn) as { readonly at: number; readonly step: FunctionStep }
  const qkv = step.args[0] as string
  const maker = attn.steps[makerOf(attn.steps, qkv)]
  if (way === undefined || maker === undefined || !("call" in maker) || maker.args[0] !== attn.inputs[0]) return none
  const child = fresh(block.children, name)
  const through = way.map((norm, i) => call(norm, i === 0 ? child : `${child}_${i}`, `${child}_${i + 1}`))
  const projected = `${child}_qkv`
  const part = (kind: string, i: number): readonly Step[] => [
    fn("slice", [projected], `${child}_${kind}`, { axis: 2, start: i * attn.takes, end: (i + 1) * attn.takes }),
    fn("repeatBatch", [`${child}_${kind}`, qkv], `${child}_${kind}_repeated`),
  ]
  const { single: _, ...several } = attn
  const edited: ModuleData = {
    ...several,
    inputs: [...attn.inputs, child],
    steps: [
      ...attn.steps.slice(0, where),
      call(maker.call, child, projected),
      ...part("k", 1),
      ...part("v", 2),
      ...attending(step, child, `${child}_k_repeated`, `${child}_v_repeated`),
      ...attn.steps.slice(where + 1),
    ],
  }
  const withTokens: CallStep = {
    ...called,
    args: [...called.args, way.length === 0 ? child : `${child}_${way.length}`],
  }
  return {
    layer: {
      ...block,
      children: {
        ...block.children,
        [called.call]: edited,
        [child]: { kind: "parameter", shape: [1, count, block.takes], init },
      },
      steps: [
        ...block.steps.slice(0, at),
        { read: child, out: child },
        ...through,
        withTokens,
        ...block.steps.slice(at + 1),
      ],
      added: { ...block.added, [child]: adaptation },
    },
  }
}

export const withTokens = (block: LayerData, placement: TokensPlacement, adaptation: number): Edited => {
  const { count, stay, init, name } = placement
  const [input] = block.kind === "module" ? block.inputs : []
  const [output] = block.kind === "module" ? Object.values(block.outputs) : []
  if (block.kind !== "module" || block.inputs.length !== 1 || input === undefined || output === undefined)
    return { problem: "tokens are added to blocks of one input, and this is none" }
  // Those that stay go through all blocks after it: see network.ts.
  if (usesGrid(block)) return stay ? { layer: block } : besideGrid(block, placement, adaptation)
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

export const withPrefix = (block: LayerData, { place, count, init }: PrefixPlacement, adaptation: number): Edited => {
  const path = place.split(".")
  const there = layerAt(block, path)
  if (there === undefined) return { problem: noPlace(place), near: placesIn(block) }
  const found = there.kind === "module" ? attentionIn(there) : undefined
  if (there.kind !== "module" || found === undefined)
    return { problem: `'${place}' does not attend by forward.attention, whose keys and values others can join` }
  const { at, step } = found
  const like = step.args[step.fn === "attention" ? 1 : 0] as string
  const keys = learned(there, "prefix_k", [1, count, there.takes], init, like)
  const values = learned(there, "prefix_v", [1, count, there.takes], init, like)
  const edited: ModuleData = {
    ...there,
    children: { ...there.children, [keys.child]: keys.layer, [values.child]: values.layer },
    steps: [
      ...there.steps.slice(0, at),
      ...keys.steps,
      ...values.steps,
      ...attending(step, keys.child, keys.value, values.value),
      ...there.steps.slice(at + 1),
    ],
    added: { ...there.added, [keys.child]: adaptation, [values.child]: adaptation },
  }
  return { layer: mapAt(block, path, () => edited) }
}
