/**
 * Bytes of float32 that each op reads and writes at least, each operand once: what a fused kernel moves. With FLOPs it says whether
 * arithmetic or memory limits an op. What only renames a tensor moves nothing.
 */
import { type Node, type NodeOf, type OpKind, type Shape, sizeOf } from "./graph.ts"

type Rule<K extends OpKind> = (node: NodeOf<K>, operands: readonly Shape[]) => number

/** Of one float32. */
export const float = 4
/** Of a node's value, or of all its parts. */
export const valueBytes = ({ shape, parts }: Pick<Node, "shape" | "parts">): number =>
  float * (parts ?? [shape]).reduce((sum, part) => sum + sizeOf(part), 0)

const none = () => 0
const everything: Rule<any> = (node, operands) =>
  valueBytes(node) + float * operands.reduce((sum, shape) => sum + sizeOf(shape), 0)
/** Of its operand, only what ends up in the result. */
const chosen: Rule<any> = (node) => 2 * valueBytes(node)

/** Total: an op without a rule does not compile. */
const rules: { readonly [K in OpKind]: Rule<K> } = {
  input: none,
  parameter: none,
  constant: none,
  neg: everything,
  exp: everything,
  log: everything,
  sqrt: everything,
  sin: everything,
  cos: everything,
  tanh: everything,
  erf: everything,
  abs: everything,
  sigmoid: everything,
  softplus: everything,
  relu: everything,
  step: everything,
  equals: everything,
  scale: everything,
  shift: everything,
  add: everything,
  sub: everything,
  mul: everything,
  div: everything,
  maximum: everything,
  matmul: everything,
  conv2d: everything,
  conv2dInputGrad: everything,
  conv2dWeightGrad: everything,
  maxPool2d: everything,
  maxPool2dGrad: everything,
  avgPool2d: everything,
  avgPool2dGrad: everything,
  reduceSum: everything,
  reduceMean: everything,
  reduceMax: everything,
  reshape: none,
  transpose: everything,
  broadcast: everything,
  slice: chosen,
  pad: everything,
  concat: everything,
  gather: chosen,
  scatterAdd: everything,
  oneHot: everything,
  part: none,
  linear: everything,
  softmax: everything,
  softmaxGrad: everything,
  layerNorm: everything,
  layerNormGrad: everything,
  gelu: everything,
  geluGrad: everything,
  attention: everything,
  attentionGrad: everything,
  relPosAttention: everything,
  relPosAttentionGrad: everything,
  resizeBilinear: everything,
  resizeBilinearGrad: everything,
  adapter: everything,
}

/** Bytes that one node moves. */
export const bytesOf = (nodes: readonly Node[], node: Node): number =>
  (rules[node.op] as Rule<any>)(
    node as never,
    node.inputs.map((input) => nodes[input]!.shape),
  )
