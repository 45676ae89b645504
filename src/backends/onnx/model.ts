/** ONNX's ModelProto from plain data (github.com/onnx/onnx, onnx/onnx.proto; field numbers beside each line). */
import type { Shape } from "../../compiler/ir/graph.ts"
import { ProtobufWriter } from "./protobuf.ts"

/** What an If does in one case: nodes that may read the values around them. */
export interface Branch {
  readonly nodes: readonly OnnxNode[]
  readonly outputs: readonly string[]
}
export type Attribute = number | string | readonly number[] | { readonly float: number } | { readonly branch: Branch }

export interface OnnxNode {
  readonly op: string
  /** Empty for ONNX's own ops. */
  readonly domain?: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes?: Readonly<Record<string, Attribute>>
  /** The module that it computes a part of, which its name begins with: profilers and viewers show names. */
  readonly from?: string
}
export interface Initializer {
  readonly name: string
  readonly shape: Shape
  readonly data: Float32Array | Float64Array | BigInt64Array
}
/** An initializer whose bytes lie in another file. */
export interface External {
  readonly name: string
  readonly shape: Shape
  readonly location: string
  readonly offset: number
  readonly length: number
}
export interface ValueInfo {
  readonly name: string
  /** "any", or another name: the same name is the same extent. Left out, not even how many axes it has is told. */
  readonly shape?: readonly (number | string)[]
  /** Default: 32-bit floats. */
  readonly type?: "uint8" | "int8" | "uint16"
}
export interface OnnxModel {
  readonly nodes: readonly OnnxNode[]
  readonly inputs: readonly ValueInfo[]
  readonly outputs: readonly ValueInfo[]
  readonly initializers: readonly (Initializer | External)[]
  /** Integers could be fed in place of those given, so nothing is known from them beforehand. */
  readonly openIntegers?: boolean
  /** What is told to whoever opens the file. */
  readonly doc?: string
  /** What programs read of the file: names and values. */
  readonly metadata?: Readonly<Record<string, string>>
}

/** ONNX's numbers of types. */
export const types = { float32: 1, uint8: 2, int8: 3, uint16: 4, int64: 7, bool: 9, float64: 11 } as const
const { float32, int64 } = types
/** IR version 9 and opset 20 belong to ONNX 1.15: Gelu is an op, reductions take their axes as an input. */
const usual = { irVersion: 9, opset: 20 }
/** Those of ONNX 1.21: bits can be read as another type. */
const withBitCast = { irVersion: 13, opset: 26 }

const attribute = (w: ProtobufWriter, name: string, value: Attribute): void => {
  w.string(1, name)
  if (typeof value === "number") w.int(3, value).int(20, 2)
  else if (typeof value === "string") w.string(4, value).int(20, 3)
  else if ("float" in value) w.float(2, value.float).int(20, 1)
  else if ("branch" in value) {
    const { nodes, outputs } = value.branch
    w.message(6, (graph) => {
      for (const n of nodes) graph.message(1, (inner) => node(inner, n))
      graph.string(2, name)
      for (const output of outputs) graph.message(12, (inner) => inner.string(1, output))
    }).int(20, 5)
  } else {
    for (const item of value) w.int(8, item)
    w.int(20, 7)
  }
}
/** What a node is called in the file, and so in profiles: its module and its first result. */
export const nodeName = ({ outputs, from }: Pick<OnnxNode, "outputs" | "from">): string =>
  from === undefined ? outputs[0]! : `${from}/${outputs[0]}`

const node = (w: ProtobufWriter, { op, domain, inputs, outputs, attributes = {}, from }: OnnxNode): void => {
  for (const input of inputs) w.string(1, input)
  for (const output of outputs) w.string(2, output)
  w.string(3, nodeName({ outputs, from })).string(4, op)
  for (const [name, value] of Object.entries(attributes)) w.message(5, (inner) => attribute(inner, name, value))
  if (domain !== undefined) w.string(7, domain)
}
const valueInfo = (
  w: ProtobufWriter,
  { name, shape, type = "float32" }: Omit<ValueInfo, "type"> & { readonly type?: keyof typeof types },
): void => {
  w.string(1, name).message(2, (value) =>
    value.message(1, (tensor) => {
      tensor.int(1, types[type])
      if (shape === undefined) return
      tensor.message(2, (dims) => {
        for (const extent of shape)
          dims.message(1, (dim) =>
            typeof extent === "number" ? dim.int(1, extent) : extent === "any" ? dim : dim.string(2, extent),
          )
      })
    }),
  )
}
const initializer = (w: ProtobufWriter, tensor: Initializer | External): void => {
  for (const extent of tensor.shape) w.int(1, extent)
  if ("data" in tensor) {
    const { data } = tensor
    const type = data instanceof Float32Array ? float32 : data instanceof Float64Array ? types.float64 : int64
    w.int(2, type).string(8, tensor.name)
    w.bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    return
  }
  w.int(2, float32).string(8, tensor.name)
  const entries = { location: tensor.location, offset: `${tensor.offset}`, length: `${tensor.length}` }
  for (const [key, value] of Object.entries(entries)) w.message(13, (entry) => entry.string(1, key).string(2, value))
  w.int(14, 1)
}

/** The bytes of an .onnx file, in pieces; large tensors are referred to, not copied. */
export const modelChunks = (model: OnnxModel): readonly Uint8Array[] => {
  const { nodes, inputs, outputs, initializers, openIntegers = false, doc = "", metadata = {} } = model
  const integers = initializers.filter((tensor) => "data" in tensor && tensor.data instanceof BigInt64Array)
  const { irVersion, opset } = nodes.some(({ op }) => op === "BitCast") ? withBitCast : usual
  const w = new ProtobufWriter()
  w.int(1, irVersion).string(2, "hasam").string(6, doc)
  w.message(7, (graph) => {
    for (const n of nodes) graph.message(1, (inner) => node(inner, n))
    graph.string(2, "hasam")
    for (const tensor of initializers) graph.message(5, (inner) => initializer(inner, tensor))
    for (const value of inputs) graph.message(11, (inner) => valueInfo(inner, value))
    if (openIntegers)
      for (const { name, shape } of integers)
        graph.message(11, (inner) => valueInfo(inner, { name, shape, type: "int64" }))
    for (const value of outputs) graph.message(12, (inner) => valueInfo(inner, value))
  })
  w.message(8, (set) => set.string(1, "").int(2, opset))
  if (nodes.some(({ domain }) => domain === microsoft)) w.message(8, (set) => set.string(1, microsoft).int(2, 1))
  for (const [key, value] of Object.entries(metadata)) w.message(14, (entry) => entry.string(1, key).string(2, value))
  return w.chunks()
}

/** The bytes of an .onnx file, in memory of their own. */
export const encodeModel = (model: OnnxModel): Uint8Array<ArrayBuffer> => {
  const chunks = modelChunks(model)
  const bytes = new Uint8Array(chunks.reduce((n, chunk) => n + chunk.length, 0))
  chunks.reduce((at, chunk) => {
    bytes.set(chunk, at)
    return at + chunk.length
  }, 0)
  return bytes
}

/** The domain of onnxruntime's own ops. */
export const microsoft = "com.microsoft"
