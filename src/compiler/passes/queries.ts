/**
 * queries: attention asks only for what is read. Windows at the edge of a grid are padded; keys that padding adds take part, but what their
 * queries find is cropped, and its gradient is zero. So such windows ask for fewer queries, forward and backward.
 *
 * Which results are read is found by the graph's algebra: a sum over everything that is read, differentiated, is zero where nothing is.
 * It is part of decomposing attention; a kernel for whole windows stays as it is.
 */
import { Builder, type Value } from "../ir/builder.ts"
import { evaluate } from "../ir/evaluate/index.ts"
import type { Graph, Node, NodeOf, Shape } from "../ir/graph.ts"
import { sizeOf } from "../ir/graph.ts"
import { print } from "../ir/text.ts"
import { attend, attendGrad, type Queries, relPosAttention, relPosAttentionGrad } from "../ops/attentionPieces.ts"
import { differentiate } from "./differentiate.ts"
import { moved, movesRuns, takersOf } from "./rows.ts"

type Attention =
  | NodeOf<"attention">
  | NodeOf<"attentionGrad">
  | NodeOf<"relPosAttention">
  | NodeOf<"relPosAttentionGrad">
const isAttention = (node: Node): node is Attention => /^(attention|relPosAttention)(Grad)?$/.test(node.op)
const isGradient = (node: Attention) => node.op === "attentionGrad" || node.op === "relPosAttentionGrad"
/** Where a gradient takes what attention gave: it multiplies it with the gradient, which is zero where nothing was read. */
const takesOut = (node: Node, value: Value): boolean =>
  isAttention(node) &&
  isGradient(node) &&
  node.inputs.at(-2) === value &&
  node.inputs.indexOf(value) === node.inputs.length - 2

/** Windows that ask for the same queries. */
export interface Group extends Queries {
  readonly windows: readonly number[]
}

/** 1 for each run of a value. */
const runs = (shape: Shape, unit: number): Shape => [...shape.slice(0, -1), shape.at(-1)! / unit]
const allAxes = (shape: Shape) => ({ axes: shape.map((_, i) => i), keepDims: false })

/** y of a graph whose x is 1 everywhere. */
const evaluated = (graph: Graph): Float64Array => {
  const x = graph.nodes.find(({ op }) => op === "input")
  return evaluate(graph, { x: new Float64Array(x === undefined ? 0 : sizeOf(x.shape)).fill(1) })["y"]!.data
}

/** A graph whose y says of each run of the value `id` whether it is read: how often. Nothing, if all are. */
const reading = (
  { nodes }: Graph,
  takers: readonly ReadonlySet<number>[],
  id: Value,
  unit: number,
): Graph | undefined => {
  const b = new Builder()
  const values = new Map<number, Value>()
  let sum: Value | undefined
  const due = new Set([id])
  while (due.size > 0) {
    // In order: what of a node's operands is not known by now does not come from `id`.
    const at = Math.min(...due)
    due.delete(at)
    const node = nodes[at]!
    const operand = (input: number) => values.get(input) ?? b.constant([0], runs(nodes[input]!.shape, unit))
    const value =
      at === id ? b.input("x", runs(node.shape, unit)) : moved(b, node, node.inputs.map(operand), (n) => n / unit)
    values.set(at, value)
    const after = [...takers[at]!].filter((taker) => taker < 0 || !takesOut(nodes[taker]!, at))
    if (after.every((taker) => taker >= 0 && movesRuns(nodes[taker]!, node.shape, unit)))
      for (const taker of after) due.add(taker)
    else if (at === id) return undefined
    else {
      const all = b.reduceSum(value, allAxes(b.shapeOf(value)))
      sum = sum === undefined ? all : b.add(sum, all)
    }
  }
  const y = sum === undefined ? undefined : differentiate(b, sum, ["x"]).gradients.get("x")
  return y === undefined ? undefined : b.build({ y })
}
/** A graph whose y says of each run of the value `id` whether it can be other than zero. Nothing, if all can. */
const arriving = ({ nodes }: Graph, id: Value, unit: number): Graph | undefined => {
  const b = new Builder()
  const values = new Map<number, Value>()
  const at = (value: number): Value => {
    const known = values.get(value)
    if (known !== undefined) return known
    const node = nodes[value]!
    const [operand] = node.inputs
    const moves = operand !== undefined && movesRuns(node, nodes[operand]!.shape, unit)
    const made = moves ? moved(b, node, node.inputs.map(at), (n) => n / unit) : b.constant([1], runs(node.shape, unit))
    values.set(value, made)
    return made
  }
  const y = at(id)
  return b.node(y).op === "constant" ? undefined : b.build({ y })
}

