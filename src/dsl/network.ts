/** The network that a model is: its layers, with what was added to its blocks. What cannot be added is told by the compiler's checks. */
import { blocksOf, pathOf } from "./blocks.ts"
import { edited, mapAt } from "./edit.ts"
import type { LayerData } from "./layer.ts"
import type { Adaptation, ModelData } from "./model.ts"
import type { PlacementData } from "./placement.ts"

/** A placement that a block cannot have, and why. */
export interface Misplaced {
  readonly placement: PlacementData
  readonly block: number
  readonly problem: string
  readonly near: readonly string[]
}
interface Built {
  readonly network: LayerData
  readonly misplaced: readonly Misplaced[]
}

const withAdaptation = (
  { network, misplaced }: Built,
  paths: readonly string[],
  { blocks }: Adaptation,
  index: number,
): Built => {
  const infos = blocksOf(network, paths)
  return blocks.reduce<Built>(
    (built, { block: number, placements }) => {
      const info = infos[number - 1]
      if (info === undefined) return built
      const found: Misplaced[] = []
      const network = mapAt(built.network, pathOf(info.path), (block) =>
        placements.reduce<LayerData>((layer, placement) => {
          const result = edited(layer, placement, index)
          if ("layer" in result) return result.layer
          found.push({ placement, block: number, problem: result.problem, near: result.near ?? [] })
          return layer
        }, block),
      )
      return { network, misplaced: [...built.misplaced, ...found] }
    },
    { network, misplaced },
  )
}

const known = new WeakMap<ModelData, Built>()
const built = (model: ModelData): Built => {
  const before = known.get(model)
  if (before !== undefined) return before
  const { network, blocks, adaptations } = model
  const made = adaptations.reduce<Built>((of, adaptation, i) => withAdaptation(of, blocks, adaptation, i), {
    network,
    misplaced: [],
  })
  known.set(model, made)
  return made
}

/** The whole network: what is counted, elaborated, and printed as PyTorch. */
export const networkOf = (model: ModelData): LayerData => built(model).network
/** What `adapt` was to add and could not. */
export const misplacedOf = (model: ModelData): readonly Misplaced[] => built(model).misplaced
