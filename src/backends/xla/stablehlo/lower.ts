/** Our ops as StableHLO's: what each becomes, for every op that a decomposed graph can hold. */
import type { OpKind, ReduceAttrs } from "../../../compiler/ir/graph.ts"
import type { Composite } from "../../../compiler/ops/index.ts"
import { fusedAttention } from "./fused.ts"
import * as movement from "./movement.ts"
import * as pooling from "./pooling.ts"
import * as products from "./products.ts"
import type { Given, Rule } from "./rule.ts"
import { tensorType } from "./text.ts"
import { extentOf } from "./writer.ts"

/** Composites written here as they are: as products with tables they would be text by the megabyte. */
export const kept: ReadonlySet<OpKind> = new Set<OpKind>(["resizeBilinear", "resizeBilinearGrad"])

/** All that a decomposed graph holds beside its sources. */
type Lowered =
  | Exclude<OpKind, Composite | "input" | "parameter" | "part">
  | "resizeBilinear"
  | "resizeBilinearGrad"
  | "attention"

const unary =
  (name: string): Rule<any> =>
  ({ w, node, inputs: [x] }) =>
    w.unary(name, x!, node.shape)
const binary =
  (name: string): Rule<any> =>
  ({ w, node: { shape }, inputs: [a, b], shapes: [as, bs] }) =>
    w.binary(name, w.broadcast(a!, as!, shape), w.broadcast(b!, bs!, shape), shape)

const reduced = ({ w, node, inputs: [x], shapes: [xs] }: Given<any>, name: "add" | "maximum"): string => {
  const { axes } = node.attrs as ReduceAttrs
  const left = xs!.filter((_, axis) => !axes.includes(axis))
  return w.reshape(w.reduce(name, x!, xs!, axes), left, node.shape)
}

/** Total: an op without a rule does not compile. */
export const rules: { readonly [K in Lowered]: Rule<K> } = {
  constant: ({ w, node }) => w.constant(node.attrs.values, node.shape),
  neg: unary("negate"),
  exp: unary("exponential"),
  log: unary("log"),
  sqrt: unary("sqrt"),
  sin: unary("sine"),
  cos: unary("cosine"),
  tanh: unary("tanh"),
  abs: unary("abs"),
  sigmoid: unary("logistic"),
  erf: ({ w, node: { shape }, inputs: [x] }) => w.op(`chlo.erf ${x} : ${tensorType(shape)} -> ${tensorType(shape)}`),
  // max(x, 0) + log(1 + e^−|x|)
  softplus: ({ w, node: { shape }, inputs: [x] }) => {
    const small = w.unary("exponential", w.unary("negate", w.unary("abs", x!, shape), shape), shape)
    const positive = w.binary("maximum", x!, w.fill(0, shape), shape)
    return w.binary("add", positive, w.unary("log_plus_one", small, shape), shape)
  },
  relu: ({ w, node: { shape }, inputs: [x] }) => w.binary("maximum", x!, w.fill(0, shape), shape),
  step: ({ w, node: { shape }, inputs: [x] }) => w.compare("GT", x!, w.fill(0, shape), shape),
  equals: ({ w, node: { shape, attrs }, inputs: [x] }) => w.compare("EQ", x!, w.fill(attrs.value, shape), shape),
  scale: ({ w, node: { shape, attrs }, inputs: [x] }) => w.binary("multiply", x!, w.fill(attrs.by, shape), shape),
  shift: ({ w, node: { shape, attrs }, inputs: [x] }) => w.binary("add", x!, w.fill(attrs.by, shape), shape),
  add: binary("add"),
  sub: binary("subtract"),
  mul: binary("multiply"),
  div: binary("divide"),
  maximum: binary("maximum"),
  matmul: products.matmul,
  conv2d: products.conv2d,
  conv2dInputGrad: products.conv2dInputGrad,
  conv2dWeightGrad: products.conv2dWeightGrad,
  maxPool2d: pooling.maxPool2d,
  maxPool2dGrad: pooling.maxPool2dGrad,
  avgPool2d: pooling.avgPool2d,
  avgPool2dGrad: pooling.avgPool2dGrad,
  reduceSum: (given) => reduced(given, "add"),
  reduceMean: (given) => {
    const { w, node, shapes } = given
    return w.binary(
      "divide",
      reduced(given, "add"),
      w.fill(extentOf(shapes[0]!, node.attrs.axes), node.shape),
      node.shape,
    )
  },
  reduceMax: (given) => reduced(given, "maximum"),
  reshape: ({ w, node, inputs: [x], shapes: [xs] }) => w.reshape(x!, xs!, node.shape),
  transpose: ({ w, node, inputs: [x], shapes: [xs] }) => w.transpose(x!, xs!, node.attrs.perm),
  broadcast: ({ w, node, inputs: [x], shapes: [xs] }) => w.broadcast(x!, xs!, node.shape),
  slice: ({ w, node: { attrs }, inputs: [x], shapes: [xs] }) => w.slice(x!, xs!, attrs.starts, attrs.ends),
  pad: ({ w, node: { attrs }, inputs: [x], shapes: [xs] }) => w.pad(x!, xs!, { low: attrs.before, high: attrs.after }),
  concat: ({ w, node, inputs, shapes }) =>
    w.op(
      `stablehlo.concatenate ${inputs.join(", ")}, dim = ${node.attrs.axis} : (${shapes.map((shape) => tensorType(shape)).join(", ")}) -> ${tensorType(node.shape)}`,
    ),
  gather: movement.gather,
  scatterAdd: movement.scatterAdd,
  oneHot: movement.classes,
  /** What is left of it is for the fused kernel. */
  attention: ({ w, inputs, shapes }) => fusedAttention(w, inputs, shapes),
  resizeBilinear: movement.resizeBilinear,
  resizeBilinearGrad: movement.resizeBilinearGrad,
}
