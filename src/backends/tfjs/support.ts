/** What each engine can do, op by op and by the attributes that change how: found by lowering small programs, not by claims. */
import { Builder } from "../../compiler/ir/builder.ts"
import type { Graph, OpAttrs, OpKind, Shape } from "../../compiler/ir/graph.ts"
import { defaultLimits } from "./device.ts"
import type { EngineName } from "./kernels.ts"
import type { Held } from "./lower/index.ts"
import { kernelShapes } from "./lower/shapes.ts"
import { trace } from "./trace.ts"

/** A small instance of an op, for a case of its attributes. */
export interface Probe<K extends OpKind = OpKind> {
  /** Which attributes or shapes this stands for; empty where there is nothing to tell apart. */
  readonly when: string
  readonly attrs: OpAttrs[K]
  readonly inputs: readonly Shape[]
}
export type Probed = Exclude<OpKind, Held>

const one = [{ when: "", attrs: {}, inputs: [[3, 5]] }] as const
const two = [{ when: "", attrs: {}, inputs: [[3, 5], [5]] }] as const
const rows = [
  {
    when: "",
    attrs: {},
    inputs: [
      [3, 8],
      [3, 8],
    ],
  },
] as const
const conv = { stride: [1, 1], padding: [1, 1, 1, 1], dilation: [1, 1], groups: 1 } as const
const dilated = { ...conv, padding: [2, 2, 2, 2], dilation: [2, 2] } as const
const grouped = { ...conv, groups: 2 } as const
const pool = { kernel: [2, 2], stride: [2, 2], padding: [0, 0, 0, 0] } as const
const qkv = (d: number): readonly Shape[] => [
  [1, 2, 6, d],
  [1, 2, 6, d],
  [1, 2, 6, d],
]
const grid = { scale: 0.5, height: 2, width: 3 } as const
const onGrid = (d: number): readonly Shape[] => [...qkv(d), [3, d], [5, d]]
const out = (d: number): readonly Shape[] => [
  [1, 2, 6, d],
  [1, 2, 6, d],
]

