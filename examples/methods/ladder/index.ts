/**
 * Ladder side-tuning (Sung et al. 2022) as ylsung/Ladder-Side-Tuning: a narrow network beside the blocks, fed from each through a gate; no gradient goes through
 * the blocks. Its end is added to theirs, from zero. Upstream prunes its side blocks out of the backbone; here they start anew.
 *
 *     hasam-compile examples/methods/ladder
 */
import {
  adapt,
  expectTrainable,
  freezeAll,
  gelu,
  ladder,
  ladderSide,
  layerNorm,
  linear,
  pipe,
  type Rank,
  residual,
  samBlock,
  samVitB,
  schedule,
  sequential,
  unfreeze,
  uniform,
} from "hasam"
import { vitB } from "../vit.ts"

const rung = (rank: Rank) => residual(sequential(layerNorm(rank), linear(rank, 4 * rank), gelu, linear(4 * rank, rank)))

/** Written out, an eighth as wide as the blocks … */
export const onSam = pipe(
  samVitB,
  freezeAll,
  adapt(uniform(12, 96), (rank) => [ladder(rank, rung(rank))]),
  expectTrainable(1_927_020),
)
/** … the same as a preset, on SAM and on a plain ViT, whose head learns, too … */
export const preset = pipe(samVitB, ladderSide(96), expectTrainable(1_927_020))
export const onViT = pipe(vitB(100), ladderSide(96), unfreeze("head"), expectTrainable(2_003_920))
/** … with SAM's own blocks as rungs: attention in windows of 14 … */
export const attending = pipe(
  samVitB,
  freezeAll,
  adapt(uniform(12, 96), (rank) => [ladder(rank, samBlock(rank, 4, 4 * rank, 64, 14))]),
  expectTrainable(2_391_852),
)
/** … and wider with depth, beside every second block. */
export const growing = pipe(
  samVitB,
  freezeAll,
  adapt(
    schedule(12, (i) => (i % 2 === 0 ? 8 * i : null)),
    (rank) => [ladder(rank, rung(rank))],
  ),
  expectTrainable(552_150),
)
