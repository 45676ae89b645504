/** Steps of a module's forward, and paths in its tree: what edits are made of. */
import type { CallStep, FunctionStep, LayerData, Step } from "./layer.ts"
import { childrenOf } from "./tensors.ts"

/** The block with what was to be added, or why that cannot be. */
export type Edited = { readonly layer: LayerData } | { readonly problem: string; readonly near?: readonly string[] }

export const outsOf = (step: Step): readonly string[] => ("outs" in step ? step.outs : [step.out])
export const argsOf = (step: Step): readonly string[] => ("args" in step ? step.args : [])
export const makerOf = (steps: readonly Step[], value: string): number =>
  steps.findIndex((step) => outsOf(step).includes(value))
export const usersOf = (steps: readonly Step[], value: string): readonly number[] =>
  steps.flatMap((step, i) => (argsOf(step).includes(value) ? [i] : []))

export const renamed = (step: Step, from: string, to: string): Step =>
  "outs" in step
    ? { ...step, outs: step.outs.map((o) => (o === from ? to : o)) }
    : step.out === from
      ? { ...step, out: to }
      : step

/** The value keeps its name; what made it makes `inner` now, and `wrap` makes the value from that. */
export const remade = (
  steps: readonly Step[],
  value: string,
  inner: string,
  wrap: readonly Step[],
): readonly Step[] => {
  const i = makerOf(steps, value)
  return [...steps.slice(0, i), renamed(steps[i] as Step, value, inner), ...wrap, ...steps.slice(i + 1)]
}

export const call = (child: string, arg: string, out: string): CallStep => ({ call: child, args: [arg], outs: [out] })
export const fn = (
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
export const fresh = (taken: object, name: string): string => {
  if (!Object.hasOwn(taken, name)) return name
  let n = 2
  while (Object.hasOwn(taken, `${name}_${n}`)) n += 1
  return `${name}_${n}`
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
