/** Our ops as ONNX's: what each becomes, for every op that a decomposed graph can hold. */
import {
  type Graph,
  type Node,
  type NodeOf,
  type OpAttrs,
  type OpKind,
  type Shape,
  sizeOf,
} from "../../compiler/ir/graph.ts"
import { windowed } from "../../compiler/ir/shapes.ts"
import { type Composite, type Computed, isComposite } from "../../compiler/ops/index.ts"
import { decompose } from "../../compiler/passes/decompose.ts"
import { Emitter, scalesOf } from "./emitter.ts"
import type { External, Initializer, OnnxModel, OnnxNode, ValueInfo } from "./model.ts"
import { inFileOrder } from "./order.ts"

interface Given<K extends OpKind> {
  readonly e: Emitter
  readonly node: NodeOf<K>
  readonly inputs: readonly string[]
  readonly shapes: readonly Shape[]
}
type Lowering<K extends OpKind> = (given: Given<K>) => string

/** Scores of attention at a time, 12 MiB: what a processor's caches hold is multiplied, added to and exponentiated fastest. */
export const attentionScores = 64 * 12 * 4096

const as =
  (op: string): Lowering<any> =>
  ({ e, inputs }) =>
    e.node(op, inputs)
const toFloat = (e: Emitter, x: string) => e.node("Cast", [x], { to: 1 })

const conv = ({ stride, padding, dilation, groups }: OpAttrs["conv2d"]) => ({
  strides: stride,
  pads: padding,
  dilations: dilation,
  group: groups,
})
const whole = (shape: Shape) => shape.map(() => 0)

/** The rows that the last window does not reach: floor in the forward convolution dropped them. */
const unreached = (
  { stride, padding, dilation, inputSize }: OpAttrs["conv2dInputGrad"],
  g: Shape,
  kernel: Shape,
): readonly number[] =>
  [0, 1].map((axis) => {
    const covered = (g[axis + 2]! - 1) * stride[axis]! + dilation[axis]! * (kernel[axis]! - 1) + 1
    return inputSize[axis]! - (covered - padding[axis]! - padding[axis + 2]!)
  })

/**
 * Gradient of a convolution's weight, as a convolution: the image with batch and channels exchanged, by the gradient likewise, with
 * stride and dilation exchanged. Group by group.
 */
const weightGrad: Lowering<"conv2dWeightGrad"> = ({ e, node, inputs: [x, g], shapes: [xs, gs] }) => {
  const { stride, padding, dilation, groups, kernel } = node.attrs
  const swap = [1, 0, 2, 3]
  const reach = [2, 3].map((axis) =>
    windowed(xs![axis]!, padding[axis - 2]!, padding[axis]!, gs![axis]!, dilation[axis - 2]!, stride[axis - 2]!),
  )
  const one = (xPart: string, gPart: string, c: number, o: number): string => {
    const raw = e.node("Conv", [e.transpose(xPart, swap), e.transpose(gPart, swap)], {
      strides: dilation,
      pads: padding,
      dilations: stride,
    })
    const shape = [c, o, ...reach]
    return e.transpose(e.slice(raw, shape, whole(shape), [c, o, ...kernel]), swap)
  }
  if (groups === 1) return one(x!, g!, xs![1]!, gs![1]!)
  const [c, o] = [xs![1]! / groups, gs![1]! / groups]
  const [n, , h, w] = xs as unknown as [number, number, number, number]
  if (c === 1 && o === 1) return depthwise(e, x!, g!, n, groups, [h, w], gs!, reach, node.attrs)
  const channels = (v: string, shape: Shape, from: number, to: number) =>
    e.slice(v, shape, [0, from, 0, 0], [shape[0]!, to, shape[2]!, shape[3]!])
  const parts = Array.from({ length: groups }, (_, i) =>
    one(channels(x!, xs!, i * c, (i + 1) * c), channels(g!, gs!, i * o, (i + 1) * o), c, o),
  )
  return e.node("Concat", parts, { axis: 0 })
}
/** Every channel of every image is a group of its own; then images add up. */
const depthwise = (
  e: Emitter,
  x: string,
  g: string,
  n: number,
  channels: number,
  size: readonly [number, number],
  gs: Shape,
  reach: Shape,
  { stride, padding, dilation, kernel }: OpAttrs["conv2dWeightGrad"],
): string => {
  const planes = n * channels
  const image = e.reshape(x, [1, planes, ...size])
  const filters = e.reshape(g, [planes, 1, gs[2]!, gs[3]!])
  const raw = e.node("Conv", [image, filters], { strides: dilation, pads: padding, dilations: stride, group: planes })
  const shape = [1, planes, ...reach]
  const cut = e.slice(raw, shape, whole(shape), [1, planes, ...kernel])
  return e.node("ReduceSum", [e.reshape(cut, [n, channels, 1, ...kernel]), e.ints([0])], { keepdims: 0 })
}

