/** The blocks of a model: what stands at the paths that it names, read from the layers. */
import type { LayerData } from "./layer.ts"
import { childrenOf, join } from "./tensors.ts"

/** What a schedule's function and adapters may know of the block they are for. */
export interface BlockInfo {
  /** From 1, over all stages. */
  readonly index: number
  /** Features that it takes; 0 where it does not say. */
  readonly width: number
  /** From 1: which of the model's lists of blocks it stands in. */
  readonly stage: number
  /** Attends to the whole image. */
  readonly global: boolean
  /** Attends within windows. */
  readonly windowed: boolean
  /** Of its tensors. */
  readonly path: string
}

/** The layer at a path, if there is one. Residual connections and shared layers add no name. */
export const layerAt = (layer: LayerData, path: readonly string[]): LayerData | undefined => {
  if (layer.kind === "residual" || layer.kind === "shared")
    return path.length === 0 ? layer : layerAt(layer.layer, path)
  const [name, ...rest] = path
  if (name === undefined) return layer
  const child = childrenOf(layer).find(([key]) => key === name)
  return child === undefined ? undefined : layerAt(child[1], rest)
}
export const pathOf = (path: string): readonly string[] => (path === "" ? [] : path.split("."))

type Attention = ReadonlySet<"window" | "global">
/** Models of one network have most layers in common. */
const attending = new WeakMap<LayerData, Attention>()
const attends = (layer: LayerData): Attention => {
  const known = attending.get(layer)
  if (known !== undefined) return known
  const functions = layer.kind === "module" ? layer.steps.flatMap((step) => ("fn" in step ? [step.fn] : [])) : []
  const own = functions.flatMap((fn): ("window" | "global")[] =>
    fn === "windows" ? ["window"] : fn === "attention" || fn === "relPosAttention" ? ["global"] : [],
  )
  const found = new Set([...own, ...childrenOf(layer).flatMap(([, child]) => [...attends(child)])])
  attending.set(layer, found)
  return found
}

/** The layers in a row at a path; undefined where there is no list or sequence. */
export const rowAt = (network: LayerData, path: string): readonly (readonly [string, LayerData])[] | undefined => {
  const row = layerAt(network, pathOf(path))
  return row?.kind === "sequential" || row?.kind === "list" ? childrenOf(row) : undefined
}

/** All blocks, in order. Paths without a list give none. */
export const blocksOf = (network: LayerData, paths: readonly string[]): readonly BlockInfo[] =>
  paths
    .flatMap((path, stage) =>
      (rowAt(network, path) ?? []).map(([name, block]) => {
        const kinds = attends(block)
        return {
          width: "takes" in block ? block.takes : 0,
          stage: stage + 1,
          windowed: kinds.has("window"),
          global: !kinds.has("window") && kinds.has("global"),
          path: join(path, name),
        }
      }),
    )
    .map((block, i) => ({ index: i + 1, ...block }))

/** What an adaptation added to a block: under which name, and how wide it is at its narrowest. */
export interface Added {
  /** after_attention, lora, attn.after_proj, … */
  readonly name: string
  readonly rank: number
  readonly adaptation: number
}

/** The narrowest that a layer makes its input: of a bottleneck, its rank; of tokens, how many there are. 0 where nothing has a width. */
export const narrowest = (layer: LayerData): number => {
  const inside = childrenOf(layer).flatMap(([, child]) => narrowest(child) || [])
  const own =
    layer.kind === "parameter"
      ? [layer.shape.at(-2) ?? 0]
      : "gives" in layer && inside.length === 0
        ? [layer.gives]
        : []
  const widths = [...inside, ...own].filter((width) => width > 0)
  return widths.length === 0 ? 0 : Math.min(...widths)
}

/** Everything that was added below a layer, in the order of its tensors. */
export const addedIn = (layer: LayerData, path = ""): readonly Added[] => {
  const added = layer.kind === "module" || layer.kind === "sequential" ? (layer.added ?? {}) : {}
  const lora = layer.kind === "linear" ? (layer.lora ?? []) : []
  return [
    ...lora.map(({ rank, adaptation }) => ({ name: "lora", rank, adaptation })),
    ...childrenOf(layer).flatMap(([name, child]) =>
      Object.hasOwn(added, name)
        ? [{ name: join(path, name), rank: narrowest(child), adaptation: added[name] as number }]
        : addedIn(child, join(path, name)),
    ),
  ]
}
