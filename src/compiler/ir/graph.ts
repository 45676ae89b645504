/**
 * The graph: static shapes, float32 tensors, one table of ops.
 *
 * A node's id is its index; a node uses only nodes before it, so the list is an order in which it can run. What an op means is
 * written once, in the total maps beside this file: shape, FLOPs, float64 evaluation, gradient.
 */

export type Shape = readonly number[]

/** Geometry of a 2-D convolution or pooling: [height, width] each; padding as [top, left, bottom, right]. */
export interface Conv2dAttrs {
  readonly stride: readonly [number, number]
  readonly padding: readonly [number, number, number, number]
  readonly dilation: readonly [number, number]
  readonly groups: number
}
export interface PoolAttrs {
  readonly kernel: readonly [number, number]
  readonly stride: readonly [number, number]
  readonly padding: readonly [number, number, number, number]
}
export interface ReduceAttrs {
  readonly axes: readonly number[]
  readonly keepDims: boolean
}
/** Tokens lie on a grid, row by row: token t is at (t div width, t mod width). */
export interface RelPosAttrs {
  readonly scale: number
  readonly height: number
  readonly width: number
}
type None = Readonly<Record<string, never>>

/**
 * Every op, and what is fixed about it before it runs. Binary ops broadcast as NumPy does.
 * Composites, at the end, have a decomposition into the ops before them; a backend may have a kernel for them.
 */
export interface OpAttrs {
  // ---- sources
  /** A tensor fed at each run. */
  readonly input: { readonly name: string }
  /** A tensor of the model, by its state-dict name: frozen, learning, or a buffer. */
  readonly parameter: { readonly name: string }
  /** Values in row-major order; one value fills the shape. */
  readonly constant: { readonly values: readonly number[] }

  // ---- pointwise, one operand
  readonly neg: None
  readonly exp: None
  readonly log: None
  readonly sqrt: None
  readonly sin: None
  readonly cos: None
  readonly tanh: None
  readonly erf: None
  readonly abs: None
  readonly sigmoid: None
  /** log(1 + eˣ), without overflow. */
  readonly softplus: None
  readonly relu: None
  /** 1 where x > 0, else 0. */
  readonly step: None
  /** 1 where x is exactly `value`, else 0. */
  readonly equals: { readonly value: number }
  /** x · by */
  readonly scale: { readonly by: number }
  /** x + by */
  readonly shift: { readonly by: number }

  // ---- pointwise, two operands
  readonly add: None
  readonly sub: None
  readonly mul: None
  readonly div: None
  readonly maximum: None

  // ---- products
  /** [..., m, k] × [..., k, n]; leading axes broadcast. */
  readonly matmul: { readonly transposeA: boolean; readonly transposeB: boolean }
  /** x [n, c, h, w], weight [o, c/groups, kh, kw]. */
  readonly conv2d: Conv2dAttrs
  /** Gradient [n, o, h', w'] and weight → [n, c, ...inputSize]; also the transposed convolution. */
  readonly conv2dInputGrad: Conv2dAttrs & { readonly inputSize: readonly [number, number] }
  /** x and gradient → [o, c/groups, ...kernel]. */
  readonly conv2dWeightGrad: Conv2dAttrs & { readonly kernel: readonly [number, number] }

  // ---- pooling, [n, c, h, w]
  readonly maxPool2d: PoolAttrs
  /** x and gradient; the first maximum in row-major order takes it. */
  readonly maxPool2dGrad: PoolAttrs
  /** Zeros of the padding count, as PyTorch's count_include_pad. */
  readonly avgPool2d: PoolAttrs
  /** Gradient only; inputSize is that of x. */
  readonly avgPool2dGrad: PoolAttrs & { readonly inputSize: readonly [number, number] }

  // ---- reductions
  readonly reduceSum: ReduceAttrs
  readonly reduceMean: ReduceAttrs
  readonly reduceMax: ReduceAttrs

