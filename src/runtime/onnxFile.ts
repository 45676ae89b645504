/** --target onnx: a model that segments, with its weights, as a file for others. */
import { basename, dirname, join } from "node:path"
import { lower } from "../backends/onnx/lower.ts"
import { type External, encodeModel, type Initializer } from "../backends/onnx/model.ts"
import type { Tensor } from "../compiler/ir/graph.ts"
import { type InputSizes, standardSizes } from "../compiler/passes/elaborate/index.ts"
import { inferenceProgram } from "../compiler/passes/program.ts"
import type { ModelData } from "../dsl/model.ts"
import { modelWeights } from "./base.ts"
import { writeAtomically } from "./files.ts"

export interface OnnxOptions {
  readonly path: string
  readonly batch?: number
  /** A checkpoint; without one, initial values. */
  readonly weights?: string
  readonly sizes?: InputSizes
}

/** One protocol buffer holds less than 2 GiB; larger weights go into a file beside it. */
const largestInside = 1.5 * 2 ** 30
/** Where each tensor begins in the file beside: at a page, so that it can be mapped. */
const page = 4096

const bytesOf = ({ data }: Tensor): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
const aligned = (n: number): number => Math.ceil(n / page) * page

/** Writes the file, and the weights beside it if they are large. Gives the paths. Only ONNX's own ops, opset 20. */
export const writeOnnx = async (
  model: ModelData,
  { path, batch = 1, weights, sizes }: OnnxOptions,
): Promise<readonly string[]> => {
  const { graph } = inferenceProgram(model, sizes ?? standardSizes(model, batch))
  const { tensors } = await modelWeights(model, weights, 0)
  const used = graph.nodes.flatMap((node) => (node.op === "parameter" ? [node.attrs.name] : []))
  const total = used.reduce((n, name) => n + tensors[name]!.data.byteLength, 0)
  const beside = `${basename(path)}.data`
  const outside = total > largestInside
  let offset = 0
  const initializers = used.map((name): Initializer | External => {
    const tensor = tensors[name]!
    if (!outside) return { name, shape: tensor.shape, data: tensor.data }
    const place = { name, shape: tensor.shape, location: beside, offset, length: tensor.data.byteLength }
    offset += aligned(tensor.data.byteLength)
    return place
  })
  const doc = `${model.family.name}, written by hasam. Image raw 0…255; outputs are logits.`
  const encoded = encodeModel({ ...lower(graph, { portable: true, weights: initializers }), doc })
  const written = [path]
  if (outside) {
    const data = join(dirname(path), beside)
    const pieces = function* (): Generator<Uint8Array> {
      for (const name of used) {
        const bytes = bytesOf(tensors[name]!)
        yield bytes
        yield new Uint8Array(aligned(bytes.length) - bytes.length)
      }
    }
    await writeAtomically(data, pieces())
    written.push(data)
  }
  await writeAtomically(path, encoded)
  return written
}
