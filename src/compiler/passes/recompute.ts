/**
 * recompute: what the backward pass needs of a block is computed again from the block's input, just before it is needed, instead of being
 * kept since the forward pass (Chen et al., Training Deep Nets with Sublinear Memory Cost, 2016). Values do not change.
 */
import { Builder, type Value } from "../ir/builder.ts"
import { type Graph, type Node, sizeOf } from "../ir/graph.ts"
import { copy } from "./rebuild.ts"

/** Copy 1 is what single gradients compute again; blocks are the copies after it. */
const firstCopy = 2

const isSource = ({ op }: Node): boolean => op === "input" || op === "parameter" || op === "constant"

/** For each node of the forward pass the segment that it is in, or −1. */
const segmentsOf = (nodes: readonly Node[], end: number, paths: readonly string[]): readonly number[] =>
  nodes.map(({ from }, id) =>
    id > end || from === undefined ? -1 : paths.findIndex((path) => from === path || from.startsWith(`${path}.`)),
  )

/**
 * The graph with the modules at `paths` computed again for the backward pass: all that follows the output `loss`. What other modules use
 * of a module is kept.
 */
export const recompute = (graph: Graph, paths: readonly string[]): Graph => {
  const { nodes, outputs } = graph
  const end = outputs.find(({ name }) => name === "loss")?.value
  if (end === undefined || paths.length === 0) return graph
  const segment = segmentsOf(nodes, end, paths)

  const kept = nodes.map((node, id) => isSource(node) || segment[id] === -1)
  nodes.forEach(({ inputs }, id) => {
    if (id > end) return
    for (const input of inputs) if (segment[input] !== segment[id]) kept[input] = true
  })

  const b = new Builder()
  const first: Value[] = []
  const again = new Map<number, Value>()
  const emit = (node: Node, inputs: readonly Value[], as: number | undefined): Value => {
    const made = () => b.copy(as, () => copy(b, node, inputs))
    return node.from === undefined ? made() : b.from(node.from, made)
  }
  const computedAgain = (id: number): Value => {
    if (kept[id]) return first[id]!
    const known = again.get(id)
    if (known !== undefined) return known
    const value = emit(nodes[id]!, nodes[id]!.inputs.map(computedAgain), firstCopy + segment[id]!)
    again.set(id, value)
    return value
  }
  nodes.forEach((node, id) => {
    const operand =
      id <= end
        ? (input: number) => first[input]!
        : (input: number) => (input <= end ? computedAgain(input) : first[input]!)
    first[id] = emit(node, node.inputs.map(operand), node.copy)
  })
  return { nodes: b.nodes, outputs: outputs.map(({ name, value }) => ({ name, value: first[value]! })) }
}

export interface Recomputed {
  readonly graph: Graph
  /** Modules that are computed again. */
  readonly paths: readonly string[]
  /** Planned peak in bytes. */
  readonly peak: number
}

/**
 * As few modules computed again as the budget asks for, those of the forward pass's beginning first: theirs are the values that wait
 * longest. All of them, if even that does not fit.
 */
export const recomputeWithin = (
  graph: Graph,
  budget: number,
  paths: readonly string[],
  peakOf: (graph: Graph) => number,
): Recomputed => {
  const attempt = (count: number): Recomputed => {
    const chosen = paths.slice(0, count)
    const changed = recompute(graph, chosen)
    return { graph: changed, paths: chosen, peak: peakOf(changed) }
  }
  const none = attempt(0)
  if (none.peak <= budget) return none
  let best = attempt(paths.length)
  if (best.peak > budget) return best.peak < none.peak ? best : none
  let [low, high] = [1, paths.length - 1]
  while (low <= high) {
    const middle = Math.floor((low + high) / 2)
    const tried = attempt(middle)
    if (tried.peak <= budget) {
      best = tried
      high = middle - 1
    } else low = middle + 1
  }
  return best
}

/** Modules worth computing again: the blocks of a model that has some, else the outermost modules, in the order in which they run. */
export const recomputable = (graph: Graph, blocks: readonly string[]): readonly string[] => {
  if (blocks.length > 0) return blocks
  const large = graph.nodes.filter(({ shape, from }) => from !== undefined && sizeOf(shape) > 1)
  return [...new Set(large.map(({ from }) => from!.split(".", 1)[0]!))]
}
