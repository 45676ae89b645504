/** What the support table is made of, as comparisons with the float64 reference. */
import { probeGraph, probesOf } from "../../../src/backends/tfjs/support.ts"
import type { Graph, Tensors } from "../../../src/compiler/ir/graph.ts"
import { type Computed, ops } from "../../../src/compiler/ops/index.ts"
import { noise } from "./programs.ts"

export interface Comparison {
  readonly name: string
  readonly graph: Graph
  readonly inputs: Tensors
  readonly tolerance: number
}
/** The table of what each engine does is made of these. */
export const rows = (Object.keys(ops) as Computed[]).flatMap((op) =>
  probesOf(op).map((probe): Comparison => {
    const graph = probeGraph(op, probe)
    const positive = op === "log" || op === "sqrt" || op === "pow"
    const inputs = probe.inputs.map((shape, at) => {
      const { data } = noise(100 + at, shape)
      return [`in${at}`, { shape, data: positive ? data.map(Math.abs) : data }] as const
    })
    return { name: `table: ${op} ${probe.when ?? ""}`, graph, inputs: Object.fromEntries(inputs), tolerance: 3e-5 }
  }),
)
/** The gradients of attention take its output, which these would make up. */
const takesOutput = ({ name }: Comparison) => /attentionGrad/i.test(name)
export const probed: readonly Comparison[] = rows.filter((of) => !takesOutput(of))
