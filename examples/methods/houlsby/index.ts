/**
 * Houlsby et al. 2019: two adapters in series in each block, after attention and after the MLP, each before its residual connection; they and the layer
 * norms learn.
 *
 *     hasam-compile examples/methods/houlsby
 */
import {
  adapt,
  afterAttention,
  afterMlp,
  expectTrainable,
  freezeAll,
  gelu,
  houlsby,
  inBlocks,
  linear,
  pipe,
  type Rank,
  residual,
  samVitB,
  sequential,
  unfreeze,
  uniform,
} from "hasam"
import { vitB } from "../vit.ts"

const d = 768
const adapter = (rank: Rank) => residual(sequential(linear(d, rank), gelu, linear(rank, d)))
const all = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]

/** Written out, on SAM … */
export const onSam = pipe(
  samVitB,
  freezeAll,
  adapt(uniform(12, 64), (rank) => [afterAttention(adapter(rank)), afterMlp(adapter(rank))]),
  unfreeze(inBlocks("norm1", ...all), inBlocks("norm2", ...all)),
  expectTrainable(2_416_128),
)
/** … the same as a preset … */
export const preset = pipe(samVitB, houlsby(64), expectTrainable(2_416_128))
/** … and on a plain ViT, whose head learns, too. */
export const onViT = pipe(vitB(100), houlsby(64), unfreeze("head"), expectTrainable(2_493_028))