export const probes: { readonly [K in Probed]: readonly Probe<K>[] } = {
  neg: one,
  exp: one,
  log: one,
  sqrt: one,
  sin: one,
  cos: one,
  tanh: one,
  erf: one,
  abs: one,
  sigmoid: one,
  softplus: one,
  relu: one,
  step: one,
  equals: [{ when: "", attrs: { value: 1 }, inputs: [[3, 5]] }],
  scale: [{ when: "", attrs: { by: 2 }, inputs: [[3, 5]] }],
  shift: [{ when: "", attrs: { by: 2 }, inputs: [[3, 5]] }],
  add: two,
  sub: two,
  mul: two,
  div: two,
  maximum: two,
  matmul: [
    {
      when: "",
      attrs: { transposeA: false, transposeB: false },
      inputs: [
        [2, 3, 4],
        [2, 4, 5],
      ],
    },
    {
      when: "aᵀ",
      attrs: { transposeA: true, transposeB: false },
      inputs: [
        [2, 4, 3],
        [2, 4, 5],
      ],
    },
    {
      when: "bᵀ",
      attrs: { transposeA: false, transposeB: true },
      inputs: [
        [2, 3, 4],
        [2, 5, 4],
      ],
    },
    {
      when: "batches that broadcast",
      attrs: { transposeA: false, transposeB: false },
      inputs: [
        [2, 1, 3, 4],
        [3, 4, 5],
      ],
    },
  ],
  conv2d: [
    {
      when: "",
      attrs: conv,
      inputs: [
        [1, 4, 5, 5],
        [6, 4, 3, 3],
      ],
    },
    {
      when: "dilation",
      attrs: dilated,
      inputs: [
        [1, 4, 5, 5],
        [6, 4, 3, 3],
      ],
    },
    {
      when: "groups",
      attrs: grouped,
      inputs: [
        [1, 4, 5, 5],
        [6, 2, 3, 3],
      ],
    },
  ],
  conv2dInputGrad: [
    {
      when: "",
      attrs: { ...conv, inputSize: [5, 5] },
      inputs: [
        [1, 6, 5, 5],
        [6, 4, 3, 3],
      ],
    },
    {
      when: "dilation",
      attrs: { ...dilated, inputSize: [5, 5] },
      inputs: [
        [1, 6, 5, 5],
        [6, 4, 3, 3],
      ],
    },
    {
      when: "groups",
      attrs: { ...grouped, inputSize: [5, 5] },
      inputs: [
        [1, 6, 5, 5],
        [6, 2, 3, 3],
      ],
    },
  ],
  conv2dWeightGrad: [
    {
      when: "",
      attrs: { ...conv, kernel: [3, 3] },
      inputs: [
        [1, 4, 5, 5],
        [1, 6, 5, 5],
      ],
    },
    {
      when: "dilation",
      attrs: { ...dilated, kernel: [3, 3] },
      inputs: [
        [1, 4, 5, 5],
        [1, 6, 5, 5],
      ],
    },
    {
      when: "groups",
      attrs: { ...grouped, kernel: [3, 3] },
      inputs: [
        [1, 4, 5, 5],
        [1, 6, 5, 5],
      ],
    },
  ],
  maxPool2d: [{ when: "", attrs: pool, inputs: [[1, 2, 4, 4]] }],
  maxPool2dGrad: [
    {
      when: "",
      attrs: pool,
      inputs: [
        [1, 2, 4, 4],
        [1, 2, 2, 2],
      ],
    },
  ],
  avgPool2d: [{ when: "", attrs: pool, inputs: [[1, 2, 4, 4]] }],
  avgPool2dGrad: [{ when: "", attrs: { ...pool, inputSize: [4, 4] }, inputs: [[1, 2, 2, 2]] }],
  reduceSum: [{ when: "", attrs: { axes: [0, 2], keepDims: false }, inputs: [[2, 3, 4]] }],
  reduceMean: [{ when: "", attrs: { axes: [0, 2], keepDims: false }, inputs: [[2, 3, 4]] }],
  reduceMax: [{ when: "", attrs: { axes: [0, 2], keepDims: false }, inputs: [[2, 3, 4]] }],
  reshape: [{ when: "", attrs: { shape: [4, 3] }, inputs: [[3, 4]] }],
  transpose: [{ when: "", attrs: { perm: [2, 0, 1] }, inputs: [[2, 3, 4]] }],
  broadcast: [{ when: "", attrs: { shape: [2, 3, 4] }, inputs: [[3, 1]] }],
  slice: [{ when: "", attrs: { starts: [0, 1], ends: [2, 3] }, inputs: [[2, 4]] }],
  pad: [{ when: "", attrs: { before: [0, 1], after: [0, 1] }, inputs: [[2, 4]] }],
  concat: [
    {
      when: "",
      attrs: { axis: 1 },
      inputs: [
        [2, 3],
        [2, 4],
      ],
    },
  ],
  gather: [{ when: "", attrs: { indices: [1, 0, 1] }, inputs: [[2, 4]] }],
  scatterAdd: [{ when: "", attrs: { indices: [1, 0, 1], rows: 3 }, inputs: [[3, 4]] }],
  oneHot: [{ when: "", attrs: { classes: 3 }, inputs: [[4]] }],
  linear: [{ when: "", attrs: {}, inputs: [[3, 8], [5, 8], [5]] }],
  softmax: [{ when: "", attrs: {}, inputs: [[3, 8]] }],
  softmaxGrad: rows,
  layerNorm: [{ when: "", attrs: { eps: 1e-6 }, inputs: [[3, 8], [8], [8]] }],
  layerNormGrad: [{ when: "", attrs: { eps: 1e-6 }, inputs: [[3, 8], [8], [3, 8]] }],
  gelu: one,
  geluGrad: rows,
  attention: [
    { when: "head widths divisible by 4", attrs: { scale: 0.5 }, inputs: qkv(8) },
    { when: "other head widths", attrs: { scale: 0.5 }, inputs: qkv(6) },
  ],
  attentionGrad: [
    { when: "head widths divisible by 4", attrs: { scale: 0.5 }, inputs: [...qkv(8), ...out(8)] },
    { when: "other head widths", attrs: { scale: 0.5 }, inputs: [...qkv(6), ...out(6)] },
  ],
  relPosAttention: [
    { when: "head widths divisible by 4", attrs: grid, inputs: onGrid(8) },
    { when: "other head widths", attrs: grid, inputs: onGrid(6) },
  ],
  relPosAttentionGrad: [
    { when: "head widths divisible by 4", attrs: grid, inputs: [...onGrid(8), ...out(8)] },
    { when: "other head widths", attrs: grid, inputs: [...onGrid(6), ...out(6)] },
  ],
  resizeBilinear: [{ when: "", attrs: { height: 6, width: 6 }, inputs: [[1, 2, 3, 4]] }],
  resizeBilinearGrad: [{ when: "", attrs: { height: 3, width: 4 }, inputs: [[1, 2, 6, 6]] }],
  adapter: [
    { when: "rank up to 4096", attrs: {}, inputs: [[3, 8], [2, 8], [2], [8, 2], [8]] },
    { when: "higher rank", attrs: {}, inputs: [[3, 8], [4100, 8], [4100], [8, 4100], [8]] },
  ],
}