/** Tokens of a window lie on a grid; without relative positions, on a line. */
const gridOf = (node: Attention): Queries =>
  "height" in node.attrs ? node.attrs : { height: 1, width: node.shape[2]! }

/**
 * Groups cost nodes, and few scores more are cheaper than that: onnxruntime takes about 10 µs for each of the 30 nodes of a group, in which
 * time two cores compute about so many scores.
 */
const worthAGroup = 2 ** 16

/** From which queries of which window are asked (per window, head and token) to groups of windows. Nothing, if windows ask for all. */
const groupsOf = (node: Attention, asked: Float64Array, worth: number): readonly Group[] | undefined => {
  const [windows, heads, n] = node.shape as [number, number, number]
  const grid = gridOf(node)
  const region = (window: number): Queries => {
    let [height, width] = [0, 0]
    let at = window * heads * n
    for (let head = 0; head < heads; head += 1)
      for (let y = 1; y <= grid.height; y += 1)
        for (let x = 1; x <= grid.width; x += 1, at += 1)
          if (asked[at] !== 0) {
            if (y > height) height = y
            if (x > width) width = x
          }
    return { height: Math.max(1, height), width: Math.max(1, width) }
  }
  const scores = (q: Queries) => heads * q.height * q.width * n
  // Windows of one region are one entry: a big grid has thousands of windows and few regions.
  const regions = new Map<number, { readonly height: number; readonly width: number; readonly windows: number[] }>()
  for (let window = 0; window < windows; window += 1) {
    const { height, width } = region(window)
    const key = height * (grid.width + 1) + width
    const known = regions.get(key)
    if (known === undefined) regions.set(key, { height, width, windows: [window] })
    else known.windows.push(window)
  }
  const groups: Group[] = []
  // Large ones first: small ones may join them.
  for (const own of [...regions.values()].toSorted((a, b) => b.height * b.width - a.height * a.width)) {
    const holds = (g: Group) => g.height >= own.height && g.width >= own.width
    const extra = (g: Group) => scores(g) - scores(own)
    const i = groups.findIndex((g) => holds(g) && extra(g) <= worth)
    if (i < 0) groups.push(own)
    else groups[i] = { ...groups[i]!, windows: [...groups[i]!.windows, ...own.windows].toSorted((a, b) => a - b) }
  }
  const whole = groups.every(({ height, width }) => height === grid.height && width === grid.width)
  return whole ? undefined : groups
}

/** For attention that `concerns`: which windows ask for what, where not all ask for everything. A group saves `worth` scores or more. */
export const queriesOf = (
  graph: Graph,
  concerns: (node: Node) => boolean = () => true,
  worth = worthAGroup,
): ReadonlyMap<Node, readonly Group[]> => {
  const takers = takersOf(graph)
  // Blocks are alike: what is found for one holds for the others.
  const known = new Map<string, readonly Group[] | undefined>()
  const groupsFor = (node: Attention, found: Graph): readonly Group[] | undefined => {
    const { height, width } = gridOf(node)
    const key = `${node.shape}|${height}|${width}|${print({ graph: found, state: {} })}`
    if (!known.has(key)) known.set(key, groupsOf(node, evaluated(found), worth))
    return known.get(key)
  }
  return new Map(
    graph.nodes.flatMap((node, id) => {
      if (!isAttention(node) || !concerns(node)) return []
      const unit = (isGradient(node) ? graph.nodes[node.inputs.at(-1)!]! : node).shape[3]!
      const found = isGradient(node) ? arriving(graph, node.inputs.at(-1)!, unit) : reading(graph, takers, id, unit)
      const groups = found === undefined ? undefined : groupsFor(node, found)
      return groups === undefined ? [] : [[node, groups] as const]
    }),
  )
}

// ---- attention group by group

