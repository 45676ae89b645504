/**
 * Attention for cuDNN's fused kernel, which never has the scores in memory. It takes no relative positions, but they can be columns of wider
 * queries and keys (ops/attentionPieces.ts); its operands have 16 bits and the same columns, a multiple of 8 and no more than 256.
 */
import type { Graph, Node, Shape } from "../../compiler/ir/graph.ts"
import { attendInColumns, attendInColumnsGrad } from "../../compiler/ops/attentionPieces.ts"
import { gradientCopy } from "../../compiler/passes/decompose.ts"
import { rebuild } from "../../compiler/passes/rebuild.ts"

const step = 8
const most = 256
/** Fewer tokens, as those of windows, have few scores: written out they are as good. */
export const fusedFrom = 1024

const columnsOf = (node: Node, [q, , v]: readonly Shape[]): number => {
  const positions = "height" in node.attrs ? node.attrs.height + node.attrs.width : 0
  return Math.ceil(Math.max(q![3]! + positions, v![3]!) / step) * step
}

/** Attention of `from` tokens or more becomes what the kernel takes. */
export const widened = (graph: Graph, from = fusedFrom): Graph =>
  rebuild(graph, (b, node, inputs) => {
    if (
      node.op !== "attention" &&
      node.op !== "attentionGrad" &&
      node.op !== "relPosAttention" &&
      node.op !== "relPosAttentionGrad"
    )
      return undefined
    const shapes = inputs.map((input) => b.shapeOf(input))
    if (shapes[0]![2]! < from || shapes[1]![2]! < from || columnsOf(node, shapes) > most) return undefined
    if (node.op === "attention" || node.op === "relPosAttention") return attendInColumns(b, inputs, node.attrs, step)
    // As all of a gradient's own, its wider operands are made again.
    return b.copy(node.copy ?? gradientCopy, () => attendInColumnsGrad(b, inputs, node.attrs, step))
  })

/** Attention that `widened` has made. */
export const isFused = (node: Node, operands: readonly Node[], from = fusedFrom): boolean => {
  if ((node.op !== "attention" && node.op !== "attentionGrad") || node.attrs.scale !== 1) return false
  const [q, k, v] = operands.map(({ shape }) => shape) as [Shape, Shape, Shape]
  const columns = q[3]!
  return q[2]! >= from && k[2]! >= from && columns === v[3] && columns % step === 0 && columns <= most
}
