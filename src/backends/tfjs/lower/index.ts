/** What each op becomes on tfjs's kernels. */
import type { NodeOf, OpKind, Program } from "../../../compiler/ir/graph.ts"
import { type Composite, type Computed, isComposite } from "../../../compiler/ops/index.ts"
import { decompose } from "../../../compiler/passes/decompose.ts"
import type { Kernels, Value } from "../kernels.ts"
import * as basic from "./basic.ts"
import * as composite from "./composites.ts"
import { conv2d, conv2dInputGrad, conv2dWeightGrad } from "./convolution.ts"
import { keyOf, scatterRows } from "./gather.ts"
import { avgPool2d, avgPool2dGrad, maxPool2d, maxPool2dGrad } from "./pooling.ts"
import { linear, matmul } from "./products.ts"
import type { TfjsKernel } from "./shapes.ts"

/** The value, or one for each part; parts that nothing uses may be left out. */
export type Results = Value | readonly (Value | undefined)[]
/** Whether anything uses a part: a frozen table needs no gradient. */
export type Wanted = (part: number) => boolean
export type Rule<K extends OpKind> = (k: Kernels, node: NodeOf<K>, inputs: readonly Value[], wanted: Wanted) => Results
/** Total but for composites, which are taken apart where there is no rule for them: an op that is neither does not compile. */
export type Lowering = { readonly [K in Exclude<Computed, Composite>]: Rule<K> } & {
  readonly [K in Composite]?: Rule<K>
}

type AnyRule = (k: Kernels, node: unknown, inputs: readonly Value[]) => Value
const one =
  (kernel: TfjsKernel): AnyRule =>
  (k, _, [x]) =>
    basic.unary(k, kernel, x!)
const two =
  (kernel: TfjsKernel): AnyRule =>
  (k, _, [a, b]) =>
    basic.binary(k, kernel, a!, b!)

export const lowering = {
  neg: one("Neg"),
  exp: one("Exp"),
  log: one("Log"),
  sqrt: one("Sqrt"),
  sin: one("Sin"),
  cos: one("Cos"),
  tanh: one("Tanh"),
  erf: one("Erf"),
  abs: one("Abs"),
  sigmoid: one("Sigmoid"),
  softplus: one("Softplus"),
  relu: one("Relu"),
  step: (k, _, [x]) => basic.step(k, x!),
  equals: (k, { attrs }, [x]) => basic.equal(k, x!, basic.scalar(k, attrs.value)),
  scale: (k, { attrs }, [x]) => basic.scaled(k, x!, attrs.by),
  shift: (k, { attrs }, [x]) => basic.shifted(k, x!, attrs.by),

  add: two("Add"),
  sub: two("Sub"),
  mul: two("Multiply"),
  div: two("RealDiv"),
  maximum: two("Maximum"),

  matmul: (k, { attrs }, [a, b]) => matmul(k, a!, b!, attrs.transposeA, attrs.transposeB),
  conv2d: (k, node, [x, weight]) => conv2d(k, node, x!, weight!),
  conv2dInputGrad: (k, node, [gradient, weight]) => conv2dInputGrad(k, node, gradient!, weight!),
  conv2dWeightGrad: (k, node, [x, gradient]) => conv2dWeightGrad(k, node, x!, gradient!),

  maxPool2d: (k, node, [x]) => maxPool2d(k, node, x!),
  maxPool2dGrad: (k, node, [x, gradient]) => maxPool2dGrad(k, node, x!, gradient!),
  avgPool2d: (k, node, [x]) => avgPool2d(k, node, x!),
  avgPool2dGrad: (k, node, [gradient]) => avgPool2dGrad(k, node, gradient!),

  reduceSum: (k, { attrs }, [x]) => basic.reduce(k, "Sum", x!, attrs.axes, attrs.keepDims),
  reduceMean: (k, { attrs }, [x]) => basic.reduce(k, "Mean", x!, attrs.axes, attrs.keepDims),
  reduceMax: (k, { attrs }, [x]) => basic.reduce(k, "Max", x!, attrs.axes, attrs.keepDims),

  reshape: (k, { shape }, [x]) => basic.reshape(k, x!, shape),
  transpose: (k, { attrs }, [x]) => basic.transpose(k, x!, attrs.perm),
  broadcast: (k, { shape }, [x]) => basic.broadcastTo(k, x!, shape),
  slice: (k, { attrs }, [x]) => basic.slice(k, x!, attrs.starts, attrs.ends),
  pad: (k, { attrs }, [x]) => basic.pad(k, x!, attrs.before, attrs.after),
  concat: (k, { attrs }, xs) => basic.concat(k, xs, attrs.axis),
  gather: (k, { attrs }, [x]) => basic.gatherRows(k, x!, `gather ${keyOf(attrs.indices)}`, attrs.indices),
  scatterAdd: (k, { attrs }, [x]) => scatterRows(k, x!, attrs.indices, attrs.rows),
  oneHot: (k, { attrs }, [ids]) => composite.oneHot(k, ids!, attrs.classes),

  linear: (k, _, [x, weight, bias]) => linear(k, x!, weight!, bias),
  softmax: (k, _, [x]) => composite.softmax(k, x!),
  softmaxGrad: (k, _, [y, gradient]) => composite.softmaxGrad(k, y!, gradient!),
  layerNorm: (k, { attrs }, [x, gamma, beta]) => composite.layerNorm(k, attrs.eps, x!, gamma!, beta!),
  layerNormGrad: (k, { attrs }, [x, gamma, gradient], wanted) =>
    composite.layerNormGrad(k, attrs.eps, x!, gamma!, gradient!, wanted),
  gelu: (k, _, [x]) => composite.gelu(k, x!),
  geluGrad: (k, _, [x, gradient]) => composite.geluGrad(k, x!, gradient!),
  attention: (k, { attrs }, [q, key, v]) => composite.attention(k, attrs.scale, q!, key!, v!),
  attentionGrad: (k, { attrs }, inputs) => composite.attentionGrad(k, attrs.scale, inputs),
  relPosAttention: (k, { attrs }, inputs) => composite.relPosAttention(k, attrs, inputs),
  relPosAttentionGrad: (k, { attrs }, inputs, wanted) => composite.relPosAttentionGrad(k, attrs, inputs, wanted),
  resizeBilinear: (k, { shape }, [x]) => composite.resizeBilinear(k, x!, shape),
  resizeBilinearGrad: (k, { shape }, [gradient]) => composite.resizeBilinearGrad(k, gradient!, shape),
  adapter: (k, _, inputs) => composite.adapter(k, inputs),
} satisfies Lowering

const kept: ReadonlySet<string> = new Set(Object.keys(lowering))
/** A program whose ops all have rules. */
export const prepared = (program: Program): Program => {
  const { graph } = program
  if (graph.nodes.every(({ op }) => !isComposite(op) || kept.has(op))) return program
  return { ...program, graph: decompose(graph, { keep: kept as ReadonlySet<OpKind> }) }
}
