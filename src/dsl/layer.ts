/**
 * Layers are plain readonly data: what there is, not how it runs. The compiler elaborates them into graphs, counts them, and
 * prints them as PyTorch modules. Tensor names are those of the PyTorch module tree of the same form.
 */
import type { Formula } from "./formulas.ts"
import type { TakesOther } from "./sentences.ts"
import type { Value } from "./value.ts"
import type { Problem } from "./width.ts"

declare const call: unique symbol
declare const tree: unique symbol

/** Something that a module can hold. `F` is what it is inside the module's forward: a function, a list of functions, a tensor. */
export interface Child<out F = unknown> {
  readonly kind: LayerData["kind"]
  readonly [call]: F
}
/** What a child is inside a forward. */
export type CallOf<C extends Child> = C[typeof call]

/** A layer's call, checked by its width; the second form is the sentence for a width that is another. */
export interface Call<In extends number, Out extends number> {
  (x: Value<In>): Value<Out>
  <W extends number>(x: Value<W> & Problem<TakesOther<In, W>>): Value<Out>
}

/** A layer from `In` features to `Out` features, as specs see it. `Tree`: its children, where the type knows them. */
export interface Layer<in out In extends number = any, in out Out extends number = any, out Tree = unknown>
  extends Child<Call<In, Out>> {
  readonly takes: In
  readonly gives: Out
  readonly [tree]: Tree
}
/** A module of several inputs, by name, or of several results. */
export interface Module<in out Inputs = any, out Outputs = any, out Tree = unknown>
  extends Child<(inputs: Inputs) => Outputs> {
  readonly [tree]: Tree
}
/** A layer's children, where its type knows them. */
export type TreeOf<L> = L extends { readonly [tree]: infer Tree } ? Tree : unknown

type KeepsWidth = <W extends number>(x: Value<W>) => Value<W>
/** A layer that keeps whatever width it is given, such as ReLU. */
export interface Pointwise extends Child<KeepsWidth> {
  readonly pointwise: true
}
/** A tensor outside any layer: a position table, a token. `W`: its last extent. */
export interface Raw<W extends number = any> extends Child<Value<W>> {
  readonly shape: readonly number[]
}
/** Layers that a module calls one by one, as nn.ModuleList. */
export interface List<out Ls extends readonly Child[] = readonly Child[]>
  extends Child<{ readonly [I in keyof Ls]: CallOf<Ls[I]> }> {
  readonly [tree]: Ls
}
/** An embedding: a layer of ids, and its whole table [rows, width]. */
export interface Embedding<in out Out extends number = any> extends Layer<1, Out> {
  readonly [call]: Call<1, Out> & { readonly table: Value<Out> }
}

/** How an image gets another size; PyTorch's names. */
export interface Interpolation {
  readonly mode: "nearest" | "bilinear" | "bicubic"
  /** The centres of the corners stay where they are; else the outer edges do. */
  readonly alignCorners: boolean
}

export type Pair = readonly [height: number, width: number]

/**
 * Initial values, reproducible from a seed on every target:
 * uniform in ±bound; normal with a standard deviation (a sum of uniforms); a constant.
 */
export type Init = { readonly uniform: number } | { readonly normal: number } | { readonly fill: number }

interface At {
  /** Place in the source, see place.ts. */
  readonly at?: string
}
interface Widths extends At {
  readonly takes: number
  readonly gives: number
}

