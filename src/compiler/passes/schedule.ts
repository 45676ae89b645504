/**
 * schedule: when each buffer is made and last used, in the order of the nodes, and how many bytes are alive at the worst moment.
 * A buffer is given back at its last use, and none is written in place. reshape and part are views: they have their operand's buffer.
 *
 * No pass reorders nodes. Graphs are built in the order of the forward pass and then against it: moving every node to just before its
 * first use leaves the peak of ViT-B with windows at 1024 × 1024 as it is, segmenting and training; depth-first from the outputs raises it.
 */
import { float, keptBytes, readingBytes, valueBytes } from "../ir/bytes.ts"
import type { Graph, Node } from "../ir/graph.ts"

export interface Schedule {
  /** The node whose buffer a node's value lies in; its own id, unless it is a view. */
  readonly buffer: readonly number[]
  /** The last node that uses a buffer, by the node that made it; the number of nodes for outputs. */
  readonly lastUse: readonly number[]
  /** Bytes of inputs, parameters, constants and standing outputs, which are there all the time. */
  readonly resident: number
  /** Bytes of everything else at the worst moment. */
  readonly peak: number
  /** The node that runs at that moment. */
  readonly at: number
  /** The nodes whose buffers are there then, without resident ones. */
  readonly alive: readonly number[]
}

const isSource = ({ op }: Node): boolean => op === "input" || op === "parameter" || op === "constant"
const isView = ({ op }: Node): boolean => op === "reshape" || op === "part"

/** Bytes that stay for the whole run; one value that fills a shape is one value. */
const residentBytes = (node: Node): number =>
  node.op === "constant"
    ? float * node.attrs.values.length
    : node.op === "parameter"
      ? keptBytes(node)
      : isSource(node)
        ? valueBytes(node)
        : 0

const buffersOf = ({ nodes }: Graph): readonly number[] => {
  const buffer: number[] = []
  nodes.forEach((node, id) => {
    buffer[id] = isView(node) ? buffer[node.inputs[0]!]! : id
  })
  return buffer
}
/** Through any view; outputs are used after the end. */
const lastUsesOf = ({ nodes, outputs }: Graph, buffer: readonly number[]): readonly number[] => {
  const last = nodes.map((_, id) => id)
  nodes.forEach(({ inputs }, id) => {
    for (const input of inputs) last[buffer[input]!] = id
  })
  for (const { value } of outputs) last[buffer[value]!] = nodes.length
  return last
}

/** `standing`: names of outputs that are written into buffers which are there anyway. */
export const schedule = (graph: Graph, standing: ReadonlySet<string> = new Set()): Schedule => {
  const { nodes } = graph
  const buffer = buffersOf(graph)
  const lastUse = lastUsesOf(graph, buffer)
  const there = new Set(graph.outputs.flatMap(({ name, value }) => (standing.has(name) ? [buffer[value]!] : [])))
  const made = (id: number): boolean => !isSource(nodes[id]!) && buffer[id] === id && !there.has(id)

  const ending = new Map<number, number>()
  let alive = 0
  let peak = 0
  let at = 0
  nodes.forEach((node, id) => {
    if (made(id)) {
      const bytes = valueBytes(node)
      alive += bytes
      ending.set(lastUse[id]!, (ending.get(lastUse[id]!) ?? 0) + bytes)
    }
    const now = alive + readingBytes(nodes, node)
    if (now > peak) {
      peak = now
      at = id
    }
    alive -= ending.get(id) ?? 0
  })
  return {
    buffer,
    lastUse,
    resident: nodes.reduce((sum, node, id) => sum + (there.has(id) ? valueBytes(node) : residentBytes(node)), 0),
    peak,
    at,
    alive: nodes.flatMap((_, id) => (made(id) && id <= at && lastUse[id]! >= at ? [id] : [])),
  }
}
