/**
 * decompose: composites become the ops before them in the table, for backends that have no kernel of their own. Attention goes in pieces
 * (ops/attentionPieces.ts), so that its probabilities are never there all at once; backward computes them again.
 */
import type { Graph, Node, OpKind } from "../ir/graph.ts"
import { isComposite, recordOf } from "../ops/index.ts"
import { attendGroups, queriesOf } from "./queries.ts"
import { rebuild, simplify } from "./rebuild.ts"

export { type Composite, isComposite } from "../ops/index.ts"

export interface DecomposeOptions {
  /** Composites that the backend has kernels for: all of a kind, or which of them. */
  readonly keep?: ReadonlySet<OpKind> | ((node: Node, operands: readonly Node[]) => boolean)
  /** Scores of attention, over all heads, at a time; at least those of one query row. Default: defaultScores. */
  readonly scores?: number
}

/** 96 MiB: 512 query rows of ViT-B's global attention at 1024 × 1024, which fit WebGPU's smallest binding. */
export const defaultScores = 512 * 12 * 4096

/**
 * What a gradient computes again must not be shared with the forward pass, which would keep it alive until then: probabilities of all
 * attention, 3 GiB for ViT-B at 1024 × 1024.
 */
export const gradientCopy = 1
/** Composites that are not kept become simpler ones, again and again until none is left. */
export const decompose = (graph: Graph, { keep = new Set(), scores = defaultScores }: DecomposeOptions = {}): Graph => {
  const isKept = (node: Node, { nodes }: Graph): boolean =>
    typeof keep === "function"
      ? keep(
          node,
          node.inputs.map((input) => nodes[input]!),
        )
      : keep.has(node.op)
  const leftIn = (of: Graph) => (node: Node) => isComposite(node.op) && !isKept(node, of)
  const left = leftIn(graph)
  const queries = queriesOf(graph, left)
  const once = rebuild(graph, (b, node, inputs) => {
    if (!left(node)) return undefined
    const { decompose: rule, again } = recordOf(node.op)!
    const groups = queries.get(node)
    const simpler = () =>
      groups === undefined
        ? rule!(b, inputs as never, node.attrs, scores)
        : attendGroups(b, node, inputs, groups, scores)
    return again ? b.copy(node.copy ?? gradientCopy, simpler) : simpler()
  })
  // A rule gives all parts of its composite; those that nothing uses go last.
  return once.nodes.some(leftIn(once)) ? decompose(once, { keep, scores }) : simplify(once)
}
