/** One small program for every op and every attribute that an engine could treat differently. */
import type { Graph, Node, OpAttrs, OpKind, Shape, Tensors } from "../../../src/compiler/ir/graph.ts"
import { sizeOf } from "../../../src/compiler/ir/graph.ts"

export interface Case {
  readonly op: OpKind
  /** What is special about it. */
  readonly name: string
  readonly graph: Graph
  readonly inputs: Tensors
  /** Largest difference allowed, relative to the largest value. */
  readonly tolerance: number
}

/** Reproducible numbers, roughly normal. */
export const random = (seed: number) => {
  let state = seed >>> 0
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state + 0.5) / 2 ** 32
  }
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())
}

interface Options {
  readonly name?: string
  /** Values of input i, from its index and a random number. */
  readonly fill?: (input: number, at: number, noise: number) => number
  readonly parts?: readonly Shape[]
  readonly tolerance?: number
}

let seed = 1
const c = <K extends OpKind>(
  op: K,
  attrs: OpAttrs[K],
  shapes: readonly Shape[],
  shape: Shape,
  { name = "", fill = (_, __, noise) => noise, parts, tolerance = 1e-5 }: Options = {},
): Case => {
  const noise = random(seed++)
  const sources = shapes.map((of, at): Node => ({ op: "input", inputs: [], attrs: { name: `in${at}` }, shape: of }))
  const node = { op, attrs, inputs: shapes.map((_, at) => at), shape, ...(parts ? { parts } : {}) } as Node
  const id = shapes.length
  const views = (parts ?? []).map((of, index): Node => ({ op: "part", inputs: [id], attrs: { index }, shape: of }))
  const outputs = parts
    ? parts.map((_, at) => ({ name: `out${at}`, value: id + 1 + at }))
    : [{ name: "out0", value: id }]
  return {
    op,
    name: `${op}${name ? ` ${name}` : ""}`,
    graph: { nodes: [...sources, node, ...views], outputs },
    inputs: Object.fromEntries(
      shapes.map((of, input) => [
        `in${input}`,
        { shape: of, data: Float32Array.from({ length: sizeOf(of) }, (_, at) => fill(input, at, noise())) },
      ]),
    ),
    tolerance,
  }
}

const none = {}
const positive = (_: number, __: number, noise: number) => Math.abs(noise) + 0.1
const conv = (stride: number, padding: number, dilation: number, groups: number): OpAttrs["conv2d"] => ({
  stride: [stride, stride],
  padding: [padding, padding, padding, padding],
  dilation: [dilation, dilation],
  groups,
})
const pool = (kernel: number, stride: number, padding: number): OpAttrs["maxPool2d"] => ({
  kernel: [kernel, kernel],
  stride: [stride, stride],
  padding: [padding, padding, padding, padding],
})

interface ConvCase {
  readonly name: string
  readonly x: Shape
  readonly weight: Shape
  readonly y: Shape
  readonly attrs: OpAttrs["conv2d"]
}
const convs: readonly ConvCase[] = [
  { name: "1×1", x: [2, 5, 6, 7], weight: [4, 5, 1, 1], y: [2, 4, 6, 7], attrs: conv(1, 0, 1, 1) },
  { name: "3×3 padded", x: [2, 3, 6, 7], weight: [4, 3, 3, 3], y: [2, 4, 6, 7], attrs: conv(1, 1, 1, 1) },
  { name: "3×3 stride 2", x: [1, 3, 9, 7], weight: [4, 3, 3, 3], y: [1, 4, 5, 4], attrs: conv(2, 1, 1, 1) },
  {
    name: "stride that leaves a rest",
    x: [1, 2, 8, 8],
    weight: [3, 2, 3, 3],
    y: [1, 3, 3, 3],
    attrs: conv(2, 0, 1, 1),
  },
  { name: "patches", x: [1, 3, 16, 16], weight: [8, 3, 8, 8], y: [1, 8, 2, 2], attrs: conv(8, 0, 1, 1) },
  { name: "dilated", x: [2, 3, 8, 9], weight: [4, 3, 3, 3], y: [2, 4, 8, 9], attrs: conv(1, 2, 2, 1) },
  { name: "dilated, stride 2", x: [1, 3, 9, 9], weight: [2, 3, 3, 3], y: [1, 2, 5, 5], attrs: conv(2, 2, 2, 1) },
  { name: "grouped", x: [2, 4, 6, 5], weight: [6, 2, 3, 3], y: [2, 6, 6, 5], attrs: conv(1, 1, 1, 2) },
  { name: "depthwise, stride 2", x: [2, 4, 7, 7], weight: [4, 1, 3, 3], y: [2, 4, 4, 4], attrs: conv(2, 1, 1, 4) },
  {
    name: "uneven padding",
    x: [1, 2, 5, 6],
    weight: [3, 2, 2, 3],
    y: [1, 3, 5, 6],
    attrs: { stride: [1, 1], padding: [0, 1, 1, 1], dilation: [1, 1], groups: 1 },
  },
]

