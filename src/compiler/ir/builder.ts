/**
 * Builds graphs: a method for each op, shapes computed at once, equal nodes shared, and steps that change nothing left out.
 */
import {
  type Conv2dAttrs,
  type Graph,
  type Node,
  type OpAttrs,
  type OpKind,
  type PoolAttrs,
  type ReduceAttrs,
  type RelPosAttrs,
  type Shape,
  sizeOf,
} from "./graph.ts"
import { type Result, sameShape, shapes } from "./shapes.ts"

/** The id of a node. */
export type Value = number

const none = {}
const identity = (perm: readonly number[]): boolean => perm.every((axis, i) => axis === i)
const zeros = (xs: readonly number[]): boolean => xs.every((x) => x === 0)

/** JSON writes infinities and NaN as null, and −0 as 0: these are spelled out, lest different nodes be taken for equal. */
const special = (x: unknown): boolean => typeof x === "number" && (!Number.isFinite(x) || Object.is(x, -0))
const spelled = (_: string, x: unknown): unknown => (special(x) ? (Object.is(x, -0) ? "-0" : `${x}`) : x)
/** Attributes go from graph to graph: the text of each, long lists above all, is made once. */
const texts = new WeakMap<object, string>()
const textOf = (node: Node): string => {
  const held = node.op === "constant" ? node.attrs.values : node.attrs
  const known = texts.get(held)
  if (known !== undefined) return known
  const lists = node.op === "constant" ? [held] : Object.values(held)
  const unspeakable = lists.some((x) => (Array.isArray(x) ? x.some(special) : special(x)))
  const text = unspeakable ? JSON.stringify(held, spelled) : JSON.stringify(held)
  texts.set(held, text)
  return text
}

export class Builder {
  readonly #nodes: Node[] = []
  readonly #known = new Map<string, Value>()
  #from: string | undefined
  #copy: number | undefined

