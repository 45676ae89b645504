/**
 * The network that a model is: its family's layers, with what was added to its blocks.
 * Placements rewrite the steps of a block by the names of its values: x, n1, a, x1, n2, m, out (sam/encoder.ts).
 */
import type { CallStep, FunctionStep, Init, LayerData, LoraData, ModuleData, Step } from "./layer.ts"
import type { Adaptation, ModelData } from "./model.ts"
import { withoutPlaces } from "./place.ts"
import type { AdapterPlacement, LoraPlacement, PlacementData, Site } from "./placement.ts"
import type { SamConfig } from "./sam/config.ts"
import { samNetwork } from "./sam/sam.ts"

const names: Readonly<Record<Site, string>> = {
  afterAttention: "after_attention",
  inMlpResidual: "in_mlp_residual",
  besideMlp: "beside_mlp",
  besideMlpResidual: "beside_mlp_residual",
}

const zeros: Init = { fill: 0 }

/** The last layer of a bottleneck starts at zero, so that the adapter starts as the identity, or as nothing. */
export const startingAtZero = (layer: LayerData): LayerData => {
  switch (layer.kind) {
    case "linear":
    case "conv2d":
    case "convTranspose2d":
      return { ...layer, init: zeros }
    case "residual":
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
const renamed = (step: Step, from: string, to: string): Step =>
  "outs" in step
    ? { ...step, outs: step.outs.map((o) => (o === from ? to : o)) }
    : step.out === from
      ? { ...step, out: to }
      : step

/** The value keeps its name; what made it makes `inner` now, and `wrap` makes the value from that. */
const after = (steps: readonly Step[], value: string, inner: string, wrap: readonly Step[]): readonly Step[] => {
  const i = steps.findIndex((step) => outsOf(step).includes(value))
  return [...steps.slice(0, i), renamed(steps[i]!, value, inner), ...wrap, ...steps.slice(i + 1)]
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

const placedSteps = (steps: readonly Step[], { site, scale }: AdapterPlacement, child: string): readonly Step[] => {
  switch (site) {
    case "afterAttention":
      return after(steps, "a", `a_before_${child}`, [call(child, `a_before_${child}`, "a")])
    case "inMlpResidual": {
      // The residual connection is the step that adds m.
      const i = steps.findIndex((step) => "fn" in step && step.fn === "add" && step.args[1] === "m")
      const sum = steps[i] as FunctionStep
      return [
        ...steps.slice(0, i),
        call(child, sum.args[0]!, child),
        { ...sum, args: [child, "m"] },
        ...steps.slice(i + 1),
      ]
    }
    case "besideMlp":
    case "besideMlpResidual": {
      const out = `${child}_out`
      return after(steps, "out", `out_before_${child}`, [
        call(child, site === "besideMlp" ? "n2" : "x1", out),
        ...(scale === 1 ? [] : [fn("scale", [out], `${child}_scaled`, { by: scale })]),
        fn("add", [`out_before_${child}`, scale === 1 ? out : `${child}_scaled`], "out"),
      ])
    }
  }
}

const fresh = (taken: object, name: string): string => {
  if (!(name in taken)) return name
  let n = 2
  while (`${name}_${n}` in taken) n += 1
  return `${name}_${n}`
}

const withAdapter = (block: ModuleData, placement: AdapterPlacement, adaptation: number): ModuleData => {
  const child = fresh(block.children, names[placement.site])
  return {
    ...block,
    children: { ...block.children, [child]: startingAtZero(placement.layer) },
    steps: placedSteps(block.steps, placement, child),
    added: { ...block.added, [child]: adaptation },
  }
}

/** Rewrites the layer at a path below `layer`; unchanged if there is none. */
export const mapAt = (layer: LayerData, path: readonly string[], f: (layer: LayerData) => LayerData): LayerData => {
  const [name, ...rest] = path
  if (name === undefined) return f(layer)
  switch (layer.kind) {
    case "module":
      return name in layer.children
        ? { ...layer, children: { ...layer.children, [name]: mapAt(layer.children[name]!, rest, f) } }
        : layer
    case "sequential":
    case "list":
    case "parallel":
      return { ...layer, layers: layer.layers.map((l, i) => (`${i}` === name ? mapAt(l, rest, f) : l)) }
    case "residual":
      return { ...layer, layer: mapAt(layer.layer, path, f) }
    default:
      return layer
  }
}

/** The layer at a path, if there is one. */
export const layerAt = (layer: LayerData, path: readonly string[]): LayerData | undefined => {
  let found: LayerData | undefined
  mapAt(layer, path, (l) => (found = l))
  return found
}

const slices = ["q", "k", "v"]
/** Where an update goes: a slice of the fused qkv, or a layer of its own. */
export const loraTarget = (on: string): { readonly path: readonly string[]; readonly slice: number } =>
  slices.includes(on) ? { path: ["attn", "qkv"], slice: slices.indexOf(on) } : { path: on.split("."), slice: -1 }

const withLora = (block: LayerData, { on, rank, alpha, at }: LoraPlacement, adaptation: number): LayerData =>
  on.reduce((b, name) => {
    const { path, slice } = loraTarget(name)
    return mapAt(b, path, (layer) => {
      if (layer.kind !== "linear") return layer
      const gives = slice < 0 ? layer.gives : layer.gives / 3
      const taken = Object.fromEntries((layer.lora ?? []).map(({ target }) => [target, true]))
      const update: LoraData = {
        target: slice < 0 && !("" in taken) ? "" : fresh(taken, slice < 0 ? "more" : name),
        rank,
        scale: alpha / rank,
        offset: slice < 0 ? 0 : slice * gives,
        gives,
        adaptation,
        ...(at === undefined ? {} : { at }),
      }
      return { ...layer, lora: [...(layer.lora ?? []), update] }
    })
  }, block)

/** Names a block must give to its values to have sites. */
export const siteNames = ["a", "x1", "n2", "m", "out"] as const
const hasSites = (layer: LayerData): layer is ModuleData =>
  layer.kind === "module" && siteNames.every((name) => layer.steps.some((step) => outsOf(step).includes(name)))

const withPlacements = (block: LayerData, placements: readonly PlacementData[], adaptation: number): LayerData =>
  placements.reduce<LayerData>((b, placement) => {
    if (placement.kind === "lora") return withLora(b, placement, adaptation)
    return hasSites(b) ? withAdapter(b, placement, adaptation) : b
  }, block)

const adapted = (root: LayerData, path: readonly string[], { blocks }: Adaptation, index: number): LayerData =>
  mapAt(root, path, (list) => {
    if (list.kind !== "sequential" && list.kind !== "list") return list
    const byBlock = new Map(blocks.map((b) => [b.block - 1, b.placements]))
    return { ...list, layers: list.layers.map((b, i) => withPlacements(b, byBlock.get(i) ?? [], index)) }
  })

// Configurations are few and shared by all variants of a spec; their layers are too.
const built = new WeakMap<SamConfig, LayerData>()
const samOf = (config: SamConfig): LayerData => {
  const known = built.get(config)
  if (known !== undefined) return known
  const network = withoutPlaces(() => samNetwork(config) as unknown as LayerData)
  built.set(config, network)
  return network
}

/** The whole network: what is counted, elaborated, and printed as PyTorch. */
export const networkOf = ({ family, blocks, adaptations }: ModelData): LayerData => {
  const base = family.kind === "sam" ? samOf(family.config) : family.layer
  const path = blocks.path === "" ? [] : blocks.path.split(".")
  return adaptations.reduce((root, adaptation, i) => adapted(root, path, adaptation, i), base)
}
