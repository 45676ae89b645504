/** The network that a model is: its layers, with what was added to its blocks. What cannot be added is told by the compiler's checks. */
import { blocksOf, layerAt, pathOf } from "./blocks.ts"
import { edited } from "./edit.ts"
import { withCarried } from "./editCarried.ts"
import { mapAt } from "./editSteps.ts"
import { usesGrid } from "./editTokens.ts"
import { withLadder } from "./ladder.ts"
import type { LayerData } from "./layer.ts"
import type { Adaptation, ModelData } from "./model.ts"
import type { PlacementData, TokensPlacement } from "./placement.ts"

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

/** The rungs of an adaptation are one ladder, of the row in which the blocks stand. */
const withRungs = (of: Built, paths: readonly string[], { blocks }: Adaptation, index: number): Built => {
  const infos = blocksOf(of.network, paths)
  const rungs = blocks.flatMap(({ block, placements }) => {
    const info = infos[block - 1]
    const found = placements.filter((placement) => placement.kind === "ladder")
    return info === undefined ? [] : found.map((placement) => ({ placement, info }))
  })
  const [first] = rungs
  if (first === undefined) return of
  const before = infos.findIndex(({ stage }) => stage === first.info.stage)
  const several = rungs.some(({ info }, i) => info.stage !== first.info.stage || rungs[i - 1]?.info === info)
  const edited = several
    ? { problem: "a ladder has one rung a block, of blocks in one row" }
    : withLadder(
        of.network,
        paths[first.info.stage - 1] as string,
        rungs.map(({ placement, info }) => ({ placement, width: info.width, block: info.index - 1 - before })),
        index,
      )
  if ("layer" in edited) return { ...of, network: edited.layer }
  const { placement, info } = first
  return { ...of, misplaced: [...of.misplaced, { placement, block: info.index, problem: edited.problem, near: [] }] }
}

/** Tokens that stay beside a grid go through all blocks from theirs to the last of the row. */
const withStaying = (of: Built, paths: readonly string[], { blocks }: Adaptation, index: number): Built => {
  const infos = blocksOf(of.network, paths)
  const staying = blocks.flatMap(({ block, placements }) => {
    const info = infos[block - 1]
    const found = placements.filter((placement) => placement.kind === "tokens" && placement.stay)
    const grid = info === undefined ? undefined : layerAt(of.network, pathOf(info.path))
    return info === undefined || grid === undefined || !usesGrid(grid)
      ? []
      : found.map((placement) => ({ placement: placement as TokensPlacement, info }))
  })
  const [first, more] = staying
  if (first === undefined) return of
  const { placement, info } = first
  const before = infos.findIndex(({ stage }) => stage === info.stage)
  const edited =
    more === undefined
      ? withCarried(of.network, paths[info.stage - 1] as string, info.index - 1 - before, placement, index)
      : { problem: "tokens that stay beside a grid join in one block" }
  if ("layer" in edited) return { ...of, network: edited.layer }
  return { ...of, misplaced: [...of.misplaced, { placement, block: info.index, problem: edited.problem, near: [] }] }
}

const known = new WeakMap<ModelData, Built>()
const built = (model: ModelData): Built => {
  const before = known.get(model)
  if (before !== undefined) return before
  const { network, blocks, adaptations } = model
  const made = adaptations.reduce<Built>(
    (of, adaptation, i) =>
      withStaying(withRungs(withAdaptation(of, blocks, adaptation, i), blocks, adaptation, i), blocks, adaptation, i),
    { network, misplaced: [] },
  )
  known.set(model, made)
  return made
}

/** The whole network: what is counted, elaborated, and printed as PyTorch. */
export const networkOf = (model: ModelData): LayerData => built(model).network
/** What `adapt` was to add and could not. */
export const misplacedOf = (model: ModelData): readonly Misplaced[] => built(model).misplaced
