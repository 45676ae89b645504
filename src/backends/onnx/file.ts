/** `--target onnx`: a model with its weights as files that any onnxruntime runs, and onnx's own checker accepts. */
import { type Program, sizeOf, type Tensors } from "../../compiler/ir/graph.ts"
import { complete, type Sources, sourcesOf } from "../tensors.ts"
import { type LowerOptions, lower } from "./lower.ts"
import { type External, type Initializer, modelChunks, type OnnxModel } from "./model.ts"
import type { Whole } from "./whole/index.ts"

export interface OnnxFile {
  readonly name: string
  /** The file's bytes in pieces, which refer to the weights that were given. */
  readonly chunks: readonly Uint8Array[]
}
export interface OnnxFileOptions extends Pick<LowerOptions, "scores"> {
  /** The model's file name. Default: model.onnx. */
  readonly name?: string
  /** Weights in a file beside the model's, `<name>.data`. Default: only where one file would exceed 1.5 GB; protocol buffers end at 2. */
  readonly external?: boolean
  /** Told to whoever opens the file: which model, which checkpoint. */
  readonly doc?: string
  /** Told to programs that open it, by name. */
  readonly metadata?: Readonly<Record<string, string>>
}

const float = 4
const largestInline = 1.5e9
/** Where a tensor may begin, so that files can be mapped into memory. */
const alignment = 4096

const bytesOf = (data: Float32Array): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

/**
 * An inference program and all its parameters → the files to write, in the order in which to write them: the model, which refers to the other,
 * is last. Inputs and outputs have the program's names and shapes. Throws HS2606 where a parameter is missing or has another shape.
 */
export const onnxFiles = (program: Program, weights: Tensors, options: OnnxFileOptions = {}): readonly OnnxFile[] => {
  if (Object.keys(program.state).length > 0) throw new Error("internal: a program with state is not a file for others")
  const lowering = { portable: true, ...(options.scores === undefined ? {} : { scores: options.scores }) }
  return files(sourcesOf(program), (inside) => lower(program.graph, { ...lowering, weights: inside }), weights, options)
}

/** The same of a model that takes images as they are (whole/index.ts). */
export const wholeFiles = (
  { model, sources }: Whole,
  weights: Tensors,
  options: Omit<OnnxFileOptions, "scores"> = {},
): readonly OnnxFile[] =>
  files(sources, (inside) => ({ ...model, initializers: [...model.initializers, ...inside] }), weights, options)

const files = (
  sources: Sources,
  lowered: (weights: readonly (Initializer | External)[]) => OnnxModel,
  weights: Tensors,
  options: OnnxFileOptions,
): readonly OnnxFile[] => {
  const { name = "model.onnx", doc = "", metadata = {} } = options
  const tensors = Object.entries(complete("onnx", sources, weights))
  const total = tensors.reduce((sum, [, { shape }]) => sum + float * sizeOf(shape), 0)

  if (!(options.external ?? total > largestInline)) {
    const inside = tensors.map(([tensor, { shape, data }]) => ({ name: tensor, shape, data }))
    return [{ name, chunks: modelChunks({ ...lowered(inside), doc, metadata }) }]
  }
  const location = `${name}.data`
  const places: External[] = []
  const data: Uint8Array[] = []
  let offset = 0
  for (const [tensor, { shape, data: values }] of tensors) {
    const padding = -offset & (alignment - 1)
    if (padding > 0) data.push(new Uint8Array(padding))
    offset += padding
    const length = values.byteLength
    places.push({ name: tensor, shape, location, offset, length })
    data.push(bytesOf(values))
    offset += length
  }
  const model = modelChunks({ ...lowered(places), doc, metadata })
  return [
    { name: location, chunks: data },
    { name, chunks: model },
  ]
}
