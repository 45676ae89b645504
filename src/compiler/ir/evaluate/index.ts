/** The meaning of every op, in float64: what every backend is compared with. */
import type { Graph, Node, OpAttrs, OpKind, Shape } from "../graph.ts"
import { sizeOf } from "../graph.ts"
import { type Array64, array } from "./array.ts"
import * as composite from "./composites.ts"
import * as move from "./movement.ts"
import { erf, gelu, geluSlope, map, sigmoid, softplus, zip } from "./pointwise.ts"
import * as pool from "./pooling.ts"
import * as product from "./products.ts"

export type { Array64 } from "./array.ts"

type Rule<K extends OpKind> = (
  attrs: OpAttrs[K],
  inputs: readonly Array64[],
  shape: Shape,
) => Array64 | readonly Array64[]

const unary =
  (f: (x: number) => number): Rule<any> =>
  (_, [x]) =>
    map(x!, f)
const binary =
  (f: (a: number, b: number) => number): Rule<any> =>
  (_, [a, b]) =>
    zip(a!, b!, f)

/** Total: an op without a meaning does not compile. */
const rules: { readonly [K in Exclude<OpKind, "input" | "parameter" | "part">]: Rule<K> } = {
  constant: ({ values }, _, shape) =>
    array(shape, values.length === 1 ? new Float64Array(sizeOf(shape)).fill(values[0]!) : Float64Array.from(values)),
  neg: unary((x) => -x),
  exp: unary(Math.exp),
  log: unary(Math.log),
  sqrt: unary(Math.sqrt),
  sin: unary(Math.sin),
  cos: unary(Math.cos),
  tanh: unary(Math.tanh),
  erf: unary(erf),
  abs: unary(Math.abs),
  sigmoid: unary(sigmoid),
  softplus: unary(softplus),
  // Not a number is not made 0: it must be seen.
  relu: unary((x) => (x <= 0 ? 0 : x)),
  step: unary((x) => (x > 0 ? 1 : 0)),
  equals: ({ value }, [x]) => map(x!, (y) => (y === value ? 1 : 0)),
  scale: ({ by }, [x]) => map(x!, (y) => y * by),
  shift: ({ by }, [x]) => map(x!, (y) => y + by),
  add: binary((a, b) => a + b),
  sub: binary((a, b) => a - b),
  mul: binary((a, b) => a * b),
  div: binary((a, b) => a / b),
  maximum: binary(Math.max),
  matmul: (attrs, [a, b]) => product.matmul(a!, b!, attrs),
  conv2d: (attrs, [x, w], shape) => product.conv2d(x!, w!, attrs, shape),
  conv2dInputGrad: (attrs, [g, w], shape) => product.conv2dInputGrad(g!, w!, attrs, shape),
  conv2dWeightGrad: (attrs, [x, g], shape) => product.conv2dWeightGrad(x!, g!, attrs, shape),
  maxPool2d: (attrs, [x], shape) => pool.maxPool2d(x!, attrs, shape),
  maxPool2dGrad: (attrs, [x, g]) => pool.maxPool2dGrad(x!, g!, attrs),
  avgPool2d: (attrs, [x], shape) => pool.avgPool2d(x!, attrs, shape),
  avgPool2dGrad: (attrs, [g], shape) => pool.avgPool2dGrad(g!, attrs, shape),
  reduceSum: ({ axes }, [x], shape) => move.reduce(x!, axes, shape, 0, (sum, y) => sum + y),
  reduceMean: ({ axes }, [x], shape) => {
    const count = sizeOf(axes.map((axis) => x!.shape[axis]!))
    return map(
      move.reduce(x!, axes, shape, 0, (sum, y) => sum + y),
      (sum) => sum / count,
    )
  },
  reduceMax: ({ axes }, [x], shape) => move.reduce(x!, axes, shape, Number.NEGATIVE_INFINITY, Math.max),
  reshape: (_, [x], shape) => array(shape, x!.data),
  transpose: ({ perm }, [x]) => product.transpose(x!, perm),
  broadcast: ({ shape }, [x]) => move.broadcastTo(x!, shape),
  slice: (attrs, [x], shape) => move.slice(x!, attrs, shape),
  pad: (attrs, [x], shape) => move.pad(x!, attrs, shape),
  concat: ({ axis }, xs, shape) => move.concat(xs, axis, shape),
  gather: ({ indices }, [x], shape) => move.gather(x!, indices, shape),
  scatterAdd: ({ indices }, [x], shape) => move.scatterAdd(x!, indices, shape),
  oneHot: ({ classes }, [ids], shape) => move.oneHot(ids!, classes, shape),
  linear: (_, [x, w, bias]) => product.linear(x!, w!, bias),
  softmax: (_, [x]) => composite.softmax(x!),
  softmaxGrad: (_, [y, g]) => composite.softmaxGrad(y!, g!),
  layerNorm: ({ eps }, [x, gamma, beta]) => composite.layerNorm(x!, gamma!, beta!, eps),
  layerNormGrad: ({ eps }, [x, gamma, g]) => composite.layerNormGrad(x!, gamma!, g!, eps),
  gelu: unary(gelu),
  geluGrad: (_, [x, g]) => zip(x!, g!, (y, slope) => geluSlope(y) * slope),
  attention: ({ scale }, [q, k, v]) => composite.attention(q!, k!, v!, scale),
  attentionGrad: ({ scale }, [q, k, v, , g]) => composite.attentionGrad(q!, k!, v!, g!, scale).slice(0, 3),
  relPosAttention: (attrs, inputs) => composite.relPosAttention(inputs, attrs),
  relPosAttentionGrad: (attrs, inputs) => composite.relPosAttentionGrad(inputs, attrs),
  resizeBilinear: (_, [x], shape) => composite.resizeBilinear(x!, shape),
  resizeBilinearGrad: (_, [g], shape) => composite.resizeBilinearGrad(g!, shape),
  adapter: (_, inputs) => composite.adapter(inputs),
}

