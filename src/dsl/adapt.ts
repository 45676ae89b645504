import { type BlockInfo, blocksOf } from "./blocks.ts"
import { type Adaptation, type Backbone, type Model, type ModelData, modelOf } from "./model.ts"
import { networkOf } from "./network.ts"
import { callSite } from "./place.ts"
import type { Placement, PlacementData } from "./placement.ts"
import { forBlocks, type Schedule, scaled } from "./schedule.ts"
import type { NoBlocks, NoPlace, WrongDepth, WrongWidth } from "./sentences.ts"
import { sizeOf as size, tensorsOf } from "./tensors.ts"
import type { Problem, Rank, Same } from "./width.ts"

type Fits<B extends Backbone, Depth extends number, Width extends number, Place extends string> = [B["depth"]] extends [
  0,
]
  ? Problem<NoBlocks>
  : Same<Depth, B["depth"]> extends true
    ? Same<B["width"], Width> extends true
      ? [Place] extends [B["place"]]
        ? unknown
        : Problem<NoPlace<Exclude<Place, B["place"]>>>
      : Problem<WrongWidth<Width, B["width"]>>
    : Problem<WrongDepth<Depth, B["depth"]>>

type Make = (rank: Rank, block: BlockInfo) => readonly Placement<any, any>[]

const placed = (ranks: Schedule<any>, make: Make, blocks: readonly BlockInfo[]): Adaptation["blocks"] =>
  forBlocks(ranks, blocks).ranks.flatMap((rank, k) => {
    const block = blocks[k]
    return rank === null || block === undefined
      ? []
      : [{ block: k + 1, rank, placements: make(rank, block) as unknown as readonly PlacementData[] }]
  })
const sizeOf = (data: ModelData, adaptation: Adaptation): number =>
  size(
    tensorsOf(networkOf({ ...data, adaptations: [adaptation] })).filter(({ adaptation }) => adaptation !== undefined),
  )

/** The scale at which the adapters train as near to the budget as whole ranks allow, by halving. */
const fitted = (
  ranks: Schedule<any>,
  make: Make,
  data: ModelData,
  blocks: readonly BlockInfo[],
  budget: number,
): Adaptation["blocks"] => {
  const at = (scale: number) => placed(scaled(ranks, scale), make, blocks)
  const sizeAt = (scale: number) => sizeOf(data, { depth: ranks.depth, blocks: at(scale) })
  let low = 0
  let high = 1
  // Ranks beyond those that a schedule may give are not tried.
  const widest = (scale: number) => Math.max(...at(scale).map(({ rank }) => rank))
  while (sizeAt(high) < budget && widest(2 * high) <= 1e6) high *= 2
  for (let i = 0; i < 50; i += 1) {
    const middle = (low + high) / 2
    if (sizeAt(middle) < budget) low = middle
    else high = middle
  }
  return Math.abs(sizeAt(low) - budget) <= Math.abs(sizeAt(high) - budget) ? at(low) : at(high)
}

/**
 * Layers that learn, in every block to which the schedule gives a rank; where widths change, made from the block: `(rank, { width }) => …`.
 * Several adaptations in one pipe add up.
 */
export const adapt = <Depth extends number, Width extends number, Place extends string>(
  ranks: Schedule<Depth>,
  placements: (rank: Rank, block: BlockInfo) => readonly Placement<Width, Place>[],
) => {
  const at = callSite()
  return <B extends Backbone, L extends string>(
    model: Model<B, L> & Fits<B, Depth, Width, Place>,
  ): Model<B, L | "adapters"> => {
    const { data } = model as Model
    const { fit, depth, noSuchBlock } = ranks
    const infos = blocksOf(data.network, data.blocks)
    const blocks = fit === undefined ? placed(ranks, placements, infos) : fitted(ranks, placements, data, infos, fit)
    const place = at === undefined ? {} : { at }
    return modelOf({
      ...data,
      adaptations: [
        ...data.adaptations,
        { depth, blocks, ...(noSuchBlock === undefined ? {} : { noSuchBlock }), ...place },
      ],
      rules: [...data.rules, { learn: true, select: { kind: "adaptation", index: data.adaptations.length }, ...place }],
    })
  }
}
