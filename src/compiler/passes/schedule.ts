/**
 * schedule: when each buffer is made and last used, in the order of the nodes, and how many bytes are alive at the worst moment.
 * reshape and part are views: they have their operand's buffer.
 *
 * No pass reorders nodes. Graphs are built in the order of the forward pass and then against it: moving every node to just before its
 * first use leaves the peak of SAM ViT-B at 1024 × 1024 as it is, segmenting and training; depth-first from the outputs raises it.
 */
import { float, valueBytes } from "../ir/bytes.ts"
import { type Graph, type Node, type OpKind, sizeOf } from "../ir/graph.ts"

export interface ScheduleOptions {
  /** A pointwise op may write into an operand that nothing needs afterwards, as onnxruntime does. Default: a new buffer each. */
  readonly inPlace?: boolean
}

export interface Schedule {
  /** The node whose buffer a node's value lies in; its own id, unless it is a view or was written in place. */
  readonly buffer: readonly number[]
  /** The last node that uses a buffer, by the node that made it; the number of nodes for outputs. */
  readonly lastUse: readonly number[]
  /** Bytes of inputs, parameters and constants, which are there all the time. */
  readonly resident: number
  /** Bytes of everything else at the worst moment. */
  readonly peak: number
  /** The node that runs at that moment. */
  readonly at: number
  /** The nodes whose buffers are alive then, without resident ones. */
  readonly alive: readonly number[]
}

const isSource = ({ op }: Node): boolean => op === "input" || op === "parameter" || op === "constant"
const isView = ({ op }: Node): boolean => op === "reshape" || op === "part"

/** Each element of the result needs only the same element of operands of the same shape. */
const pointwise: ReadonlySet<OpKind> = new Set<OpKind>([
  "neg",
  "exp",
  "log",
  "sqrt",
  "sin",
  "cos",
  "tanh",
  "erf",
  "abs",
  "sigmoid",
  "softplus",
  "relu",
  "step",
  "equals",
  "scale",
  "shift",
  "add",
  "sub",
  "mul",
  "div",
  "maximum",
  "gelu",
  "geluGrad",
])

/** Bytes that stay for the whole run; one value that fills a shape is one value. */
const residentBytes = (node: Node): number =>
  node.op === "constant" ? float * node.attrs.values.length : isSource(node) ? valueBytes(node) : 0

/** Last use of each node's own value, ignoring views; outputs are used after the end. */
const ownLastUses = ({ nodes, outputs }: Graph): number[] => {
  const last = nodes.map((_, id) => id)
  nodes.forEach(({ inputs }, id) => {
    for (const input of inputs) last[input] = id
  })
  for (const { value } of outputs) last[value] = nodes.length
  return last
}

export const schedule = (graph: Graph, { inPlace = false }: ScheduleOptions = {}): Schedule => {
  const { nodes } = graph
  const buffer: number[] = []
  const lastUse = ownLastUses(graph)
  // Views first: a buffer is used as long as any view of it.
  nodes.forEach((node, id) => {
    buffer[id] = isView(node) ? buffer[node.inputs[0]!]! : id
  })
  for (let id = 0; id < nodes.length; id += 1) lastUse[buffer[id]!] = Math.max(lastUse[buffer[id]!]!, lastUse[id]!)

  if (inPlace)
    nodes.forEach((node, id) => {
      if (isView(node)) {
        buffer[id] = buffer[node.inputs[0]!]!
        return
      }
      if (!pointwise.has(node.op)) return
      const free = node.inputs.find((input) => {
        const from = buffer[input]!
        return (
          lastUse[from] === id && !isSource(nodes[from]!) && valueBytes(nodes[from]!) === float * sizeOf(node.shape)
        )
      })
      if (free === undefined) return
      const from = buffer[free]!
      lastUse[from] = lastUse[id]!
      buffer[id] = from
    })

  const ending = new Map<number, number[]>()
  let alive = 0
  let peak = 0
  let at = 0
  nodes.forEach((node, id) => {
    if (!isSource(node) && buffer[id] === id) {
      alive += valueBytes(node)
      const end = lastUse[id]!
      ending.set(end, [...(ending.get(end) ?? []), id])
    }
    if (alive > peak) {
      peak = alive
      at = id
    }
    for (const over of ending.get(id) ?? []) alive -= valueBytes(nodes[over]!)
  })
  const aliveAt = nodes.flatMap((node, id) =>
    !isSource(node) && buffer[id] === id && id <= at && lastUse[id]! >= at ? [id] : [],
  )
  const resident = nodes.reduce((sum, node) => sum + residentBytes(node), 0)
  return { buffer, lastUse, resident, peak, at, alive: aliveAt }
}