/** W + scale · B A on rows [offset, offset + gives) of a linear layer's weight. */
export interface LoraData extends At {
  /** Suffix of the tensors' names: lora_a_q; empty on a layer of its own. */
  readonly target: string
  readonly rank: number
  readonly scale: number
  readonly offset: number
  readonly gives: number
  /** The adaptation that added it, counted from 0. */
  readonly adaptation: number
}
export interface LinearData extends Widths {
  readonly kind: "linear"
  readonly bias: boolean
  readonly init?: Init
  readonly lora?: readonly LoraData[]
}
export interface Conv2dData extends Widths {
  readonly kind: "conv2d"
  readonly kernel: Pair
  readonly stride: Pair
  readonly padding: Pair
  readonly dilation: Pair
  readonly groups: number
  readonly bias: boolean
  /** Each filter less its mean, over its deviation, with this under the root. */
  readonly standardised?: number
  readonly init?: Init
}
export interface Conv1dData extends Widths {
  readonly kind: "conv1d"
  readonly kernel: number
  readonly stride: number
  readonly padding: number
  readonly dilation: number
  readonly groups: number
  readonly bias: boolean
  readonly init?: Init
}
export interface ConvTranspose2dData extends Widths {
  readonly kind: "convTranspose2d"
  readonly kernel: Pair
  readonly stride: Pair
  readonly padding: Pair
  readonly outputPadding: Pair
  readonly dilation: Pair
  readonly groups: number
  readonly bias: boolean
  readonly init?: Init
}
export interface NormData extends Widths {
  /** layerNorm: over the last axis. layerNorm2d: over the channels of an image, at each pixel. */
  readonly kind: "layerNorm" | "layerNorm2d"
  readonly eps: number
}
export interface BatchNormData extends Widths {
  /** batchNorm2d: of images. batchNorm1d: of vectors [b, c] or sequences [b, c, n]. */
  readonly kind: "batchNorm2d" | "batchNorm1d"
  readonly eps: number
  readonly momentum: number
  readonly affine: boolean
}
export interface GroupNormData extends Widths {
  readonly kind: "groupNorm"
  readonly groups: number
  readonly eps: number
}
export interface EmbeddingData extends Widths {
  readonly kind: "embedding"
  /** Rows of the table; `takes` is 1, an id. */
  readonly rows: number
}
export interface PointwiseData extends At {
  readonly kind: "relu" | "gelu" | "sigmoid" | "tanh" | "identity" | "dropout" | "dropPath"
  readonly pointwise: true
  /** dropout and dropPath: the probability of a zero. */
  readonly p?: number
}
export interface Pool2dData extends At {
  readonly kind: "maxPool2d" | "avgPool2d"
  readonly pointwise: true
  readonly kernel: Pair
  readonly stride: Pair
  readonly padding: Pair
}
export interface ReshapeData extends At {
  /** globalAveragePool: [b, c, h, w] → [b, c]. upsample: by a factor. */
  readonly kind: "globalAveragePool" | "upsample"
  readonly pointwise: true
  readonly factor?: number
  readonly how?: Interpolation
}
export interface ParameterData extends At {
  readonly kind: "parameter"
  readonly shape: readonly number[]
  readonly init: Init
}
export interface BufferData extends At {
  readonly kind: "buffer"
  readonly shape: readonly number[]
  readonly init: Init | { readonly values: readonly number[] } | Formula
  /** In the state dict? */
  readonly persistent: boolean
}
export interface SequentialData extends Widths {
  readonly kind: "sequential"
  readonly layers: readonly LayerData[]
  /** What the layers are called; 0, 1, … where nothing is said. */
  readonly names?: readonly string[]
  /** Layers that an adaptation added, and which one. */
  readonly added?: Readonly<Record<string, number>>
}
/** Layers that a module calls one by one; named 0, 1, … */
export interface ListData extends At {
  readonly kind: "list"
  readonly layers: readonly LayerData[]
}
/** x + layer(x); adds no level to names. */
export interface ResidualData extends Widths {
  readonly kind: "residual"
  readonly layer: LayerData
}
/** The same input to all; outputs added, or joined along channels. Named 0, 1, … */
export interface ParallelData extends Widths {
  readonly kind: "parallel"
  readonly layers: readonly LayerData[]
  readonly join: "add" | "concat"
}
/** A layer that stands in several places: its tensors are there once, under the name of the first. */
export interface SharedData extends Widths {
  readonly kind: "shared"
  /** The same number, the same tensors. */
  readonly id: number
  readonly layer: LayerData
}
/** Named sub-modules and what they do with their inputs, step by step. */
export interface ModuleData extends Widths {
  readonly kind: "module"
  readonly name: string
  readonly children: Readonly<Record<string, LayerData>>
  readonly inputs: readonly string[]
  /** There is one input, without a name of its own. */
  readonly single?: true
  /** Inputs that may be missing. */
  readonly optional: readonly string[]
  /** Features of the inputs, as the module declares them. */
  readonly widths?: Readonly<Record<string, number>>
  /** Of the optional inputs, those that are only there or not: no tensor. */
  readonly flags?: readonly string[]
  /** Inputs that are no tensors but a [height, width] known when a program is compiled. */
  readonly extents?: readonly string[]
  readonly steps: readonly Step[]
  readonly outputs: Readonly<Record<string, string>>
  /** The forward gives values by name, even if there is one only. */
  readonly byName?: true
  /** Children that an adaptation added, and which one. */
  readonly added?: Readonly<Record<string, number>>
}

