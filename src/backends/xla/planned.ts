/** What a program needs, predicted: as it is emitted, in the order of its nodes, without the fusions that XLA makes. */
import { memoryOf } from "../../compiler/analysis/memory.ts"
import type { Program } from "../../compiler/ir/graph.ts"
import { decompose } from "../../compiler/passes/decompose.ts"
import { scoresOf, type XlaOptions } from "./engine.ts"
import { scoresAtOnce } from "./stablehlo/index.ts"
import { kept } from "./stablehlo/lower.ts"

/** Bytes; with attention in pieces where memory is scarce. */
export const planned = ({ graph, state }: Program, options: XlaOptions = {}): number => {
  const program = { graph: decompose(graph, { keep: kept, scores: scoresAtOnce, ...scoresOf(options) }), state }
  return memoryOf({ program, gradients: new Map() }, { inPlace: true }).total
}
