/**
 * unpad: products are done on rows that exist. A row is what stands on the last axis: the features of a token. A product takes row by row,
 * so it commutes with whatever only moves rows, such as cutting windows: rows that padding adds are all alike and need not be computed
 * one by one, and rows that cropping drops need not be computed at all.
 *
 *     linear(pad(x))  =  pad(linear(x)), filled with what linear makes of a row of zeros: its bias
 *     crop(linear(x)) =  linear(crop(x))
 *
 * It stands before `differentiate`, so the backward pass has the same products. ViTDet's windows (arXiv 2203.16527), segment-anything's among them, and
 * Swin's (arXiv 2103.14030) are padded and cropped so; the algebra knows neither.
 */
import type { Builder, Value } from "../ir/builder.ts"
import { type Graph, type Node, type Shape, sizeOf } from "../ir/graph.ts"
import { copy, type Rewrite, rebuild } from "./rebuild.ts"
import { moved, movesRuns, takersOf } from "./rows.ts"

const rowsOf = (shape: Shape): number => sizeOf(shape.slice(0, -1))

/** Does the node only move rows of its operands, or add rows of zeros? */
const moves = (nodes: readonly Node[], id: Value): boolean => {
  const node = nodes[id]!
  const operand = node.inputs.length === 0 ? undefined : nodes[node.inputs[0]!]!.shape
  const width = operand?.at(-1)
  return width !== undefined && node.shape.at(-1) === width && movesRuns(node, operand!, width)
}

/**
 * Values that all rows of `id` come through, nearest first, down to where they were made. A roll has two ways, which meet again.
 */
const ways = (nodes: readonly Node[], id: Value): readonly Value[] => {
  if (!moves(nodes, id)) return [id]
  const [first, ...others] = [...new Set(nodes[id]!.inputs)].map((input) => ways(nodes, input))
  return [id, ...first!.filter((value) => others.every((way) => way.includes(value)))]
}

/** x with rows of zeros around it, or with the row `fill` in their place. */
const surrounded = (
  b: Builder,
  x: Value,
  before: readonly number[],
  after: readonly number[],
  fill: Value | undefined,
): Value => {
  if (fill === undefined) return b.pad(x, before, after)
  return before.reduceRight((inner, start, axis) => {
    const shape = b.shapeOf(inner)
    const strips = (extent: number) => {
      const strip = shape.map((n, i) => (i === axis ? extent : n))
      return extent === 0 ? [] : [b.broadcast(fill, strip)]
    }
    return b.concat([...strips(start), inner, ...strips(after[axis]!)], axis)
  }, x)
}

interface Way {
  readonly nodes: readonly Node[]
  readonly start: Value
  readonly end: Value
}
/** What `way` does to rows, done to those of x. `fill` is the row that padding adds, if it is not zeros. */
const along = (b: Builder, { nodes, start, end }: Way, x: Value, fill?: Value): Value => {
  const done = new Map([[start, x]])
  const width = b.shapeOf(x).at(-1)!
  const at = (id: Value): Value => {
    const known = done.get(id)
    if (known !== undefined) return known
    const node = nodes[id]!
    const inputs = node.inputs.map(at)
    const again = () =>
      node.op === "pad"
        ? surrounded(b, inputs[0]!, node.attrs.before, node.attrs.after, fill)
        : // Rows are whole: a slice begins with the first feature.
          moved(b, node, inputs, (extent) => (extent === 0 ? 0 : width))
    const value = node.from === undefined ? again() : b.from(node.from, again)
    done.set(id, value)
    return value
  }
  return at(end)
}

/** linear(pad(x)) → pad(linear(x)): the product on the fewest rows that its operand came through. */
const beforePadding: Rewrite = (b, node, [x, weight, bias]) => {
  if (node.op !== "linear") return undefined
  const rows = (value: Value) => rowsOf(b.shapeOf(value))
  const source = ways(b.nodes, x!).reduce((best, value) => (rows(value) < rows(best) ? value : best))
  if (rows(source) === rows(x!)) return undefined
  return along(b, { nodes: b.nodes, start: source, end: x! }, b.linear(source, weight!, bias), bias)
}

/** Crops of products: of what a product's rows go through, and nothing else sees, the node after which fewest are left. */
const cropsOf = (graph: Graph): ReadonlySet<Node> => {
  const { nodes } = graph
  const takers = takersOf(graph)
  const movesOn = (id: Value): boolean => id >= 0 && nodes[id]!.op !== "pad" && moves(nodes, id)
  /** Where all rows of `id` are next; a roll goes two ways, which meet again. */
  const next = (id: Value): Value | undefined => {
    const after = [...takers[id]!]
    if (!after.every(movesOn)) return undefined
    const [only] = after
    if (after.length === 1) return nodes[only!]!.op === "concat" ? undefined : only
    const [join, ...others] = new Set(after.flatMap((taker) => [...takers[taker]!]))
    const meet = join !== undefined && others.length === 0 && movesOn(join) && nodes[join]!.op === "concat"
    return meet && nodes[join]!.inputs.every((input) => after.includes(input)) ? join : undefined
  }
  const rows = (id: Value) => rowsOf(nodes[id]!.shape)
  return new Set(
    nodes.flatMap(({ op }, id) => {
      if (op !== "linear") return []
      let fewest = id
      for (let at = next(id); at !== undefined; at = next(at)) if (rows(at) < rows(fewest)) fewest = at
      return fewest === id ? [] : [nodes[fewest]!]
    }),
  )
}
/** crop(linear(x)) → linear(crop(x)). */
const afterCropping =
  (crops: ReadonlySet<Node>): Rewrite =>
  (b, node, inputs) => {
    if (!crops.has(node)) return undefined
    const end = copy(b, node, inputs)
    const start = ways(b.nodes, end).at(-1)!
    const { inputs: operands, from } = b.node(start)
    const [x, weight, bias] = operands as [Value, Value, Value?]
    const rows = along(b, { nodes: b.nodes, start, end }, x)
    const product = () => b.linear(rows, weight, bias)
    return from === undefined ? product() : b.from(from, product)
  }

/** unpad: products leave out the rows that padding adds and cropping drops. */
export const unpad = (graph: Graph): Graph =>
  rebuild(rebuild(rebuild(graph, afterCropping(cropsOf(graph))), beforePadding))
