/**
 * What learns: the one answer from which gradients, optimizer state, saving and reports follow.
 */
import { type BlockInfo, blocksOf } from "../../dsl/blocks.ts"
import type { ModelData, Rule } from "../../dsl/model.ts"
import { networkOf } from "../../dsl/network.ts"
import type { Selector } from "../../dsl/selector.ts"
import { type TensorData, tensorsOf } from "../../dsl/tensors.ts"
import { sizeOf } from "../ir/graph.ts"

/** A tensor of a model, and what becomes of it. */
export interface ModelTensor extends TensorData {
  /** The part it belongs to: imageEncoder, …, or adapters. */
  readonly part: string
  /** Block of the encoder, counted from 1, if it is in one. */
  readonly block?: number
  /** Where the adaptation put it: after_attention, in_mlp_residual, lora …, if one did. */
  readonly placement?: string
  readonly learns: boolean
  readonly size: number
}

const under = (name: string, path: string): boolean =>
  path === "" || (name.startsWith(path) && (name.length === path.length || name[path.length] === "."))

/** The most deeply named part wins; tensors outside all parts, such as pixel_mean, belong to the model itself. */
const partsOf = (parts: ModelData["parts"]): ((tensor: Pick<TensorData, "name" | "adaptation">) => string) => {
  const deepest = Object.entries(parts).sort(([, a], [, b]) => b.length - a.length)
  return ({ name, adaptation }) =>
    adaptation !== undefined ? "adapters" : (deepest.find(([, path]) => under(name, path))?.[0] ?? "model")
}

/** The block that a tensor is in, found by its name's beginnings: networks may have thousands. */
const blocksBy = (blocks: readonly BlockInfo[]): ((name: string) => BlockInfo | undefined) => {
  const byPath = new Map(blocks.toReversed().map((block) => [block.path, block]))
  return (name) => {
    for (let at = name.indexOf("."); at >= 0; at = name.indexOf(".", at + 1)) {
      const found = byPath.get(name.slice(0, at))
      if (found !== undefined) return found
    }
    return byPath.get(name)
  }
}

/** What added it, by its name within the block: after_attention, attn.after_proj, lora. */
const placementOf = (block: BlockInfo | undefined, { added }: TensorData): string | undefined =>
  added === undefined || block === undefined || !added.startsWith(`${block.path}.`)
    ? added
    : added.slice(block.path.length + 1)

const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf(".")))

/** Where something of a model is. */
export type Location = Pick<ModelTensor, "part" | "block" | "placement">

/** Where a module is: the part, the block and the placement that its tensors would be in. */
export const locating = (model: ModelData): ((path: string) => Location) => {
  const table = tensorTable(model)
  const blockOf = blocksBy(blocksOf(networkOf(model), model.blocks))
  const partOf = partsOf(model.parts)
  // A low-rank update has no module of its own: each of its matrices is one.
  const added = new Map(
    table.flatMap(({ name, added, placement }) =>
      added === undefined ? [] : [[added === "lora" ? parentOf(name) : added, placement] as const],
    ),
  )
  const placementAt = (path: string): string | undefined => {
    for (let at = path; at !== ""; at = parentOf(at)) if (added.has(at)) return added.get(at)
    return undefined
  }
  return (path) => {
    const block = blockOf(`${path}.`)?.index
    const placement = placementAt(path)
    return {
      part: placement === undefined ? partOf({ name: path }) : "adapters",
      ...(block === undefined ? {} : { block }),
      ...(placement === undefined ? {} : { placement }),
    }
  }
}

/** Does a selector mean this tensor? */
export const selects = (
  selector: Selector,
  tensor: Omit<ModelTensor, "learns">,
  blocks: readonly BlockInfo[],
): boolean => {
  switch (selector.kind) {
    case "all":
      return true
    case "part":
      return tensor.part === selector.part
    case "blocks": {
      if (tensor.block === undefined || tensor.adaptation !== undefined || !selector.blocks.includes(tensor.block))
        return false
      const path = blocks[tensor.block - 1]?.path ?? ""
      return selector.module === undefined || under(tensor.name, `${path}.${selector.module}`)
    }
    case "module":
      return under(tensor.name, selector.path)
    case "tensor":
      return tensor.name === selector.name
    case "adaptation":
      return tensor.adaptation === selector.index
  }
}

/** `all` and adaptations' own rules mean what is there when they are said: adapters that come later are not frozen by them. */
const inForce = (rules: readonly Rule[], tensor: Omit<ModelTensor, "learns">): readonly Rule[] => {
  if (tensor.adaptation === undefined) return rules
  const added = rules.findIndex(({ select }) => select.kind === "adaptation" && select.index === tensor.adaptation)
  return added < 0 ? rules : rules.slice(added)
}

const known = new WeakMap<ModelData, readonly ModelTensor[]>()

/** Every tensor, in PyTorch's order, with its part, block, placement, and whether it learns. Buffers never do. */
export const tensorTable = (model: ModelData): readonly ModelTensor[] => {
  const before = known.get(model)
  if (before !== undefined) return before
  const network = networkOf(model)
  const blocks = blocksOf(network, model.blocks)
  const blockOf = blocksBy(blocks)
  const partOf = partsOf(model.parts)
  const table = tensorsOf(network).map((tensor) => {
    const block = blockOf(tensor.name)
    const placement = placementOf(block, tensor)
    const found = {
      ...tensor,
      part: partOf(tensor),
      ...(block === undefined ? {} : { block: block.index }),
      ...(placement === undefined ? {} : { placement }),
      size: sizeOf(tensor.shape),
    }
    const last = inForce(model.rules, found).findLast(({ select }) => selects(select, found, blocks))
    return { ...found, learns: tensor.kind === "parameter" && (last?.learn ?? true) }
  })
  known.set(model, table)
  return table
}

/** Names of the tensors that learn, in PyTorch's order. */
export const learningNames = (model: ModelData): readonly string[] =>
  tensorTable(model)
    .filter(({ learns }) => learns)
    .map(({ name }) => name)

/**
 * What training changes, and so what a run saves: all that learns, and the running statistics of batch norms that learn (of those without a
 * weight, where anything beside them does). Everything else keeps its bytes.
 */
export const changingTensors = (tensors: readonly ModelTensor[]): readonly ModelTensor[] => {
  const learning = tensors.filter(({ learns }) => learns).map(({ name }) => name)
  const learnsUnder = (path: string): boolean => learning.some((name) => under(name, path))
  const names = new Set(tensors.map(({ name }) => name))
  const moves = (name: string): boolean => {
    if (!/\.running_(mean|var)$/.test(name)) return false
    const norm = parentOf(name)
    return learnsUnder(names.has(`${norm}.weight`) ? norm : parentOf(norm))
  }
  return tensors.filter(({ name, learns }) => learns || moves(name))
}