/** The probe as a program that gives every part. */
export const probeGraph = (op: Probed, { attrs, inputs }: Probe): Graph => {
  const b = new Builder()
  const ids = inputs.map((shape, at) => b.input(`in${at}`, shape))
  const value = b.emit(op, ids, attrs as never)
  const parts = b.node(value).parts
  const outputs = parts ? parts.map((_, at) => b.part(value, at)) : [value]
  return b.build(Object.fromEntries(outputs.map((id, at) => [`out${at}`, id])))
}

/** Kernels that only move data say little about how an op is computed; they count where there is nothing else. */
const movement = new Set(["Transpose", "Slice", "StridedSlice", "PadV2", "Tile", "Concat", "GatherV2"])

/** Names of the kernels that compute an op on an engine; in code style those of tfjs, in bold our own. */
const kernelsOf = (graph: Graph, engine: EngineName): readonly string[] => {
  const program = { graph, state: {} }
  const { buffers } = trace(program, { engine, workgroupBytes: defaultLimits.maxComputeWorkgroupStorageSize })
  const made = [
    ...new Set(buffers.map((buffer) => buffer.made).filter((name) => name !== "input" && name !== "constant")),
  ]
  const computing = made.filter((name) => !movement.has(name))
  const shown = computing.length > 0 ? computing : made
  return shown.map((name) => (name in kernelShapes ? `\`${name}\`` : `**${name}**`))
}

const engines = ["cpu", "wasm", "webgpu"] as const

/** A Markdown table, op by engine, for FEATURES.md. */
export const supportTable = (): string => {
  const lines = (Object.keys(probes) as Probed[]).flatMap((op) =>
    probes[op].map((probe) => {
      const graph = probeGraph(op, probe as Probe)
      const cells = engines.map((engine) => kernelsOf(graph, engine).join(", ") || "a view")
      return `| ${[op, probe.when, ...cells].join(" | ")} |`
    }),
  )
  return [
    "| op | case | tfjs cpu | tfjs wasm | tfjs webgpu |",
    "| --- | --- | --- | --- | --- |",
    ...lines,
    "",
    "Each cell names the kernels that compute the op there: tfjs's in code style, **our own WGSL** in bold.",
    "Every row is compared with the float64 reference on every engine by `test/backends/tfjs/ops.test.ts`.",
  ].join("\n")
}
