import type { Engine } from "../../compiler/analysis/memory.ts"
import { attentionScores, kept } from "./lower.ts"

const mib = 2 ** 20

/**
 * How the CPU engine needs memory, for predictions. Nodes run in our order and buffers are freed at their last use (README.md); `overhead`
 * is fitted to what was measured beside tensors, with ViT-B and two smaller encoders, two adapters in each block and Adam, batch 1, on
 * Linux, onnxruntime 1.30:
 *
 *     npm run build && node bench/memory.js training 512
 *
 * | MiB                                  | tensors | predicted | measured |
 * |--------------------------------------|---------|-----------|----------|
 * | segment 256²                         |     376 |       490 |      447 |
 * | segment 512²                         |     402 |       522 |      511 |
 * | segment 1024²                        |     504 |       652 |      735 |
 * | train 256²                           |     542 |       729 |      679 |
 * | train 512²                           |     895 |     1,148 |    1,101 |
 * | train 512², 11 blocks recomputed     |     517 |       705 |      696 |
 * | train 1024²                          |   2,244 |     2,756 |    2,643 |
 * | train 1024², 11 blocks recomputed    |     885 |     1,161 |    1,261 |
 * | width 192, 4 blocks: segment 1024²   |      89 |       215 |      214 |
 * | width 192, 4 blocks: train 512²      |      87 |       210 |      217 |
 * | width 192, 4 blocks: train 1024²     |     255 |       406 |      424 |
 * | width 384, 6 blocks: train 512²      |     203 |       346 |      342 |
 * | width 384, 6 blocks: train 1024²     |     578 |       791 |      829 |
 *
 * Session and allocator are in it; Node itself comes on top: 60 MiB.
 */
export const cpuMemory: Engine = {
  decompose: { keep: kept, scores: attentionScores },
  inPlace: true,
  overhead: { fixed: 107 * mib, perNode: 0.002 * mib, slack: 0.18, given: 1 },
}