  // ---- movement
  readonly reshape: { readonly shape: Shape }
  readonly transpose: { readonly perm: readonly number[] }
  readonly broadcast: { readonly shape: Shape }
  /** From `starts` up to, not including, `ends`, on every axis. */
  readonly slice: { readonly starts: readonly number[]; readonly ends: readonly number[] }
  /** Zeros before and after, on every axis. */
  readonly pad: { readonly before: readonly number[]; readonly after: readonly number[] }
  readonly concat: { readonly axis: number }
  /** Rows of axis 0, chosen before the program runs. */
  readonly gather: { readonly indices: readonly number[] }
  /** The gradient of gather: rows added up into `rows` of them. */
  readonly scatterAdd: { readonly indices: readonly number[]; readonly rows: number }
  /** ids [...] → [..., classes], 1 where the id is the class. */
  readonly oneHot: { readonly classes: number }
  /** One tensor of a node that gives several. */
  readonly part: { readonly index: number }

  // ---- composites
  /** x [..., in] of two axes or more, weight [out, in], optionally bias [out]. */
  readonly linear: None
  /** Over the last axis. */
  readonly softmax: None
  /** y, gradient of y. */
  readonly softmaxGrad: None
  /** x, gamma, beta, over the last axis. */
  readonly layerNorm: { readonly eps: number }
  /** x, gamma, gradient → parts dx, dgamma, dbeta. */
  readonly layerNormGrad: { readonly eps: number }
  /** The exact one: x·Φ(x). */
  readonly gelu: None
  /** x, gradient. */
  readonly geluGrad: None
  /** q [b, h, n, d], k [b, h, m, d], v [b, h, m, e] → [b, h, n, e]. */
  readonly attention: { readonly scale: number }
  /** q, k, v, out, gradient → parts dq, dk, dv. Probabilities are computed again, not kept. */
  readonly attentionGrad: { readonly scale: number }
  /** q, k, v [b, h, n, d], tables [2·height−1, d] and [2·width−1, d]; the bias uses the unscaled q. */
  readonly relPosAttention: RelPosAttrs
  /** q, k, v, tableH, tableW, out, gradient → parts dq, dk, dv, dtableH, dtableW. */
  readonly relPosAttentionGrad: RelPosAttrs
  /** Half-pixel centres, edges clamped: [n, c, h, w] → [n, c, height, width]. */
  readonly resizeBilinear: { readonly height: number; readonly width: number }
  /** Gradient [n, c, h', w'] → [n, c, height, width]. */
  readonly resizeBilinearGrad: { readonly height: number; readonly width: number }
  /** x + up(relu(down(x))): x [..., d], down [r, d], its bias [r], up [d, r], its bias [d]. */
  readonly adapter: None
}

export type OpKind = keyof OpAttrs

export interface NodeOf<K extends OpKind> {
  readonly op: K
  /** Ids of earlier nodes. */
  readonly inputs: readonly number[]
  readonly attrs: OpAttrs[K]
  /** Shape of the value; of the first part, where there are several. */
  readonly shape: Shape
  /** Shapes of all parts, only where an op gives several. */
  readonly parts?: readonly Shape[]
  /** The module it came from, e.g. image_encoder.blocks.7.attn. */
  readonly from?: string
  /** Equal nodes of different copies stay apart: what is computed again, rather than kept, has a number of its own. */
  readonly copy?: number
}
export type Node = { readonly [K in OpKind]: NodeOf<K> }[OpKind]

export interface Output {
  readonly name: string
  readonly value: number
}
export interface Graph {
  readonly nodes: readonly Node[]
  readonly outputs: readonly Output[]
}

/**
 * What a backend compiles. `state` maps an input or parameter to the output that replaces it after each run
 * (a parameter that learns, an optimizer's moments); everything else named `parameter` is loaded once.
 */
export interface Program {
  readonly graph: Graph
  readonly state: Readonly<Record<string, string>>
}

/** A tensor of values that a program takes or gives: row-major float32. */
export interface Tensor {
  readonly shape: Shape
  readonly data: Float32Array
}
export type Tensors = Readonly<Record<string, Tensor>>

export const sizeOf = (shape: Shape): number => shape.reduce((product, extent) => product * extent, 1)
