/**
 * wide: rows whose length is a multiple of 4 KiB get a cache line more. A product reads a dozen rows of its left operand at a time; where each begins
 * a multiple of 4 KiB after the one before, all of them fall into the same few places of a processor's nearest cache, and push one another out:
 * the second product of a ViT-B's MLP, 3,072 numbers a row, is slower by a tenth for it (bench/products.js).
 *
 * An axis that lies between products only, as the hidden one of an MLP does, may have any length: numbers that are added to it come from rows of
 * zeros in one weight, and columns of zeros in the next take them away. So the weights are kept wider, and no op is added.
 */
import {
  type Graph,
  type Node,
  type OpKind,
  type Program,
  type Shape,
  sizeOf,
  type Tensor,
} from "../../compiler/ir/graph.ts"
import type { Computed } from "../../compiler/ops/index.ts"
import { rebuild } from "../../compiler/passes/rebuild.ts"

const alike = (a: Shape, b: Shape): boolean => a.every((extent, axis) => extent === b[axis])

/** Numbers in 4 KiB, and in a cache line. */
const page = 1024
const line = 16

/** Of numbers that make a number again: what stands on added places stays finite, and so meets its zeros. */
const elementwise: ReadonlySet<OpKind> = new Set<OpKind>([
  ...(["add", "sub", "mul", "neg", "abs", "scale", "shift", "tanh", "sigmoid", "erf", "step"] as const),
  ...(["relu", "gelu", "geluGrad", "silu", "leakyRelu", "clip", "hardswish"] as const),
])

/** Sets of places that must have one length; the place 0 stands for a length that is fixed. */
class Lengths {
  readonly #parents = [0]
  fresh(): number {
    return this.#parents.push(this.#parents.length) - 1
  }
  root(at: number): number {
    let root = at
    while (this.#parents[root] !== root) root = this.#parents[root]!
    this.#parents[at] = root
    return root
  }
  join(a: number, b: number): void {
    const [x, y] = [this.root(a), this.root(b)]
    this.#parents[Math.max(x, y)] = Math.min(x, y)
  }
}

/** A length for each axis of a parameter, and for the last of every other value. */
const lengthsOf = ({ nodes, outputs }: Graph, fixed: (name: string) => boolean) => {
  const lengths = new Lengths()
  const places = nodes.map((node) => {
    if (node.op !== "parameter") return [lengths.fresh()]
    return node.shape.map(() => (fixed(node.attrs.name) ? 0 : lengths.fresh()))
  })
  const fix = (id: number) => {
    for (const place of places[id]!) lengths.join(place, 0)
  }
  const last = (id: number): number => places[id]!.at(-1) ?? 0
  /** x times a weight, one of whose axes meets x's last, and the other becomes y's. */
  const product = (y: number, x: number, w: number, [met, made]: readonly [number, number]) => {
    lengths.join(last(x), places[w]![met]!)
    lengths.join(last(y), places[w]![made]!)
  }
  const isWeight = (id: number) => nodes[id]!.op === "parameter" && nodes[id]!.shape.length === 2
  /** Whether the lengths that meet at a node may be others than they are. */
  const free = (node: Node, id: number): boolean => {
    const [x, w, bias] = node.inputs as [number, number, number | undefined]
    if (node.op === "linear" && isWeight(w)) {
      product(id, x, w, [1, 0])
      if (bias !== undefined) lengths.join(last(id), last(bias))
      return true
    }
    if (node.op === "matmul" && isWeight(w) && !node.attrs.transposeA) {
      product(id, x, w, node.attrs.transposeB ? [1, 0] : [0, 1])
      return true
    }
    const extent = node.shape.at(-1)
    if (!elementwise.has(node.op) || node.inputs.some((input) => nodes[input]!.shape.at(-1) !== extent)) return false
    for (const input of node.inputs) lengths.join(last(id), last(input))
    return true
  }
  nodes.forEach((node, id) => {
    if (node.op !== "parameter" && !free(node, id)) for (const value of [id, ...node.inputs]) fix(value)
  })
  for (const { value } of outputs) fix(value)
  return (id: number) => places[id]!.map((place) => lengths.root(place))
}

/**
 * The graph with such weights, and their shapes. `narrow` says which weights are to stay as they are: those that learn do. Values are the same but for the
 * order in which products add.
 */
export const widen = (
  { graph, state }: Program,
  narrow: (name: string) => boolean = () => false,
): { readonly graph: Graph; readonly shapes: ReadonlyMap<string, Shape> } => {
  const lengths = lengthsOf(graph, (name) => name in state || narrow(name))
  const shapes = new Map(
    graph.nodes.flatMap((node, id) => {
      if (node.op !== "parameter") return []
      const roots = lengths(id)
      const shape = node.shape.map((extent, axis) =>
        roots[axis] !== 0 && extent % page === 0 ? extent + line : extent,
      )
      return shape.some((extent, axis) => extent !== node.shape[axis]) ? [[node.attrs.name, shape] as const] : []
    }),
  )
  if (shapes.size === 0) return { graph, shapes }
  const wider = rebuild(graph, (b, node, inputs) => {
    if (node.op === "parameter") return b.parameter(node.attrs.name, shapes.get(node.attrs.name) ?? node.shape)
    const before = inputs.every((input, i) => alike(b.shapeOf(input), graph.nodes[node.inputs[i]!]!.shape))
    return before ? undefined : b.emit(node.op as Computed, inputs, node.attrs as never)
  })
  return { graph: wider, shapes }
}

/** Rows of one or two axes, one after the other, into another's rows: as much as both have. */
const moved = ({ shape, data }: Tensor, to: Shape): Tensor => {
  const [from, into] = [shape.at(-1)!, to.at(-1)!]
  const [rows, columns] = [Math.min(sizeOf(shape) / from, sizeOf(to) / into), Math.min(from, into)]
  const all = new Float32Array(sizeOf(to))
  for (let row = 0; row < rows; row += 1) all.set(data.subarray(row * from, row * from + columns), row * into)
  return { shape: to, data: all }
}
/** A weight as it is kept: with zeros behind. */
export const widened = (tensor: Tensor, wider: Shape): Tensor => moved(tensor, wider)
/** As it was given; what was not widened is itself. */
export const narrowed = (tensor: Tensor, shape: Shape): Tensor =>
  alike(tensor.shape, shape) ? tensor : moved(tensor, shape)
