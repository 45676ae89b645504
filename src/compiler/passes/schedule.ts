/**
 * schedule: when each buffer is made and last used, in the order of the nodes, and how many bytes are alive at the worst moment.
 * reshape and part are views: they have their operand's buffer.
 *
 * No pass reorders nodes. Graphs are built in the order of the forward pass and then against it: moving every node to just before its
 * first use leaves the peak of SAM ViT-B at 1024 × 1024 as it is, segmenting and training; depth-first from the outputs raises it.
 */
import { float, valueBytes } from "../ir/bytes.ts"
import { type Graph, type Node, type OpKind, type Shape, sizeOf } from "../ir/graph.ts"

export interface ScheduleOptions {
  /** Ops that write into an operand which nothing needs afterwards. Default: none, a new buffer each. */
  readonly inPlace?: ReadonlySet<OpKind>
  /**
   * A buffer that nothing needs any more waits for the next value of its very shape, and is given back only after the last of them, as in
   * onnxruntime. Default: buffers are given back at once.
   */
  readonly pooled?: boolean
}

export interface Schedule {
  /** The node whose buffer a node's value lies in; its own id, unless it is a view or has taken over another's. */
  readonly buffer: readonly number[]
  /** The last node that uses a buffer, by the node that made it; the number of nodes for outputs. */
  readonly lastUse: readonly number[]
  /** Bytes of inputs, parameters and constants, which are there all the time. */
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

/** Each element of the result needs only the same element of operands of the same shape. */
export const pointwise: ReadonlySet<OpKind> = new Set<OpKind>([
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

/** Views have the buffer of what they are a view of. */
const ownBuffers = ({ nodes }: Graph): number[] => {
  const buffer: number[] = []
  nodes.forEach((node, id) => {
    buffer[id] = isView(node) ? buffer[node.inputs[0]!]! : id
  })
  return buffer
}
/** Last use of each node's own buffer, through any view; outputs are used after the end. */
const lastUses = ({ nodes, outputs }: Graph, buffer: readonly number[]): number[] => {
  const last = nodes.map((_, id) => id)
  nodes.forEach(({ inputs }, id) => {
    for (const input of inputs) last[buffer[input]!] = id
  })
  for (const { value } of outputs) last[buffer[value]!] = nodes.length
  return last
}

const keyOf = (shape: Shape): string => shape.join()

/** Values that lie in the buffers of others: operands' that end here, or, pooled, those of their shape that have ended. */
const shareBuffers = ({ nodes }: Graph, own: readonly number[], last: number[], options: ScheduleOptions): number[] => {
  const { inPlace = new Set(), pooled = false } = options
  const buffer = [...own]
  const ends = new Map<number, number[]>()
  const waiting = new Map<string, number[]>()
  /** When the value that now lies in a buffer ends; the buffer itself may go on. */
  const until = [...last]
  const fits = (holder: number, node: Node) =>
    node.parts === undefined && !isSource(nodes[holder]!) && valueBytes(nodes[holder]!) === float * sizeOf(node.shape)
  nodes.forEach((node, id) => {
    if (own[id] !== id) buffer[id] = buffer[own[id]!]!
    else if (!isSource(node)) {
      const operand = inPlace.has(node.op)
        ? node.inputs.map((input) => buffer[input]!).find((holder) => until[holder] === id && fits(holder, node))
        : undefined
      // What outlives the run is not put where something else was.
      const waits =
        operand === undefined && last[id]! < nodes.length ? waiting.get(keyOf(node.shape))?.pop() : undefined
      buffer[id] = operand ?? waits ?? id
      const holder = buffer[id]!
      until[holder] = last[id]!
      if (pooled) ends.set(last[id]!, [...(ends.get(last[id]!) ?? []), id])
    }
    for (const over of ends.get(id) ?? []) {
      const holder = buffer[over]!
      // In place, another value has it already.
      if (until[holder] !== id || nodes[over]!.parts !== undefined) continue
      const key = keyOf(nodes[over]!.shape)
      waiting.set(key, [...(waiting.get(key) ?? []), holder])
    }
  })
  nodes.forEach((_, id) => {
    const holder = buffer[id]!
    if (own[id] === id) last[holder] = Math.max(last[holder]!, last[id]!)
  })
  return buffer
}

export const schedule = (graph: Graph, options: ScheduleOptions = {}): Schedule => {
  const { nodes } = graph
  const own = ownBuffers(graph)
  const lastUse = lastUses(graph, own)
  const buffer = shareBuffers(graph, own, lastUse, options)

  const made = (id: number): boolean => !isSource(nodes[id]!) && buffer[id] === id
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
    if (alive > peak) {
      peak = alive
      at = id
    }
    alive -= ending.get(id) ?? 0
  })
  return {
    buffer,
    lastUse,
    resident: nodes.reduce((sum, node) => sum + residentBytes(node), 0),
    peak,
    at,
    alive: nodes.flatMap((_, id) => (made(id) && id <= at && lastUse[id]! >= at ? [id] : [])),
  }
}