export type LayerData =
  | LinearData
  | Conv2dData
  | Conv1dData
  | ConvTranspose2dData
  | NormData
  | BatchNormData
  | GroupNormData
  | EmbeddingData
  | PointwiseData
  | Pool2dData
  | ReshapeData
  | ParameterData
  | BufferData
  | SequentialData
  | ListData
  | ResidualData
  | ParallelData
  | ModuleData
  | SharedData

/** Holds only if the named input was given, or only if it was not. */
export type Condition = { readonly present: string } | { readonly absent: string }
interface StepBase {
  readonly when?: readonly Condition[]
  /** Where the forward does it. */
  readonly at?: string
}
/** outs = child(args) */
export interface CallStep extends StepBase {
  readonly call: string
  /** Which layer of a list. */
  readonly index?: number
  /** In the order of the child's inputs; "" for one that is not given. */
  readonly args: readonly string[]
  readonly outs: readonly string[]
}
/** out = fn(args) */
export interface FunctionStep extends StepBase {
  readonly fn: FunctionName
  readonly args: readonly string[]
  readonly out: string
  readonly attrs: Attrs
}
/** out = the tensor of a child that is a raw parameter or buffer, or an embedding's whole table. */
export interface ReadStep extends StepBase {
  readonly read: string
  readonly index?: number
  readonly out: string
}
export type Step = CallStep | FunctionStep | ReadStep

export type Attrs = Readonly<Record<string, number | string | readonly number[] | Readonly<Record<string, number>>>>

/** What a module's forward may do besides calling its children; meanings in functions.ts. */
export type FunctionName =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "scale"
  | "shift"
  | "matmul"
  | "relu"
  | "gelu"
  | "sigmoid"
  | "tanh"
  | "sin"
  | "cos"
  | "softmax"
  | "exp"
  | "log"
  | "equals"
  | "constant"
  | "rearrange"
  | "concat"
  | "slice"
  | "mean"
  | "sum"
  | "pad"
  | "padLike"
  | "roll"
  | "gather"
  | "repeatBatch"
  | "repeatEach"
  | "meanEach"
  | "windows"
  | "unwindows"
  | "attention"
  | "relPosAttention"
  | "resize"
  | "resizeTo"
  | "padTo"
  | "cropLike"
  | "pixelCentres"
  /** args[0] if the value `given` is there, else args[1], if there is one. */
  | "either"

/** A spec's layer as the data it is. */
export const dataOf = (layer: Child): LayerData => layer as unknown as LayerData
/** Data as what a spec sees: the type says how it is called. */
export const childOf = <C extends Child>(data: LayerData): C => data as unknown as C
export const layerOf = <In extends number, Out extends number, Tree = unknown>(data: LayerData): Layer<In, Out, Tree> =>
  childOf<Layer<In, Out, Tree>>(data)