const pooling = ({ kernel, stride, padding }: OpAttrs["maxPool2d"]) => ({
  kernel_shape: kernel,
  strides: stride,
  pads: padding,
})

/** onnxruntime says where each maximum was, in the flat tensor; the gradient is added there. */
const maxPoolGrad: Lowering<"maxPool2dGrad"> = ({ e, node, inputs: [x, g], shapes: [xs, gs] }) => {
  const [, where] = e.several("MaxPool", [x!], 2, pooling(node.attrs)) as [string, string]
  const size = sizeOf(gs!)
  const zeros = e.node("Expand", [e.scalar(0), e.ints([sizeOf(xs!)])])
  const flat = [zeros, e.reshape(where, [size]), e.reshape(g!, [size])]
  return e.reshape(e.node("ScatterElements", flat, { axis: 0, reduction: "add" }), xs!)
}
/** Each output pixel's share spread over its window: a depthwise transposed convolution. */
const avgPoolGrad: Lowering<"avgPool2dGrad"> = ({ e, node, inputs: [g], shapes: [gs] }) => {
  const { kernel, stride, padding, inputSize } = node.attrs
  const channels = gs![1]!
  const share = e.floats([1 / (kernel[0] * kernel[1])], [channels, 1, ...kernel])
  const attrs = { stride, padding, dilation: [1, 1] as const, groups: channels, inputSize }
  return e.node("ConvTranspose", [g!, share], { ...conv(attrs), output_padding: unreached(attrs, gs!, kernel) })
}

const reduce =
  (op: string): Lowering<"reduceSum" | "reduceMean" | "reduceMax"> =>
  ({ e, node: { attrs }, inputs }) =>
    e.node(op, [inputs[0]!, e.ints(attrs.axes)], { keepdims: Number(attrs.keepDims) })

/** Rows flat, so that it is one Gemm. */
const linear: Lowering<"linear"> = ({ e, node, inputs: [x, w, bias], shapes: [xs] }) => {
  const rows = sizeOf(xs!.slice(0, -1))
  const flat = xs!.length === 2 ? x! : e.reshape(x!, [rows, xs!.at(-1)!])
  const y = e.node("Gemm", bias === undefined ? [flat, w!] : [flat, w!, bias], { transB: 1 })
  return xs!.length === 2 ? y : e.reshape(y, node.shape)
}

