import type { Engine } from "../../compiler/analysis/memory.ts"
import { attentionScores, kept } from "./lower.ts"

const mib = 2 ** 20

/**
 * How the CPU engine needs memory, for predictions. Nodes run in our order and buffers are freed at their last use (README.md); `overhead`
 * is fitted to what was measured beside tensors, with SAM ViT-B, 24 adapters of rank 96 and Adam, batch 1, on Linux, onnxruntime 1.30:
 *
 *     npm run build && node bench/memory.js training 512
 *
 * | MiB                                | tensors | predicted | measured |
 * |------------------------------------|---------|-----------|----------|
 * | segment 256²                       |     379 |       478 |      485 |
 * | segment 512²                       |     436 |       557 |      552 |
 * | segment 1024²                      |     710 |       936 |      952 |
 * | train 256²                         |     582 |       804 |      807 |
 * | train 512²                         |     960 |     1,333 |    1,228 |
 * | train 512², all blocks recomputed  |     576 |       810 |      840 |
 * | train 1024²                        |   2,473 |     3,457 |    3,780 |
 * | train 1024², 11 blocks recomputed  |   1,114 |     1,570 |    1,481 |
 *
 * Of a session a node costs about 20 KiB; the arena gives out chunks up to twice as large as asked for and grows by powers of two. Node
 * itself comes on top: 46 MiB.
 */
export const cpuMemory: Engine = {
  decompose: { keep: kept, scores: attentionScores },
  doubleState: true,
  overhead: { fixed: 65 * mib, perNode: 0.02 * mib, slack: 0.4 },
}
