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
 * | segment 256²                         |     376 |       504 |      480 |
 * | segment 512²                         |     411 |       538 |      553 |
 * | segment 1024²                        |     497 |       678 |      705 |
 * | train 256²                           |     541 |       746 |      751 |
 * | train 512²                           |     936 |     1,155 |    1,202 |
 * | train 512², all blocks recomputed    |     558 |       769 |      781 |
 * | train 1024²                          |   2,285 |     2,742 |    2,683 |
 * | train 1024², 11 blocks recomputed    |     926 |     1,352 |    1,301 |
 * | width 192, 4 blocks: segment 1024²   |      87 |       203 |      195 |
 * | width 192, 4 blocks: train 512²      |      88 |       224 |      219 |
 * | width 192, 4 blocks: train 1024²     |     256 |       411 |      425 |
 * | width 384, 6 blocks: train 512²      |     216 |       370 |      362 |
 * | width 384, 6 blocks: train 1024²     |     583 |       797 |      822 |
 *
 * The two at 256² are of the engine as it is; the others were measured when state was there twice. A session costs about 17 KiB a node, and the arena a little more than is asked of it. Node itself comes on top: 60 MiB.
 */
export const cpuMemory: Engine = {
  decompose: { keep: kept, scores: attentionScores },
  inPlace: true,
  overhead: { fixed: 98 * mib, perNode: 0.0165 * mib, slack: 0.06, given: 1 },
}