/** Total but for composites, which are taken apart where there is no kernel for them: an op that is neither does not compile. */
type Lowerings = { readonly [K in Exclude<Computed, Composite> | "constant"]: Lowering<K> } & {
  readonly [K in Composite]?: Lowering<K>
}
const lowerings: Lowerings = {
  constant: ({ e, node }) => e.floats(node.attrs.values, node.shape),
  neg: as("Neg"),
  exp: as("Exp"),
  log: as("Log"),
  sqrt: as("Sqrt"),
  sin: as("Sin"),
  cos: as("Cos"),
  tanh: as("Tanh"),
  erf: as("Erf"),
  abs: as("Abs"),
  sigmoid: as("Sigmoid"),
  softplus: as("Softplus"),
  relu: as("Relu"),
  step: ({ e, inputs: [x] }) => toFloat(e, e.node("Greater", [x!, e.scalar(0)])),
  equals: ({ e, node, inputs: [x] }) => toFloat(e, e.node("Equal", [x!, e.scalar(node.attrs.value)])),
  scale: ({ e, node, inputs: [x] }) => e.node("Mul", [x!, e.scalar(node.attrs.by)]),
  shift: ({ e, node, inputs: [x] }) => e.node("Add", [x!, e.scalar(node.attrs.by)]),
  add: as("Add"),
  sub: as("Sub"),
  mul: as("Mul"),
  div: as("Div"),
  maximum: as("Max"),
  matmul: ({ e, node: { attrs }, inputs: [a, b], shapes: [as, bs] }) =>
    e.matmul(a!, b!, [as!.length, bs!.length], attrs.transposeA, attrs.transposeB),
  conv2d: ({ e, node, inputs }) => e.node("Conv", inputs, conv(node.attrs)),
  conv2dInputGrad: ({ e, node, inputs, shapes: [g, w] }) =>
    e.node("ConvTranspose", inputs, { ...conv(node.attrs), output_padding: unreached(node.attrs, g!, w!.slice(2)) }),
  conv2dWeightGrad: weightGrad,
  maxPool2d: ({ e, node, inputs }) => e.node("MaxPool", inputs, pooling(node.attrs)),
  maxPool2dGrad: maxPoolGrad,
  avgPool2d: ({ e, node, inputs }) => e.node("AveragePool", inputs, { ...pooling(node.attrs), count_include_pad: 1 }),
  avgPool2dGrad: avgPoolGrad,
  reduceSum: reduce("ReduceSum"),
  reduceMean: reduce("ReduceMean"),
  reduceMax: reduce("ReduceMax"),
  reshape: ({ e, node, inputs: [x] }) => e.reshape(x!, node.attrs.shape),
  transpose: ({ e, node, inputs: [x] }) => e.transpose(x!, node.attrs.perm),
  broadcast: ({ e, node, inputs: [x] }) => e.node("Expand", [x!, e.ints(node.attrs.shape)]),
  slice: ({ e, node: { attrs }, inputs: [x], shapes: [xs] }) => e.slice(x!, xs!, attrs.starts, attrs.ends),
  pad: ({ e, node: { attrs }, inputs: [x] }) => e.node("Pad", [x!, e.ints([...attrs.before, ...attrs.after])]),
  concat: ({ e, node, inputs }) => e.node("Concat", inputs, { axis: node.attrs.axis }),
  gather: ({ e, node, inputs: [x] }) => e.node("Gather", [x!, e.ints(node.attrs.indices)], { axis: 0 }),
  scatterAdd: ({ e, node, inputs: [x] }) => {
    const { indices, rows } = node.attrs
    const zeros = e.node("Expand", [e.scalar(0), e.ints([rows, ...node.shape.slice(1)])])
    const at = e.reshape(e.ints(indices), [indices.length, 1])
    return e.node("ScatterND", [zeros, at, x!], { reduction: "add" })
  },
  oneHot: ({ e, node, inputs: [ids], shapes: [shape] }) => {
    // ONNX's takes one axis at least.
    const listed = shape!.length === 0 ? e.reshape(ids!, [1]) : ids!
    const whole = e.node("Cast", [listed], { to: 7 })
    const rows = e.node("OneHot", [whole, e.ints([node.attrs.classes]), e.floats([0, 1], [2])], { axis: -1 })
    return shape!.length === 0 ? e.reshape(rows, node.shape) : rows
  },
  linear,
  softmax: ({ e, inputs }) => e.node("Softmax", inputs, { axis: -1 }),
  layerNorm: ({ e, node, inputs }) =>
    e.node("LayerNormalization", inputs, { axis: -1, epsilon: { float: node.attrs.eps } }),
  gelu: as("Gelu"),
  resizeBilinear: ({ e, node, inputs: [x] }) =>
    e.node("Resize", [x!, "", "", e.ints(node.shape)], {
      mode: "linear",
      coordinate_transformation_mode: "half_pixel",
    }),
}

/** Composites with a kernel in onnxruntime; the others are decomposed before they come here. */
export const kept: ReadonlySet<OpKind> = new Set(
  Object.keys(lowerings).filter((op) => isComposite(op as OpKind)) as OpKind[],
)

