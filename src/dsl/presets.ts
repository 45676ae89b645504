/**
 * Ways to adapt a model, whole: what is frozen, what is added, what learns. Each is a function of models with blocks: `pipe(samVitB, houlsby(64))`. A rank is
 * one number for all blocks, or a schedule.
 */
import { adapt } from "./adapt.ts"
import { type BlockInfo, blocksOf } from "./blocks.ts"
import { residual, sequential } from "./combinators.ts"
import type { Layer } from "./layer.ts"
import { linear } from "./layers/linear.ts"
import { layerNorm } from "./layers/norm.ts"
import { dropout, gelu, relu } from "./layers/pointwise.ts"
import type { Backbone, Model } from "./model.ts"
import {
  afterAttention,
  afterMlp,
  besideMlpResidual,
  inMlpResidual,
  keysAndValues,
  ladder,
  lora,
  type Placement,
  promptTokens,
} from "./placement.ts"
import { type Schedule, schedule, uniform } from "./schedule.ts"
import { freezeAll, inBlocks, unfreeze } from "./select.ts"
import type { Rank } from "./width.ts"

type Ranks = number | Schedule<any>
type Adapted = <B extends Backbone, L extends string>(model: Model<B, L>) => Model<B, "adapters">

const depthOf = ({ data }: Model): number => blocksOf(data.network, data.blocks).length
/** What a method adds to every block of a model that is frozen. */
const adapting =
  (
    ranksOf: (model: Model) => Schedule<any>,
    placements: (rank: Rank, block: BlockInfo) => readonly Placement[],
    after: (model: Model) => Model = (model) => model,
  ): Adapted =>
  (model) => {
    // What fits any model is told by the compiler's checks, not by these types.
    const frozen = freezeAll(model) as unknown as Model
    return after(adapt(ranksOf(frozen), placements)(frozen as never) as unknown as Model) as never
  }
const evenly =
  (ranks: Ranks) =>
  (model: Model): Schedule<any> =>
    typeof ranks === "number" ? uniform(depthOf(model), ranks) : ranks

const bottleneck = (width: number, rank: Rank, act = relu): Layer<number, number> =>
  sequential(linear(width, rank as number), act, linear(rank as number, width))

/** Houlsby et al. 2019: adapters in series after attention and after the MLP, each before its residual connection; layer norms learn, too. */
export const houlsby = (ranks: Ranks): Adapted =>
  adapting(
    evenly(ranks),
    (rank, { width }) => [
      afterAttention(residual(bottleneck(width, rank, gelu))),
      afterMlp(residual(bottleneck(width, rank, gelu))),
    ],
    (model) => {
      const all = Array.from({ length: depthOf(model) }, (_, i) => i + 1)
      return unfreeze(inBlocks("norm1", ...all), inBlocks("norm2", ...all))(model) as Model
    },
  )

/** AdaptFormer (Chen et al. 2022): an adapter beside each MLP, fed the residual before its norm, times 0.1. */
export const adaptFormer = (
  ranks: Ranks,
  { scale = 0.1, dropout: p = 0.1 }: { readonly scale?: number; readonly dropout?: number } = {},
): Adapted =>
  adapting(evenly(ranks), (rank, { width }) => [
    besideMlpResidual(
      sequential(linear(width, rank as number), relu, dropout(p), linear(rank as number, width)) as Layer<
        number,
        number
      >,
      { scale },
    ),
  ])

/** SAMed's low-rank updates of queries and values (Zhang and Liu 2023). The prompt encoder and the mask decoder learn there, too: unfreeze them. */
export const samedLora = (ranks: Ranks): Adapted => adapting(evenly(ranks), (rank) => [lora({ rank, on: ["q", "v"] })])

/** HA-SAM: an adapter after attention and one on the MLP's skip path, whose rank grows with depth: d·r·i/6 up to block 6 of 12, d·r·(i − 1)/6 from block 7 on. */
export const haSam = (r: Ranks): Adapted =>
  adapting(
    (model) => {
      if (typeof r !== "number") return r
      const infos = blocksOf(model.data.network, model.data.blocks)
      const half = infos.length / 2
      const exact = infos.map(({ index, width }) => (width * r * (index <= half ? index : index - 1)) / half)
      return scheduled(exact)
    },
    (rank, { width }) => [
      afterAttention(residual(bottleneck(width, rank))),
      inMlpResidual(residual(bottleneck(width, rank))),
    ],
  )
const scheduled = (exact: readonly number[]): Schedule<any> =>
  schedule(exact.length, (i) => exact[(i as number) - 1] ?? null)

/** Visual prompt tuning, deep (Jia et al. 2022): `n` tokens that learn before each block's own, and others before the next. */
export const vptDeep = (n: Ranks): Adapted => adapting(evenly(n), (count) => [promptTokens(count)])
/** Visual prompt tuning, shallow: `n` tokens that learn join in the first block and stay. */
export const vptShallow = (n: number): Adapted =>
  adapting(
    (model) => schedule(depthOf(model), (i) => ((i as number) === 1 ? n : null)),
    (count) => [promptTokens(count, { stay: true })],
  )
/** Prefix tuning (Li and Liang 2021): `n` keys and values that learn in each block's attention. */
export const prefixTuning = (n: Ranks): Adapted => adapting(evenly(n), (count) => [keysAndValues(count)])

/** Ladder side-tuning (Sung et al. 2022): beside the blocks a network this wide, here an MLP with its norm beside each; upstream's are transformer blocks. */
export const ladderSide = (widths: Ranks): Adapted =>
  adapting(evenly(widths), (rank) => [
    ladder(
      rank,
      residual(
        sequential(layerNorm(rank as number), linear(rank as number, 4 * rank), gelu, linear(4 * rank, rank as number)),
      ),
    ),
  ])