/** The windows of a group. */
const ofWindows = (b: Builder, x: Value, windows: readonly number[]): Value => {
  const [first] = windows as [number]
  const [batch, ...rest] = b.shapeOf(x) as [number, ...number[]]
  if (windows.length === batch) return x
  const beside = windows.every((window, i) => window === first + i)
  if (!beside) return b.gather(x, windows)
  return b.slice(x, [first, ...rest.map(() => 0)], [first + windows.length, ...rest])
}
/** [windows, heads, tokens, d], of which the group's queries. */
const ofQueries = (b: Builder, x: Value, { windows, height, width }: Group, grid: Queries): Value => {
  const [batch, heads, , d] = b.shapeOf(ofWindows(b, x, windows)) as [number, number, number, number]
  const whole = b.reshape(ofWindows(b, x, windows), [batch, heads, grid.height, grid.width, d])
  return b.reshape(b.slice(whole, [0, 0, 0, 0, 0], [batch, heads, height, width, d]), [batch, heads, height * width, d])
}
/** What each group gave for its queries, for all tokens of all windows in their order: zeros for others. */
const together = (b: Builder, parts: readonly Value[], groups: readonly Group[], grid: Queries): Value => {
  const whole = parts.map((part, i) => {
    const { height, width } = groups[i]!
    const [batch, heads, , d] = b.shapeOf(part) as [number, number, number, number]
    const asked = b.reshape(part, [batch, heads, height, width, d])
    const padded = b.pad(asked, [0, 0, 0, 0, 0], [0, 0, grid.height - height, grid.width - width, 0])
    return b.reshape(padded, [batch, heads, grid.height * grid.width, d])
  })
  return inOrder(b, whole, groups)
}
const inOrder = (b: Builder, parts: readonly Value[], groups: readonly Group[]): Value => {
  const order = groups.flatMap(({ windows }) => windows)
  const joined = b.concat(parts, 0)
  const places = new Array<number>(order.length)
  order.forEach((window, place) => {
    places[window] = place
  })
  return places.every((place, window) => place === window) ? joined : b.gather(joined, places)
}

const total = (b: Builder, xs: readonly Value[]): Value => xs.reduce((sum, x) => b.add(sum, x))

/** The node's value, or its parts, from its operands, group by group. */
export const attendGroups = (
  b: Builder,
  node: Node,
  inputs: readonly Value[],
  groups: readonly Group[],
  scores: number,
): Value | readonly Value[] => {
  if (!isAttention(node)) throw new Error(`internal: ${node.op} is not attention`)
  const grid = gridOf(node)
  const [q, k, v] = inputs as [Value, Value, Value]
  const each = <A>(work: (group: Group, qkv: readonly [Value, Value, Value]) => A): readonly A[] =>
    groups.map((group) =>
      work(group, [ofQueries(b, q, group, grid), ofWindows(b, k, group.windows), ofWindows(b, v, group.windows)]),
    )
  const asked = (x: Value, group: Group) => ofQueries(b, x, group, grid)
  const { attrs } = node
  if (node.op === "attention") {
    const outs = each((_, [qs, ks, vs]) => attend(b, { q: b.scale(qs, attrs.scale), k: ks, v: vs }, scores))
    return together(b, outs, groups, grid)
  }
  if (node.op === "relPosAttention") {
    const tables = inputs.slice(3)
    return together(
      b,
      each((group, qkv) => relPosAttention(b, [...qkv, ...tables], node.attrs, scores, group)),
      groups,
      grid,
    )
  }
  const [out, g] = inputs.slice(-2) as [Value, Value]
  const gradients = each((group, [qs, ks, vs]): readonly Value[] => {
    const results = [asked(out, group), asked(g, group)] as const
    if (node.op === "relPosAttentionGrad")
      return relPosAttentionGrad(b, [qs, ks, vs, ...inputs.slice(3, 5), ...results], node.attrs, scores, group)
    const scaled = b.scale(qs, attrs.scale)
    const grad = attendGrad(b, { q: scaled, k: ks, v: vs, out: results[0], g: results[1] }, scores)
    return [b.scale(grad.q, attrs.scale), grad.k, grad.v]
  })
  const part = (i: number) => gradients.map((values) => values[i]!)
  const tables = node.op === "relPosAttentionGrad" ? [3, 4].map((i) => total(b, part(i))) : []
  return [together(b, part(0), groups, grid), inOrder(b, part(1), groups), inOrder(b, part(2), groups), ...tables]
}