export interface LowerOptions {
  /** Scores of attention at a time. Default: attentionScores. */
  readonly scores?: number
  /** A file for others: only ONNX's own ops, shapes and order as written. Default: as our engine runs it best. */
  readonly portable?: boolean
  /** Weights that go into the model; others are inputs. */
  readonly weights?: readonly (Initializer | External)[]
}

/** Outputs take their names where they are made; what comes out twice, or was never made here, is passed on. */
const nameOutputs = (nodes: readonly OnnxNode[], outputs: readonly (readonly [string, string])[]): OnnxNode[] => {
  const made = new Set(nodes.flatMap((node) => node.outputs))
  const names = new Map<string, string>()
  const passed: OnnxNode[] = []
  for (const [name, value] of outputs) {
    if (made.has(value) && !names.has(value)) names.set(value, name)
    else passed.push({ op: "Identity", inputs: [names.get(value) ?? value], outputs: [name] })
  }
  const named = (value: string) => names.get(value) ?? value
  return [
    ...nodes.map((node) => ({ ...node, inputs: node.inputs.map(named), outputs: node.outputs.map(named) })),
    ...passed,
  ]
}

/**
 * Makes onnxruntime keep our plan of memory: our order; and no shapes, because it keeps a buffer that came free for a later value of the
 * same shape, however much later. Not even how many axes a tensor has is told: for each value with axes it looks through all buffers that
 * ever came free, which takes a minute where nodes are many.
 */
const arranged = (model: OnnxModel): OnnxModel => {
  const open = ({ shape: _, ...rest }: ValueInfo): ValueInfo => rest
  return {
    ...model,
    nodes: inFileOrder(model.nodes),
    inputs: model.inputs.map(open),
    outputs: model.outputs.map(open),
    openIntegers: true,
  }
}

const nameOf = (node: Node): string | undefined =>
  node.op === "input" || node.op === "parameter" ? node.attrs.name : undefined

/** As it is fed: what is kept in 8 bits has its scales beside it. */
const inputsOf = (node: Node): readonly ValueInfo[] => {
  const [name, shape] = [nameOf(node)!, node.shape]
  const stored = node.op === "parameter" ? node.attrs.stored : undefined
  if (stored === undefined) return [{ name, shape }]
  if (stored === "bf16") return [{ name, shape, type: "uint16" }]
  return [
    { name, shape, type: "int8" },
    { name: scalesOf(name), shape: shape.slice(0, 1) },
  ]
}

/** A graph as an ONNX model. Parameters and inputs keep their names, and so do outputs. */
export const lower = (
  graph: Graph,
  { scores = attentionScores, portable = false, weights = [] }: LowerOptions = {},
): OnnxModel => {
  const decomposed = decompose(graph, { keep: kept, scores })
  const { nodes, outputs } = decomposed
  const e = new Emitter(portable)
  const given = new Set(weights.map(({ name }) => name))
  const names: string[] = []
  const operand = (input: number): string => {
    const node = nodes[input]!
    const stored = node.op === "parameter" ? node.attrs.stored : undefined
    // Each op that reads it has its own: values of 32 bits are not to wait for the backward pass.
    return stored === undefined ? names[input]! : e.restored(names[input]!, stored)
  }
  nodes.forEach((node, id) => {
    names[id] =
      nameOf(node) ??
      (lowerings[node.op as keyof typeof lowerings] as Lowering<any>)({
        e: e.at(node.from),
        node: node as never,
        inputs: node.inputs.map(operand),
        shapes: node.inputs.map((input) => nodes[input]!.shape),
      })
  })
  const sources = nodes.filter((node) => nameOf(node) !== undefined && !given.has(nameOf(node)!))
  const model: OnnxModel = {
    nodes: nameOutputs(
      e.nodes,
      outputs.map(({ name, value }) => [name, names[value]!]),
    ),
    inputs: sources.flatMap(inputsOf),
    outputs: outputs.map(({ name, value }) => ({ name, shape: nodes[value]!.shape })),
    initializers: [...e.initializers, ...weights],
  }
  return portable ? model : arranged(model)
}
