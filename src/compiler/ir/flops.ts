/**
 * Floating-point operations of each op. One multiply-add is 2; any other elementary operation on one number is 1, be it an addition or an
 * exponential; moving numbers is 0. Products with the zeros of padding count. Gradients of attention compute the probabilities again.
 */
import type { Node, NodeOf, OpKind, RelPosAttrs, Shape } from "./graph.ts"
import { sizeOf } from "./graph.ts"

type Rule<K extends OpKind> = (node: NodeOf<K>, operands: readonly Shape[]) => number

const none = () => 0
/** So many for each element of the result. */
const each =
  (n: number): Rule<any> =>
  ({ shape }) =>
    n * sizeOf(shape)
/** One for each element of the operand, and `more` for each of the result. */
const folded =
  (more = 0): Rule<any> =>
  ({ shape }, [x]) =>
    sizeOf(x!) + more * sizeOf(shape)

const rowsOf = (x: Shape): number => sizeOf(x.slice(0, -1))

/** Every element of the gradient or output meets every weight of its group's channels. */
const convolution = (output: Shape, weight: Shape): number => 2 * sizeOf(output) * sizeOf(weight.slice(1))

const linear: Rule<"linear"> = ({ shape }, [x, , bias]) =>
  2 * sizeOf(shape) * x!.at(-1)! + (bias === undefined ? 0 : sizeOf(shape))

const softmaxEach = 5
const attention = (q: Shape, v: Shape): number => {
  const [b, h, n, d] = q as [number, number, number, number]
  const [, , m, e] = v as [number, number, number, number]
  return b * h * n * (2 * m * (d + e) + d + softmaxEach * m)
}
/** Scores again, then dv, dp, dq and dk; ds = p · (dp − Σ g·out); q and dq scaled. */
const attentionGrad = (q: Shape, v: Shape): number => {
  const [b, h, n, d] = q as [number, number, number, number]
  const [, , m, e] = v as [number, number, number, number]
  return b * h * n * (2 * m * (3 * d + 2 * e) + (softmaxEach + 2) * m + 2 * d + 2 * e)
}
/** q times a row of each table for each other row and column. */
const positions = (q: Shape, { height, width }: RelPosAttrs): number => 2 * sizeOf(q) * (height + width)
/** Two numbers for each score: added to it, or collected from its gradient. */
const twoEach = (q: Shape): number => 2 * sizeOf(q.slice(0, 3)) * q[2]!

/** Total: an op without a count does not compile. */
const rules: { readonly [K in OpKind]: Rule<K> } = {
  input: none,
  parameter: none,
  constant: none,
  neg: each(1),
  exp: each(1),
  log: each(1),
  sqrt: each(1),
  sin: each(1),
  cos: each(1),
  tanh: each(1),
  erf: each(1),
  abs: each(1),
  sigmoid: each(1),
  softplus: each(1),
  relu: each(1),
  step: each(1),
  equals: each(1),
  scale: each(1),
  shift: each(1),
  add: each(1),
  sub: each(1),
  mul: each(1),
  div: each(1),
  maximum: each(1),
  matmul: ({ shape, attrs }, [a]) => 2 * sizeOf(shape) * a!.at(attrs.transposeA ? -2 : -1)!,
  conv2d: ({ shape }, [, w]) => convolution(shape, w!),
  conv2dInputGrad: (_, [g, w]) => convolution(g!, w!),
  conv2dWeightGrad: ({ shape }, [, g]) => convolution(g!, shape),
  maxPool2d: ({ shape, attrs }) => sizeOf(shape) * sizeOf(attrs.kernel),
  maxPool2dGrad: ({ attrs }, [, g]) => sizeOf(g!) * (sizeOf(attrs.kernel) + 1),
  avgPool2d: ({ shape, attrs }) => sizeOf(shape) * (sizeOf(attrs.kernel) + 1),
  avgPool2dGrad: ({ attrs }, [g]) => sizeOf(g!) * (sizeOf(attrs.kernel) + 1),
  reduceSum: folded(),
  reduceMean: folded(1),
  reduceMax: folded(),
  reshape: none,
  transpose: none,
  broadcast: none,
  slice: none,
  pad: none,
  concat: none,
  gather: none,
  scatterAdd: folded(),
  oneHot: none,
  part: none,
  linear,
  softmax: each(softmaxEach),
  softmaxGrad: each(4),
  /** Mean, centred, variance, divided, and the affine part; a mean, a mean, a shift and a root for each row. */
  layerNorm: ({ shape }) => 7 * sizeOf(shape) + 4 * rowsOf(shape),
  layerNormGrad: ({ shape }) => 16 * sizeOf(shape) + 6 * rowsOf(shape),
  gelu: each(5),
  geluGrad: each(11),
  attention: (_, [q, , v]) => attention(q!, v!),
  attentionGrad: (_, [q, , v]) => attentionGrad(q!, v!),
  relPosAttention: ({ attrs }, [q, , v]) => attention(q!, v!) + positions(q!, attrs) + twoEach(q!),
  /** The bias again; then from the scores' gradient to q and to the tables. */
  relPosAttentionGrad: ({ attrs }, [q, , v]) => attentionGrad(q!, v!) + 3 * positions(q!, attrs) + 2 * twoEach(q!),
  /** Four products and three sums. */
  resizeBilinear: each(7),
  resizeBilinearGrad: (_, [g]) => 8 * sizeOf(g!),
  adapter: ({ shape }, [, down]) => {
    const [rank, width] = down as [number, number]
    return rowsOf(shape) * (4 * rank * width + 2 * rank + 2 * width)
  },
}

/** FLOPs of one node. */
export const flopsOf = (nodes: readonly Node[], node: Node): number =>
  (rules[node.op] as Rule<any>)(
    node as never,
    node.inputs.map((input) => nodes[input]!.shape),
  )