export type Values = Readonly<Record<string, ArrayLike<number>>>

/** Last node that uses each value; outputs are used for ever. */
const lastUses = ({ nodes, outputs }: Graph): readonly number[] => {
  const last = nodes.map((_, i) => i)
  nodes.forEach(({ inputs }, i) => {
    for (const input of inputs) last[input] = i
  })
  for (const { value } of outputs) last[value] = nodes.length
  return last
}

/** Nodes that outputs depend on. */
const needed = ({ nodes, outputs }: Graph): ReadonlySet<number> => {
  const found = new Set<number>()
  const stack = outputs.map(({ value }) => value)
  while (stack.length > 0) {
    const value = stack.pop()!
    if (found.has(value)) continue
    found.add(value)
    stack.push(...nodes[value]!.inputs)
  }
  return found
}

/** Runs a graph. `values` feeds inputs and parameters alike, by name. */
export const evaluate = (graph: Graph, values: Values): Readonly<Record<string, Array64>> => {
  const results: (Array64 | readonly Array64[] | undefined)[] = []
  const last = lastUses(graph)
  const live = needed(graph)
  const feed = (name: string, shape: Shape): Array64 => {
    const data = values[name]
    if (data === undefined) throw new Error(`internal: no value for '${name}'`)
    if (data.length !== sizeOf(shape))
      throw new Error(`internal: '${name}' has ${data.length} elements, not ${sizeOf(shape)}`)
    return array(shape, Float64Array.from(data))
  }
  const step = (node: Node): Array64 | readonly Array64[] => {
    if (node.op === "input" || node.op === "parameter") return feed(node.attrs.name, node.shape)
    if (node.op === "part") return (results[node.inputs[0]!] as readonly Array64[])[node.attrs.index]!
    const inputs = node.inputs.map((input) => results[input] as Array64)
    return (rules[node.op] as Rule<any>)(node.attrs, inputs, node.shape)
  }
  graph.nodes.forEach((node, i) => {
    if (!live.has(i)) return
    results[i] = step(node)
    for (const input of node.inputs) if (last[input] === i) results[input] = undefined
  })
  return Object.fromEntries(graph.outputs.map(({ name, value }) => [name, results[value] as Array64]))
}