interface PoolCase {
  readonly name: string
  readonly x: Shape
  readonly y: Shape
  readonly attrs: OpAttrs["maxPool2d"]
}
const pools: readonly PoolCase[] = [
  { name: "2×2", x: [2, 3, 6, 8], y: [2, 3, 3, 4], attrs: pool(2, 2, 0) },
  { name: "3×3 stride 2 padded", x: [2, 3, 7, 8], y: [2, 3, 4, 4], attrs: pool(3, 2, 1) },
  { name: "overlapping", x: [1, 2, 6, 6], y: [1, 2, 4, 4], attrs: pool(3, 1, 0) },
]
/** Few distinct values, so that windows have ties. */
const ties = (input: number, _: number, noise: number) => (input === 0 ? Math.round(noise) : noise)

const qkv = (b: number, h: number, n: number, m: number, d: number, e: number): readonly Shape[] => [
  [b, h, n, d],
  [b, h, m, d],
  [b, h, m, e],
]
const relative = (b: number, h: number, height: number, width: number, d: number) => {
  const q: Shape = [b, h, height * width, d]
  return { q, inputs: [q, q, q, [2 * height - 1, d], [2 * width - 1, d]] as readonly Shape[] }
}

/** A gradient of attention after the attention itself, whose output it takes. */
const afterForward = (forward: Case, op: "attentionGrad" | "relPosAttentionGrad", tolerance: number): Case => {
  const noise = random(seed++)
  const { nodes } = forward.graph
  const out = nodes.length - 1
  const inputs = nodes.slice(0, out)
  const node = nodes[out]!
  const gradient: Node = { op: "input", inputs: [], attrs: { name: "gradient" }, shape: node.shape }
  const parts = inputs.map(({ shape }) => shape)
  const grad = { op, attrs: node.attrs, inputs: [...nodes.keys(), out + 1], shape: parts[0]!, parts } as unknown as Node
  const views = parts.map((shape, index): Node => ({ op: "part", inputs: [out + 2], attrs: { index }, shape }))
  return {
    op,
    name: forward.name.replace("ttention", "ttentionGrad"),
    graph: {
      nodes: [...nodes, gradient, grad, ...views],
      outputs: parts.map((_, at) => ({ name: `out${at}`, value: out + 3 + at })),
    },
    inputs: {
      ...forward.inputs,
      gradient: { shape: node.shape, data: Float32Array.from({ length: sizeOf(node.shape) }, noise) },
    },
    tolerance,
  }
}

