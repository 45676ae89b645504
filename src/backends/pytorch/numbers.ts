/**
 * Which numbers of a layer may differ between two modules of one class: widths, ranks, window sizes.
 * All else (kinds, kernels, biases, steps) is its form; modules of equal form share a class and pass their numbers as arguments.
 */
import type { LayerData, LinearData, ModuleData, Step } from "../../dsl/layer.ts"
import { childrenOf } from "../../dsl/tensors.ts"

/** The data of layers of this kind; some kinds share one. */
export type Of<K extends LayerData["kind"], L = LayerData> = L extends { readonly kind: infer Kinds }
  ? K extends Kinds
    ? L
    : never
  : never
type Numbers = Readonly<Record<string, number>>

const widths = ({ takes, gives }: { readonly takes: number; readonly gives: number }): Numbers => ({ takes, gives })
const none = (): Numbers => ({})
const indexed = (name: string, values: readonly number[]): Numbers =>
  Object.fromEntries(values.map((value, i) => [`${name}.${i}`, value]))

const ownNumbers: { readonly [K in LayerData["kind"]]: (layer: Of<K>) => Numbers } = {
  linear: ({ takes, gives, lora = [] }: LinearData) => ({
    takes,
    gives,
    ...Object.fromEntries(
      lora.flatMap(({ rank, scale, offset, gives }, i) => [
        [`lora.${i}.rank`, rank],
        [`lora.${i}.scale`, scale],
        [`lora.${i}.offset`, offset],
        [`lora.${i}.gives`, gives],
      ]),
    ),
  }),
  conv2d: ({ takes, gives, groups }) => ({ takes, gives, groups }),
  conv1d: ({ takes, gives, groups }) => ({ takes, gives, groups }),
  convTranspose2d: ({ takes, gives, groups }) => ({ takes, gives, groups }),
  layerNorm: widths,
  layerNorm2d: widths,
  batchNorm2d: widths,
  batchNorm1d: widths,
  groupNorm: ({ gives, groups }) => ({ gives, groups }),
  embedding: ({ rows, gives }) => ({ rows, gives }),
  parameter: ({ shape }) => indexed("shape", shape),
  buffer: ({ shape, init }) => ("values" in init || "formula" in init ? {} : indexed("shape", shape)),
  relu: none,
  gelu: none,
  sigmoid: none,
  tanh: none,
  identity: none,
  dropout: none,
  dropPath: ({ p = 0 }) => ({ p }),
  maxPool2d: none,
  avgPool2d: none,
  globalAveragePool: none,
  upsample: none,
  sequential: none,
  list: none,
  residual: none,
  parallel: none,
  module: none,
  shared: none,
}

/** Attributes of steps that may differ. */
const free = new Set(["heads", "size", "height", "width", "by"])
export const stepNumbers = (step: Step): Numbers => {
  if (!("fn" in step)) return {}
  const { sizes = {}, ...attrs } = step.attrs
  const own = Object.entries(attrs).filter(
    (entry): entry is [string, number] => free.has(entry[0]) && typeof entry[1] === "number",
  )
  const parts = Object.entries(sizes as Numbers).map(([axis, size]) => [`sizes.${axis}`, size] as const)
  return Object.fromEntries([...own, ...parts])
}

/** Below a module, by path: each layer that the module itself makes, and each module that it has one of. */
export const layersOf = (module: ModuleData): readonly (readonly [path: string, layer: LayerData])[] => {
  const found: (readonly [string, LayerData])[] = []
  const walk = (path: string, layer: LayerData) => {
    found.push([path, layer])
    if (layer.kind === "module") return
    for (const [name, child] of childrenOf(layer)) walk(`${path}/${name}`, child)
  }
  for (const [name, child] of Object.entries(module.children)) walk(name, child)
  return found
}

/** A module's own numbers by place, not those of modules in it. */
export const numbersOf = (module: ModuleData): ReadonlyMap<string, number> => {
  const found = new Map<string, number>()
  const add = (path: string, numbers: Numbers) => {
    for (const [name, value] of Object.entries(numbers)) found.set(`${path}:${name}`, value)
  }
  for (const [path, layer] of layersOf(module)) add(path, (ownNumbers[layer.kind] as (l: LayerData) => Numbers)(layer))
  module.steps.forEach((step, i) => add(`step ${i}`, stepNumbers(step)))
  return found
}

/** What a layer is, its free numbers left out. Layers with equal forms can be of one class. */
export const formOf = (layer: LayerData): string => JSON.stringify(form(layer))

const form = (layer: LayerData): unknown => {
  const { at: _at, takes: _takes, gives: _gives, ...rest } = layer as LayerData & { takes?: number; gives?: number }
  switch (rest.kind) {
    case "module": {
      const { children, steps, added = {}, widths: _widths, ...module } = rest
      return {
        ...module,
        children: Object.entries(children).map(([name, child]) => [name, form(child)]),
        added: Object.keys(added),
        steps: steps.map(stepForm),
      }
    }
    case "sequential":
    case "list":
    case "parallel":
      return { ...rest, layers: rest.layers.map(form) }
    case "residual":
    case "shared":
      return { ...rest, layer: form(rest.layer) }
    case "linear":
      return { ...rest, lora: rest.lora?.map(({ target }) => target) }
    case "dropPath":
      return { ...rest, p: 0 }
    case "conv2d":
    case "conv1d":
    case "convTranspose2d":
    case "groupNorm":
      return { ...rest, groups: 0 }
    case "embedding":
      return { ...rest, rows: 0 }
    case "parameter":
      return { ...rest, shape: rest.shape.length }
    case "buffer":
      return "values" in rest.init || "formula" in rest.init ? rest : { ...rest, shape: rest.shape.length }
    default:
      return rest
  }
}
const stepForm = ({ at: _at, ...step }: Step): unknown => {
  if (!("fn" in step)) return step
  const { sizes, ...attrs } = step.attrs
  const fixed = Object.entries(attrs).filter(([name, value]) => !(free.has(name) && typeof value === "number"))
  return { ...step, attrs: fixed, sizes: Object.keys(sizes ?? {}) }
}