  /** A builder that goes on where a graph ends; the graph's ids stay valid. */
  static of(graph: Graph): Builder {
    const b = new Builder()
    graph.nodes.forEach((node, id) => {
      // Equal nodes that a graph already has stay as they are; new ones are shared with the first.
      if (b.#append(node) !== id) b.#nodes.push(node)
    })
    return b
  }

  get nodes(): readonly Node[] {
    return this.#nodes
  }
  node(value: Value): Node {
    const node = this.#nodes[value]
    if (node === undefined) throw new Error(`internal: there is no value ${value}`)
    return node
  }
  shapeOf(value: Value): Shape {
    return this.node(value).shape
  }
  build(outputs: Readonly<Record<string, Value>>): Graph {
    return { nodes: [...this.#nodes], outputs: Object.entries(outputs).map(([name, value]) => ({ name, value })) }
  }

  /** Nodes made in `body` come from the module at `path`. */
  from<A>(path: string, body: () => A): A {
    const outer = this.#from
    this.#from = path
    try {
      return body()
    } finally {
      this.#from = outer
    }
  }
  /** Nodes made in `body` are not shared with equal ones of other copies: for computing something again on purpose. */
  copy<A>(copy: number | undefined, body: () => A): A {
    const outer = this.#copy
    this.#copy = copy
    try {
      return body()
    } finally {
      this.#copy = outer
    }
  }

  #append(node: Node): Value {
    // Big constants are compared by what they are: equal text, equal value.
    const key = `${node.copy}|${node.op}|${node.inputs}|${textOf(node)}|${node.shape}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const value = this.#nodes.length
    this.#nodes.push(node)
    this.#known.set(key, value)
    return value
  }

  /** Any op but the sources; `from` overrides where it comes from. */
  emit<K extends keyof typeof shapes>(op: K, inputs: readonly Value[], attrs: OpAttrs[K], from = this.#from): Value {
    const rule = shapes[op] as (attrs: OpAttrs[K], ...inputs: readonly Shape[]) => Result
    const result = rule(attrs, ...inputs.map((value) => this.shapeOf(value)))
    const shaped = "parts" in result ? { shape: result.parts[0]!, parts: result.parts } : { shape: result }
    return this.#append({ op, inputs, attrs, ...shaped, ...this.#marks(from) } as unknown as Node)
  }
  #marks(from: string | undefined): Pick<Node, "from" | "copy"> {
    return { ...(from === undefined ? {} : { from }), ...(this.#copy === undefined ? {} : { copy: this.#copy }) }
  }
  #source<K extends OpKind>(op: K, attrs: OpAttrs[K], shape: Shape): Value {
    return this.#append({ op, inputs: [], attrs, shape } as unknown as Node)
  }

  // ---- sources
  input(name: string, shape: Shape): Value {
    return this.#source("input", { name }, shape)
  }
  parameter(name: string, shape: Shape): Value {
    return this.#source("parameter", { name }, shape)
  }
  /** Row-major values; one value fills the shape. */
  constant(values: readonly number[], shape: Shape): Value {
    if (values.length !== 1 && values.length !== sizeOf(shape))
      throw new Error(`internal: ${values.length} values for a constant [${shape.join(", ")}]`)
    return this.#source("constant", { values }, shape)
  }
  scalar(value: number): Value {
    return this.constant([value], [])
  }

  // ---- pointwise
  neg(x: Value) {
    return this.emit("neg", [x], none)
  }
  exp(x: Value) {
    return this.emit("exp", [x], none)
  }
  log(x: Value) {
    return this.emit("log", [x], none)
  }
  sqrt(x: Value) {
    return this.emit("sqrt", [x], none)
  }
  sin(x: Value) {
    return this.emit("sin", [x], none)
  }
  cos(x: Value) {
    return this.emit("cos", [x], none)
  }
  tanh(x: Value) {
    return this.emit("tanh", [x], none)
  }
  erf(x: Value) {
    return this.emit("erf", [x], none)
  }
  abs(x: Value) {
    return this.emit("abs", [x], none)
  }
  sigmoid(x: Value) {
    return this.emit("sigmoid", [x], none)
  }
  softplus(x: Value) {
    return this.emit("softplus", [x], none)
  }
  relu(x: Value) {
    return this.emit("relu", [x], none)
  }
  step(x: Value) {
    return this.emit("step", [x], none)
  }
  equals(x: Value, value: number) {
    return this.emit("equals", [x], { value })
  }
  scale(x: Value, by: number) {
    return by === 1 ? x : this.emit("scale", [x], { by })
  }
  shift(x: Value, by: number) {
    return by === 0 ? x : this.emit("shift", [x], { by })
  }
  add(a: Value, b: Value) {
    return this.emit("add", [a, b], none)
  }
  sub(a: Value, b: Value) {
    return this.emit("sub", [a, b], none)
  }
  mul(a: Value, b: Value) {
    return this.emit("mul", [a, b], none)
  }
  div(a: Value, b: Value) {
    return this.emit("div", [a, b], none)
  }
  maximum(a: Value, b: Value) {
    return this.emit("maximum", [a, b], none)
  }

  // ---- products
  matmul(a: Value, b: Value, { transposeA = false, transposeB = false }: Partial<OpAttrs["matmul"]> = {}) {
    return this.emit("matmul", [a, b], { transposeA, transposeB })
  }
  conv2d(x: Value, weight: Value, attrs: Conv2dAttrs) {
    return this.emit("conv2d", [x, weight], attrs)
  }
  conv2dInputGrad(gradient: Value, weight: Value, attrs: OpAttrs["conv2dInputGrad"]) {
    return this.emit("conv2dInputGrad", [gradient, weight], attrs)
  }
  conv2dWeightGrad(x: Value, gradient: Value, attrs: OpAttrs["conv2dWeightGrad"]) {
    return this.emit("conv2dWeightGrad", [x, gradient], attrs)
  }

  // ---- pooling
  maxPool2d(x: Value, attrs: PoolAttrs) {
    return this.emit("maxPool2d", [x], attrs)
  }
  maxPool2dGrad(x: Value, gradient: Value, attrs: PoolAttrs) {
    return this.emit("maxPool2dGrad", [x, gradient], attrs)
  }
  avgPool2d(x: Value, attrs: PoolAttrs) {
    return this.emit("avgPool2d", [x], attrs)
  }
  avgPool2dGrad(gradient: Value, attrs: OpAttrs["avgPool2dGrad"]) {
    return this.emit("avgPool2dGrad", [gradient], attrs)
  }

  // ---- reductions
  reduceSum(x: Value, attrs: ReduceAttrs) {
    return attrs.axes.length === 0 ? x : this.emit("reduceSum", [x], attrs)
  }
  reduceMean(x: Value, attrs: ReduceAttrs) {
    return attrs.axes.length === 0 ? x : this.emit("reduceMean", [x], attrs)
  }
  reduceMax(x: Value, attrs: ReduceAttrs) {
    return attrs.axes.length === 0 ? x : this.emit("reduceMax", [x], attrs)
  }

  // ---- movement
  reshape(x: Value, shape: Shape): Value {
    if (sameShape(this.shapeOf(x), shape)) return x
    const { op, inputs } = this.node(x)
    const source = op === "reshape" ? inputs[0]! : x
    return sameShape(this.shapeOf(source), shape) ? source : this.emit("reshape", [source], { shape })
  }
  transpose(x: Value, perm: readonly number[]): Value {
    return identity(perm) ? x : this.emit("transpose", [x], { perm })
  }
  broadcast(x: Value, shape: Shape): Value {
    return sameShape(this.shapeOf(x), shape) ? x : this.emit("broadcast", [x], { shape })
  }
  slice(x: Value, starts: readonly number[], ends: readonly number[]): Value {
    return zeros(starts) && sameShape(this.shapeOf(x), ends) ? x : this.emit("slice", [x], { starts, ends })
  }
  pad(x: Value, before: readonly number[], after: readonly number[]): Value {
    return zeros(before) && zeros(after) ? x : this.emit("pad", [x], { before, after })
  }
  concat(xs: readonly Value[], axis: number): Value {
    return xs.length === 1 ? xs[0]! : this.emit("concat", xs, { axis })
  }
  gather(x: Value, indices: readonly number[]) {
    return this.emit("gather", [x], { indices })
  }
  scatterAdd(x: Value, attrs: OpAttrs["scatterAdd"]) {
    return this.emit("scatterAdd", [x], attrs)
  }
  oneHot(ids: Value, attrs: OpAttrs["oneHot"]) {
    return this.emit("oneHot", [ids], attrs)
  }
  part(x: Value, index: number): Value {
    const { parts, from, copy } = this.node(x)
    const shape = parts?.[index]
    if (shape === undefined) throw new Error(`internal: value ${x} has no part ${index}`)
    const marks = { ...(from === undefined ? {} : { from }), ...(copy === undefined ? {} : { copy }) }
    return this.#append({ op: "part", inputs: [x], attrs: { index }, shape, ...marks })
  }

  // ---- composites
  /** x [..., in], weight [out, in], bias [out]. */
  linear(x: Value, weight: Value, bias?: Value) {
    return this.emit("linear", bias === undefined ? [x, weight] : [x, weight, bias], none)
  }
  softmax(x: Value) {
    return this.emit("softmax", [x], none)
  }
  softmaxGrad(y: Value, gradient: Value) {
    return this.emit("softmaxGrad", [y, gradient], none)
  }
  layerNorm(x: Value, gamma: Value, beta: Value, attrs: OpAttrs["layerNorm"]) {
    return this.emit("layerNorm", [x, gamma, beta], attrs)
  }
  layerNormGrad(x: Value, gamma: Value, gradient: Value, attrs: OpAttrs["layerNormGrad"]) {
    return this.emit("layerNormGrad", [x, gamma, gradient], attrs)
  }
  gelu(x: Value) {
    return this.emit("gelu", [x], none)
  }
  geluGrad(x: Value, gradient: Value) {
    return this.emit("geluGrad", [x, gradient], none)
  }
  attention(q: Value, k: Value, v: Value, attrs: OpAttrs["attention"]) {
    return this.emit("attention", [q, k, v], attrs)
  }
  attentionGrad(q: Value, k: Value, v: Value, out: Value, gradient: Value, attrs: OpAttrs["attentionGrad"]) {
    return this.emit("attentionGrad", [q, k, v, out, gradient], attrs)
  }
  relPosAttention(q: Value, k: Value, v: Value, tableH: Value, tableW: Value, attrs: RelPosAttrs) {
    return this.emit("relPosAttention", [q, k, v, tableH, tableW], attrs)
  }
  /** Operands: q, k, v, tableH, tableW, out, gradient. */
  relPosAttentionGrad(inputs: readonly [Value, Value, Value, Value, Value, Value, Value], attrs: RelPosAttrs) {
    return this.emit("relPosAttentionGrad", inputs, attrs)
  }
  resizeBilinear(x: Value, attrs: OpAttrs["resizeBilinear"]) {
    return this.emit("resizeBilinear", [x], attrs)
  }
  resizeBilinearGrad(gradient: Value, attrs: OpAttrs["resizeBilinearGrad"]) {
    return this.emit("resizeBilinearGrad", [gradient], attrs)
  }
  adapter(x: Value, down: Value, downBias: Value, up: Value, upBias: Value) {
    return this.emit("adapter", [x, down, downBias, up, upBias], none)
  }
}