export const cases: readonly Case[] = [
  ...(["neg", "exp", "tanh", "erf", "abs", "sigmoid", "softplus", "relu", "step"] as const).map((op) =>
    c(op, none, [[3, 5]], [3, 5], { fill: (_, __, noise) => 2 * noise }),
  ),
  c("softplus", none, [[7]], [7], { name: "far out", fill: (_, at) => (at - 3) * 40 }),
  c("sigmoid", none, [[7]], [7], { name: "far out", fill: (_, at) => (at - 3) * 40 }),
  c("tanh", none, [[7]], [7], { name: "far out", fill: (_, at) => (at - 3) * 40 }),
  c("log", none, [[3, 5]], [3, 5], { fill: positive }),
  c("sqrt", none, [[3, 5]], [3, 5], { fill: positive }),
  c("sin", none, [[3, 50]], [3, 50], { fill: (_, __, noise) => 10 * noise }),
  c("cos", none, [[3, 50]], [3, 50], { fill: (_, __, noise) => 10 * noise }),
  c("equals", { value: 1 }, [[3, 5]], [3, 5], { fill: (_, at) => at % 3 }),
  c("equals", { value: -1 }, [[6]], [6], { name: "negative", fill: (_, at) => (at % 3) - 1 }),
  c("scale", { by: -0.3 }, [[2, 3, 4, 5, 6]], [2, 3, 4, 5, 6], { name: "rank 5" }),
  c("shift", { by: 1.7 }, [[4]], [4]),
  c("scale", { by: 3 }, [[]], [], { name: "scalar" }),

  c(
    "add",
    none,
    [
      [3, 4],
      [3, 4],
    ],
    [3, 4],
  ),
  c("add", none, [[2, 3, 4], [4]], [2, 3, 4], { name: "bias" }),
  c(
    "add",
    none,
    [
      [2, 1, 4, 1, 3],
      [5, 1, 6, 3],
    ],
    [2, 5, 4, 6, 3],
    { name: "both sides, rank 5" },
  ),
  c(
    "sub",
    none,
    [
      [3, 1],
      [1, 4],
    ],
    [3, 4],
  ),
  c(
    "mul",
    none,
    [
      [2, 1, 3, 1, 2, 1],
      [1, 3, 1, 2, 1, 3],
    ],
    [2, 3, 3, 2, 2, 3],
    { name: "alternating, rank 6" },
  ),
  c("mul", none, [[], [2, 2]], [2, 2], { name: "scalar" }),
  c(
    "sub",
    none,
    [
      [2, 1, 2, 1, 2, 1, 2],
      [1, 3, 1, 3, 1, 3, 1],
    ],
    [2, 3, 2, 3, 2, 3, 2],
    { name: "alternating, rank 7" },
  ),
  c("div", none, [[3, 4], [4]], [3, 4], { fill: positive }),
  c(
    "maximum",
    none,
    [
      [3, 4],
      [3, 1],
    ],
    [3, 4],
  ),

  c(
    "matmul",
    { transposeA: false, transposeB: false },
    [
      [5, 7],
      [7, 3],
    ],
    [5, 3],
  ),
  c(
    "matmul",
    { transposeA: true, transposeB: false },
    [
      [7, 5],
      [7, 3],
    ],
    [5, 3],
    { name: "aᵀ" },
  ),
  c(
    "matmul",
    { transposeA: false, transposeB: true },
    [
      [5, 7],
      [3, 7],
    ],
    [5, 3],
    { name: "bᵀ" },
  ),
  c(
    "matmul",
    { transposeA: true, transposeB: true },
    [
      [7, 5],
      [3, 7],
    ],
    [5, 3],
    { name: "aᵀ bᵀ" },
  ),
  c(
    "matmul",
    { transposeA: false, transposeB: true },
    [
      [2, 3, 5, 7],
      [2, 3, 4, 7],
    ],
    [2, 3, 5, 4],
    { name: "batched" },
  ),
  c(
    "matmul",
    { transposeA: true, transposeB: false },
    [
      [2, 3, 7, 5],
      [7, 4],
    ],
    [2, 3, 5, 4],
    { name: "one b, aᵀ" },
  ),
  c(
    "matmul",
    { transposeA: false, transposeB: false },
    [
      [5, 7],
      [2, 3, 7, 4],
    ],
    [2, 3, 5, 4],
    { name: "one a" },
  ),
  c(
    "matmul",
    { transposeA: false, transposeB: false },
    [
      [2, 1, 5, 7],
      [1, 3, 7, 4],
    ],
    [2, 3, 5, 4],
    { name: "crossed batches" },
  ),
  c(
    "matmul",
    { transposeA: false, transposeB: false },
    [
      [64, 128],
      [128, 96],
    ],
    [64, 96],
    { name: "larger" },
  ),

  ...convs.flatMap(({ name, x, weight, y, attrs }) => [
    c("conv2d", attrs, [x, weight], y, { name }),
    c("conv2dInputGrad", { ...attrs, inputSize: [x[2]!, x[3]!] }, [y, weight], x, { name }),
    c("conv2dWeightGrad", { ...attrs, kernel: [weight[2]!, weight[3]!] }, [x, y], weight, { name }),
  ]),
  ...pools.flatMap(({ name, x, y, attrs }) => [
    c("maxPool2d", attrs, [x], y, { name }),
    c("maxPool2dGrad", attrs, [x, y], x, { name }),
    c("maxPool2dGrad", attrs, [x, y], x, { name: `${name}, ties`, fill: ties }),
    c("avgPool2d", attrs, [x], y, { name }),
    c("avgPool2dGrad", { ...attrs, inputSize: [x[2]!, x[3]!] }, [y], x, { name }),
  ]),

  ...(["reduceSum", "reduceMean", "reduceMax"] as const).flatMap((op) => [
    c(op, { axes: [1], keepDims: false }, [[3, 5]], [3]),
    c(op, { axes: [0, 2], keepDims: true }, [[3, 5, 4]], [1, 5, 1], { name: "two axes, kept" }),
    c(op, { axes: [1, 3], keepDims: false }, [[2, 3, 4, 5, 2]], [2, 4, 2], { name: "rank 5" }),
    c(op, { axes: [0, 1], keepDims: false }, [[40, 50]], [], { name: "to a scalar" }),
  ]),

  c("reshape", { shape: [6, 4] }, [[2, 3, 4]], [6, 4]),
  c("transpose", { perm: [1, 0] }, [[3, 5]], [5, 3]),
  c("transpose", { perm: [0, 1, 3, 2, 4, 5] }, [[2, 2, 3, 2, 3, 4]], [2, 2, 2, 3, 3, 4], { name: "windows, rank 6" }),
  c("transpose", { perm: [5, 3, 1, 4, 2, 0] }, [[2, 3, 2, 2, 3, 2]], [2, 2, 3, 3, 2, 2], { name: "shuffled, rank 6" }),
  c("transpose", { perm: [2, 0, 3, 1, 4] }, [[2, 3, 4, 2, 5]], [4, 2, 2, 3, 5], { name: "rank 5" }),
  c("transpose", { perm: [6, 4, 2, 0, 5, 3, 1] }, [[2, 3, 2, 2, 3, 2, 2]], [2, 3, 2, 2, 2, 2, 3], { name: "rank 7" }),
  c("broadcast", { shape: [2, 3, 4] }, [[3, 1]], [2, 3, 4]),
  c("broadcast", { shape: [2, 3, 4, 2, 3] }, [[1, 3, 1, 2, 1]], [2, 3, 4, 2, 3], { name: "rank 5" }),
  c("slice", { starts: [1, 0, 2], ends: [3, 2, 5] }, [[4, 3, 6]], [2, 2, 3]),
  c("slice", { starts: [0, 1, 0, 1, 1], ends: [2, 2, 2, 3, 2] }, [[2, 3, 2, 3, 2]], [2, 1, 2, 2, 1], {
    name: "rank 5",
  }),
  c("pad", { before: [1, 0], after: [0, 2] }, [[2, 3]], [3, 5]),
  c("pad", { before: [0, 1, 0, 0, 1], after: [0, 0, 0, 1, 0] }, [[2, 2, 3, 2, 2]], [2, 3, 3, 3, 3], { name: "rank 5" }),
  c("pad", { before: [0], after: [0] }, [[3]], [3], { name: "nothing" }),
  c(
    "concat",
    { axis: 1 },
    [
      [2, 3],
      [2, 1],
      [2, 2],
    ],
    [2, 6],
  ),
  c(
    "concat",
    { axis: 1 },
    [
      [2, 1, 2, 2, 3],
      [2, 2, 2, 2, 3],
    ],
    [2, 3, 2, 2, 3],
    { name: "rank 5" },
  ),
  c("gather", { indices: [2, 0, 2, 1] }, [[3, 4]], [4, 4]),
  c("gather", { indices: [1, 1] }, [[3, 2, 2, 3]], [2, 2, 2, 3], { name: "rank 4" }),
  c("scatterAdd", { indices: [2, 0, 2, 2], rows: 4 }, [[4, 3]], [4, 3]),
  c("oneHot", { classes: 4 }, [[2, 3]], [2, 3, 4], { fill: (_, at) => at % 5 }),

  c("linear", none, [[2, 3, 8], [5, 8], [5]], [2, 3, 5]),
  c(
    "linear",
    none,
    [
      [6, 8],
      [5, 8],
    ],
    [6, 5],
    { name: "no bias" },
  ),
  c("softmax", none, [[2, 3, 7]], [2, 3, 7]),
  c("softmax", none, [[2, 7]], [2, 7], { name: "far out", fill: (_, __, noise) => 60 * noise }),
  c(
    "softmaxGrad",
    none,
    [
      [2, 7],
      [2, 7],
    ],
    [2, 7],
    { fill: positive },
  ),
  c("layerNorm", { eps: 1e-6 }, [[2, 5, 12], [12], [12]], [2, 5, 12]),
  c("layerNorm", { eps: 1e-6 }, [[70, 100], [100], [100]], [70, 100], {
    name: "a large mean",
    fill: (input, _, noise) => (input === 0 ? 30 + noise : noise),
    tolerance: 3e-5,
  }),
  c("layerNormGrad", { eps: 1e-6 }, [[2, 5, 12], [12], [2, 5, 12]], [2, 5, 12], { parts: [[2, 5, 12], [12], [12]] }),
  c("layerNormGrad", { eps: 1e-5 }, [[130, 70], [70], [130, 70]], [130, 70], {
    name: "many rows",
    parts: [[130, 70], [70], [70]],
  }),
  c("gelu", none, [[4, 30]], [4, 30], { fill: (_, __, noise) => 2 * noise }),
  c(
    "geluGrad",
    none,
    [
      [4, 30],
      [4, 30],
    ],
    [4, 30],
    { fill: (_, __, noise) => 2 * noise },
  ),

  ...(
    [
      ["", qkv(2, 3, 5, 7, 8, 4), [2, 3, 5, 4]],
      ["several tiles", qkv(1, 2, 70, 83, 16, 16), [1, 2, 70, 16]],
      ["odd widths", qkv(1, 2, 5, 6, 3, 5), [1, 2, 5, 5]],
    ] as const
  ).flatMap(([name, shapes, out]) => {
    const forward = c("attention", { scale: 0.3 }, shapes, out, { name })
    return [forward, afterForward(forward, "attentionGrad", 3e-5)]
  }),
  ...(
    [
      ["", 2, 2, 3, 4, 8],
      ["several tiles", 1, 2, 9, 14, 16],
      ["odd widths", 1, 2, 3, 2, 5],
    ] as const
  ).flatMap(([name, b, h, height, width, d]) => {
    const { q, inputs } = relative(b, h, height, width, d)
    const forward = c("relPosAttention", { scale: d ** -0.5, height, width }, inputs, q, { name })
    return [forward, afterForward(forward, "relPosAttentionGrad", 3e-5)]
  }),
  ...(
    [
      ["up", [1, 2, 4, 5], [1, 2, 16, 20]],
      ["up, uneven", [2, 1, 5, 3], [2, 1, 12, 7]],
      ["down", [1, 2, 9, 12], [1, 2, 4, 5]],
      ["far down", [1, 1, 32, 30], [1, 1, 3, 7]],
      ["same", [1, 1, 3, 3], [1, 1, 3, 3]],
    ] as const
  ).flatMap(([name, from, to]) => [
    c("resizeBilinear", { height: to[2], width: to[3] }, [from], to, { name }),
    c("resizeBilinearGrad", { height: from[2], width: from[3] }, [to], from, { name }),
  ]),
  c("adapter", none, [[2, 5, 12], [3, 12], [3], [12, 3], [12]], [2, 5, 12]),
  c("adapter", none, [[20, 70], [90, 70], [90], [70, 90], [70]], [20, 70], { name: "rank over a workgroup" }),

  // ---- at sizes of a real SAM: tfjs chooses other programs for them
  c("linear", none, [[1, 7, 2048], [256, 2048], [256]], [1, 7, 256], { name: "long inner axis" }),
  c("linear", none, [[40, 3072], [48, 3072], [48]], [40, 48], { name: "longer inner axis" }),
  c(
    "matmul",
    { transposeA: true, transposeB: false },
    [
      [2100, 40],
      [2100, 36],
    ],
    [40, 36],
    { name: "aᵀ, long inner axis" },
  ),
  c(
    "matmul",
    { transposeA: false, transposeB: true },
    [
      [9, 2500],
      [30, 2500],
    ],
    [9, 30],
    { name: "bᵀ, long inner axis" },
  ),
  c(
    "matmul",
    { transposeA: false, transposeB: false },
    [
      [2, 2500],
      [2500, 3],
    ],
    [2, 3],
    { name: "long inner axis, few results" },
  ),
  c(
    "matmul",
    { transposeA: false, transposeB: false },
    [
      [2, 7, 2100],
      [2, 2100, 9],
    ],
    [2, 7, 9],
    { name: "batched, long inner axis" },
  ),
  c(
    "matmul",
    { transposeA: false, transposeB: false },
    [
      [200, 2100],
      [2100, 100],
    ],
    [200, 100],
    { name: "many results, long inner axis" },
  ),
  c(
    "conv2d",
    conv(1, 1, 1, 1),
    [
      [1, 256, 4, 4],
      [16, 256, 3, 3],
    ],
    [1, 16, 4, 4],
    { name: "neck" },
  ),
  c(
    "conv2d",
    conv(1, 0, 1, 1),
    [
      [1, 2048, 3, 3],
      [8, 2048, 1, 1],
    ],
    [1, 8, 3, 3],
    { name: "1×1, many channels" },
  ),
  c(
    "conv2d",
    conv(16, 0, 1, 1),
    [
      [1, 3, 64, 64],
      [40, 3, 16, 16],
    ],
    [1, 40, 4, 4],
    { name: "patches of 16" },
  ),
  c(
    "conv2dInputGrad",
    { ...conv(1, 1, 1, 1), inputSize: [20, 20] },
    [
      [1, 16, 20, 20],
      [16, 64, 3, 3],
    ],
    [1, 64, 20, 20],
    {
      name: "neck",
    },
  ),
  c(
    "conv2dInputGrad",
    { ...conv(2, 0, 1, 1), inputSize: [32, 32] },
    [
      [1, 64, 16, 16],
      [64, 16, 2, 2],
    ],
    [1, 16, 32, 32],
    {
      name: "upscaling",
    },
  ),
  c(
    "conv2dWeightGrad",
    { ...conv(1, 1, 1, 1), kernel: [3, 3] },
    [
      [1, 32, 24, 24],
      [1, 16, 24, 24],
    ],
    [16, 32, 3, 3],
    {
      name: "neck",
    },
  ),
  ...(["reduceSum", "reduceMean", "reduceMax"] as const).flatMap((op) => [
    c(op, { axes: [0, 1, 2], keepDims: false }, [[3, 200, 500]], [], { name: "many to a scalar" }),
    c(op, { axes: [0], keepDims: false }, [[3000, 70]], [70], { name: "columns" }),
    c(op, { axes: [1], keepDims: true }, [[70, 3000]], [70, 1], { name: "rows" }),
  ]),
  c("transpose", { perm: [1, 0] }, [[300, 70]], [70, 300], { name: "larger" }),
  c("transpose", { perm: [2, 0, 3, 1, 4] }, [[1, 49, 3, 4, 16]], [3, 1, 4, 49, 16], { name: "heads" }),
  c("softmax", none, [[40, 1025]], [40, 1025], { name: "long rows" }),
  c("add", none, [[100, 768], [768]], [100, 768], { name: "wide bias" }),
  c(
    "mul",
    none,
    [
      [100, 770],
      [100, 1],
    ],
    [100, 770],
    { name: "wide, by rows" },
  ),
  c("gelu", none, [[70, 1500]], [70, 1500], { name: "larger" }),
  c("layerNorm", { eps: 1e-6 }, [[30, 768], [768], [768]], [30, 768], { name: "wide" }),
  c("concat", { axis: 1 }, Array(14).fill([3, 5]), [3, 70], { name: "of many" }),
  c("pad", { before: [0, 0, 0, 0], after: [0, 6, 6, 0] }, [[1, 22, 22, 16]], [1, 28, 28, 16], { name: "windows" }),
  c("slice", { starts: [0, 0, 0, 0], ends: [1, 22, 22, 16] }, [[1, 28, 28, 16]], [1, 22, 22, 16], { name: "windows" }),
  c("scatterAdd", { indices: Array.from({ length: 400 }, (_, at) => (at * 7) % 50), rows: 50 }, [[400, 20]], [50, 20], {
    name: "many",
  }),
  c("resizeBilinear", { height: 256, width: 256 }, [[1, 1, 64, 64]], [1, 1, 256, 256], { name: "masks" }),
  c("resizeBilinearGrad", { height: 64, width: 64 }, [[1, 1, 256, 256]], [1, 1, 64, 64], { name: "masks" }),
  c("adapter", none, [[20, 768], [184, 768], [184], [768, 184], [768]], [20, 768], {
    name: "of ViT-B",
    fill: (input, _, noise) => (input === 0 ? noise : noise / 20),
  }),
]
