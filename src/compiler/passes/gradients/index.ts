/** The gradient of every op, in ops. */
import { type OpKind, sizeOf } from "../../ir/graph.ts"
import { binary, unary } from "./pointwise.ts"
import { adapter, conv2d, conv2dInputGrad, linear, matmul } from "./products.ts"
import type { GradientRule } from "./rule.ts"

/** Constant almost everywhere, or nothing to differentiate. */
const none: GradientRule<any> = () => []
/** Gradients are not differentiated again. */
const firstOrderOnly: GradientRule<any> = ({ node }) => {
  throw new Error(`internal: ${node.op} has no gradient of its own`)
}

/** Total: an op without a rule does not compile. */
export const gradients: { readonly [K in OpKind]: GradientRule<K> } = {
  input: none,
  parameter: none,
  constant: none,
  step: none,
  equals: none,
  oneHot: none,
  ...unary,
  ...binary,
  matmul,
  conv2d,
  conv2dInputGrad,
  linear,
  adapter,

  maxPool2d: ({ b, node, g }) => [b.maxPool2dGrad(node.inputs[0]!, g, node.attrs)],
  avgPool2d: ({ b, node, g }) => {
    const [, , height, width] = b.shapeOf(node.inputs[0]!) as [number, number, number, number]
    return [b.avgPool2dGrad(g, { ...node.attrs, inputSize: [height, width] })]
  },

  reduceSum: ({ b, node, g }) => {
    const shape = b.shapeOf(node.inputs[0]!)
    const kept = shape.map((extent, i) => (node.attrs.axes.includes(i) ? 1 : extent))
    return [b.broadcast(b.reshape(g, kept), shape)]
  },
  reduceMean: ({ b, node, g }) => {
    const shape = b.shapeOf(node.inputs[0]!)
    const kept = shape.map((extent, i) => (node.attrs.axes.includes(i) ? 1 : extent))
    const count = sizeOf(node.attrs.axes.map((axis) => shape[axis]!))
    return [b.broadcast(b.reshape(b.scale(g, 1 / count), kept), shape)]
  },
  /** Shared equally among equal maxima. */
  reduceMax: ({ b, node, y, g }) => {
    const x = node.inputs[0]!
    const kept = b.shapeOf(x).map((extent, i) => (node.attrs.axes.includes(i) ? 1 : extent))
    const below = b.step(b.sub(b.reshape(y, kept), x))
    const top = b.shift(b.neg(below), 1)
    const count = b.reduceSum(top, { axes: node.attrs.axes, keepDims: true })
    return [b.mul(top, b.div(b.reshape(g, kept), count))]
  },

  reshape: ({ b, node, g }) => [b.reshape(g, b.shapeOf(node.inputs[0]!))],
  transpose: ({ b, node, g }) => [
    b.transpose(
      g,
      node.attrs.perm.map((_, i) => node.attrs.perm.indexOf(i)),
    ),
  ],
  broadcast: ({ b, node, g }) => {
    const shape = b.shapeOf(node.inputs[0]!)
    const lead = node.shape.length - shape.length
    const axes = node.shape.flatMap((extent, i) => (i < lead || (shape[i - lead] === 1 && extent !== 1) ? [i] : []))
    return [b.reshape(b.reduceSum(g, { axes, keepDims: true }), shape)]
  },
  slice: ({ b, node, g }) => {
    const shape = b.shapeOf(node.inputs[0]!)
    return [
      b.pad(
        g,
        node.attrs.starts,
        shape.map((extent, i) => extent - node.attrs.ends[i]!),
      ),
    ]
  },
  pad: ({ b, node, g }) => {
    const { before } = node.attrs
    const shape = b.shapeOf(node.inputs[0]!)
    return [
      b.slice(
        g,
        before,
        shape.map((extent, i) => before[i]! + extent),
      ),
    ]
  },
  concat: ({ b, node, g, needs }) => {
    const { axis } = node.attrs
    const ends = node.inputs.reduce<readonly number[]>((at, x) => [...at, at.at(-1)! + b.shapeOf(x)[axis]!], [0])
    return node.inputs.map((_, i) =>
      needs(i)
        ? b.slice(
            g,
            node.shape.map((__, a) => (a === axis ? ends[i]! : 0)),
            node.shape.map((extent, a) => (a === axis ? ends[i + 1]! : extent)),
          )
        : undefined,
    )
  },
  gather: ({ b, node, g }) => [b.scatterAdd(g, { indices: node.attrs.indices, rows: b.shapeOf(node.inputs[0]!)[0]! })],
  scatterAdd: ({ b, node, g }) => [b.gather(g, node.attrs.indices)],

  softmax: ({ b, y, g }) => [b.softmaxGrad(y, g)],
  layerNorm: ({ b, node, g }) => {
    const [x, gamma] = node.inputs as [number, number]
    const all = b.layerNormGrad(x, gamma, g, node.attrs)
    return [0, 1, 2].map((i) => b.part(all, i))
  },
  gelu: ({ b, node, g }) => [b.geluGrad(node.inputs[0]!, g)],
  attention: ({ b, node, y, g }) => {
    const [q, k, v] = node.inputs as [number, number, number]
    const all = b.attentionGrad(q, k, v, y, g, node.attrs)
    return [0, 1, 2].map((i) => b.part(all, i))
  },
  relPosAttention: ({ b, node, y, g }) => {
    const [q, k, v, tableH, tableW] = node.inputs as [number, number, number, number, number]
    const all = b.relPosAttentionGrad([q, k, v, tableH, tableW, y, g], node.attrs)
    return [0, 1, 2, 3, 4].map((i) => b.part(all, i))
  },
  resizeBilinear: ({ b, node, g }) => {
    const [, , height, width] = b.shapeOf(node.inputs[0]!) as [number, number, number, number]
    return [b.resizeBilinearGrad(g, { height, width })]
  },
  resizeBilinearGrad: ({ b, node, g }) => {
    const [, , height, width] = b.shapeOf(node.inputs[0]!) as [number, number, number, number]
    return [b.resizeBilinear(g, { height, width })]
  },

  part: firstOrderOnly,
  conv2dWeightGrad: firstOrderOnly,
  maxPool2dGrad: firstOrderOnly,
  avgPool2dGrad: firstOrderOnly,
  softmaxGrad: firstOrderOnly,
  layerNormGrad: firstOrderOnly,
  geluGrad: firstOrderOnly,
  attentionGrad: firstOrderOnly,
  relPosAttentionGrad: firstOrderOnly,
}
