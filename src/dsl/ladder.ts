/**
 * Ladder side-tuning (Sung et al. 2022): a narrow network beside the blocks, fed from each of them, whose end is added to theirs. No gradient goes through
 * the blocks. The module that calls the blocks gets the ladder; the blocks stay as they are.
 */
import { layerAt, pathOf } from "./blocks.ts"
import { define, features } from "./define.ts"
import { startingAtZero } from "./edit.ts"
import { call, type Edited, fn, fresh, mapAt, usersOf } from "./editSteps.ts"
import * as forward from "./functions.ts"
import { type CallStep, dataOf, type LayerData, type ListData, layerOf, type ModuleData, type Step } from "./layer.ts"
import { linear } from "./layers/linear.ts"
import { parameter } from "./layers/raw.ts"
import type { LadderPlacement } from "./placement.ts"
import { childrenOf } from "./tensors.ts"
import type { Value } from "./value.ts"

/** What a block of a row was given. */
export interface Rung {
  /** Of the row, from 0. */
  readonly block: number
  readonly width: number
  readonly placement: LadderPlacement
}

const sharpness = 10 // upstream's gates are sigmoid(α / 0.1)

/** s → side(g · down(x) + (1 − g) · s), g = sigmoid(10 α), α at zero: half and half to begin with. */
const rungOf = ({ width, placement: { rank, layer } }: Rung, before: number): LayerData =>
  dataOf(
    define(
      "Rung",
      {
        gate: parameter([1], { fill: 0 }),
        down: linear(width as number, rank),
        ...(before === rank ? {} : { carry: linear(before, rank) }),
        side: layerOf<number, number>(layer),
      },
      { x: features(width as number), s: features(before) },
      (m, { x, s }) => {
        const gate: Value<number> = forward.sigmoid(forward.scale(m.gate, sharpness))
        const carried = "carry" in m ? (m as { readonly carry: (s: Value<number>) => Value<number> }).carry(s) : s
        const rest = forward.shift(forward.scale(gate, -1), 1)
        return { s: m.side(forward.add(forward.mul(m.down(x), gate), forward.mul(carried, rest))) }
      },
    ),
  )

/** The row as a list, each of whose blocks the forward calls by itself: names of tensors stay. */
export const unrolled = (module: ModuleData, name: string, what: string): ModuleData | string => {
  const row = module.children[name]
  if (row?.kind === "list") return module
  if (row?.kind !== "sequential" || childrenOf(row).some(([key], i) => key !== `${i}`))
    return `the blocks have names of their own, and ${what} blocks that are numbered`
  const { kind: _, names: __, ...rest } = row as typeof row & { readonly names?: unknown }
  const list: ListData = { ...rest, kind: "list", layers: row.layers }
  const steps = module.steps.flatMap((step): readonly Step[] => {
    if (!("call" in step) || step.call !== name) return [step]
    const [x, out] = [step.args[0] as string, step.outs[0] as string]
    const end = row.layers.length - 1
    const value = (i: number) => (i < 0 ? x : i === end ? out : `${out}_${i}`)
    return row.layers.map((_, index): Step => ({ ...step, index, args: [value(index - 1)], outs: [value(index)] }))
  })
  return { ...module, children: { ...module.children, [name]: list }, steps }
}

const inModule = (given: ModuleData, name: string, rungs: readonly Rung[], adaptation: number): Edited => {
  const module = unrolled(given, name, "a ladder is for")
  if (typeof module === "string") return { problem: module }
  const calls = module.steps.flatMap((step, at) => ("call" in step && step.call === name ? [{ step, at }] : []))
  const [first, last] = [calls[0], calls.at(-1)]
  const row = module.children[name] as ListData
  if (first === undefined || last === undefined || calls.length !== row.layers.length)
    return { problem: "a ladder is for blocks that the forward calls once each, one after another" }
  const [start, end] = [first.step.args[0] as string, last.step.outs[0] as string]
  const own = (kind: string): string => fresh(module.children, kind)
  const [side, foot, top] = [own("ladder"), own("ladder_foot"), own("ladder_top")]
  const states = rungs.map((_, i) => `${side}_${i}`)
  const climbing = (step: Step): readonly Step[] => {
    const i = "call" in step && step.call === name ? rungs.findIndex(({ block }) => block === step.index) : -1
    if (i < 0) return []
    const before = i === 0 ? foot : (states[i - 1] as string)
    return [{ call: side, index: i, args: [(step as CallStep).outs[0] as string, before], outs: [states[i] as string] }]
  }
  // Who reads the blocks' end reads it with the ladder's.
  const users = usersOf(module.steps, end)
  const sum = `${end}_with_${side}`
  const steps = module.steps.flatMap((step, at) => {
    const called = users.includes(at) && "args" in step && at > last.at
    const read = called ? { ...step, args: step.args.map((arg) => (arg === end ? sum : arg)) } : step
    const before = at === first.at ? [call(foot, start, foot)] : []
    const after =
      at === last.at ? [call(top, states.at(-1) as string, `${top}_out`), fn("add", [end, `${top}_out`], sum)] : []
    return [...before, read, ...climbing(step), ...after]
  })
  const [low, high] = [rungs[0] as Rung, rungs.at(-1) as Rung]
  const ends = high.width
  const added = { [side]: adaptation, [foot]: adaptation, [top]: adaptation }
  return {
    layer: {
      ...module,
      steps,
      outputs: Object.fromEntries(Object.entries(module.outputs).map(([key, v]) => [key, v === end ? sum : v])),
      children: {
        ...module.children,
        [foot]: dataOf(linear(low.width as number, low.placement.rank)),
        [side]: {
          kind: "list",
          layers: rungs.map((rung, i) => rungOf(rung, (rungs[i - 1] ?? low).placement.rank)),
        } as ListData,
        [top]: startingAtZero(dataOf(linear(high.placement.rank as number, ends))),
      },
      added: { ...module.added, ...added },
    },
  }
}

/** The network with a ladder beside a row of blocks. */
export const withLadder = (network: LayerData, rowPath: string, rungs: readonly Rung[], adaptation: number): Edited => {
  const path = pathOf(rowPath)
  const [above, name] = [path.slice(0, -1), path.at(-1)]
  const holder = layerAt(network, above)
  if (name === undefined || holder?.kind !== "module")
    return { problem: "a ladder is for blocks that a module's forward calls" }
  const edited = inModule(holder, name, rungs, adaptation)
  return "problem" in edited ? edited : { layer: mapAt(network, above, () => edited.layer) }
}
