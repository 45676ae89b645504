/** What a model costs: FLOPs (1 multiply-add = 2), forward and backward apart. */
import type { ModelData } from "../../dsl/model.ts"
import { defaultsFor, type Loss } from "../../dsl/training.ts"
import { bytesOf } from "../ir/bytes.ts"
import { flopsOf } from "../ir/flops.ts"
import type { Graph, Node } from "../ir/graph.ts"
import { type InputSizes, standardSizes } from "../passes/elaborate/index.ts"
import { gradientProgram, inferenceProgram } from "../passes/program.ts"

export interface Phases {
  /** Up to the loss, or all there is. */
  readonly forward: number
  /** After the loss: gradients, and the optimizer's step if the graph has one. */
  readonly backward: number
}

/** The id of the last forward node. */
export const lastForward = ({ nodes, outputs }: Graph): number =>
  outputs.find(({ name }) => name === "loss")?.value ?? nodes.length - 1

/** Sums over nodes, by a key of one's choosing, forward and backward apart. */
export const sumBy = (
  graph: Graph,
  measure: (node: Node) => number,
  key: (node: Node) => string,
): ReadonlyMap<string, Phases> => {
  const end = lastForward(graph)
  const sums = new Map<string, Phases>()
  graph.nodes.forEach((node, id) => {
    const { forward, backward } = sums.get(key(node)) ?? { forward: 0, backward: 0 }
    const amount = measure(node)
    // What is computed again for the backward pass is a cost of that pass, wherever it stands.
    const isForward = id <= end && node.copy === undefined
    sums.set(key(node), isForward ? { forward: forward + amount, backward } : { forward, backward: backward + amount })
  })
  return sums
}
const total = (graph: Graph, measure: (node: Node) => number): Phases =>
  sumBy(graph, measure, () => "").get("") ?? { forward: 0, backward: 0 }

/** FLOPs of one run of a graph. */
export const flopsOfGraph = (graph: Graph): Phases => total(graph, (node) => flopsOf(graph.nodes, node))
/** Bytes that one run reads and writes, if every op's kernel is fused. */
export const bytesOfGraph = (graph: Graph): Phases => total(graph, (node) => bytesOf(graph.nodes, node))

/** FLOPs by module: the first `depth` names of a path, such as encoder.blocks.7 for 3; "" is what no module made. */
export const flopsByModule = (graph: Graph, depth: number): ReadonlyMap<string, Phases> =>
  sumBy(
    graph,
    (node) => flopsOf(graph.nodes, node),
    ({ from = "" }) => from.split(".").slice(0, depth).join("."),
  )

const byModule = (graph: Graph): ReadonlyMap<string, Phases> =>
  sumBy(
    graph,
    (node) => flopsOf(graph.nodes, node),
    ({ from = "" }) => from,
  )

export interface ModelCost {
  readonly sizes: InputSizes
  /** The graph that segments. */
  readonly graph: Graph
  /** Of both, by the module that they are from; "" is what no module made. */
  readonly modules: ReadonlyMap<string, Phases>
  /** To segment: from the inputs to all outputs. */
  readonly inference: number
  /** One training step without the optimizer: loss included. Absent where nothing learns. */
  readonly training?: Phases
}
export interface CostOptions {
  readonly sizes?: InputSizes
  /** Names of the tensors that learn. */
  readonly learning?: readonly string[]
  readonly loss?: Loss
}

/** FLOPs of a model for one run: a batch of 1 with one point, unless `sizes` says otherwise. */
export const costOf = (model: ModelData, options: CostOptions = {}): ModelCost => {
  const { sizes = standardSizes(model), learning = [], loss = defaultsFor(model).loss } = options
  const { graph } = inferenceProgram(model, sizes)
  const inference = flopsOfGraph(graph).forward
  if (learning.length === 0) return { sizes, graph, inference, modules: byModule(graph) }
  const { program } = gradientProgram(model, sizes, { learning, loss })
  const [segmenting, step] = [byModule(graph), byModule(program.graph)]
  const modules = new Map(
    [...new Set([...segmenting.keys(), ...step.keys()])].map((path) => [
      path,
      { forward: segmenting.get(path)?.forward ?? 0, backward: step.get(path)?.backward ?? 0 },
    ]),
  )
  return { sizes, graph, inference, modules, training: flopsOfGraph(program.graph) }
}
