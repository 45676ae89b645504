/**
 * `hasam/browser`: models in a page of your own. Nothing leaves the machine: all that is fetched is what lies at the addresses that you give.
 * `openModel` is what the pages of `--target webgpu` are made of; programs and tensors below it are for those who compile their own.
 *
 * @module browser
 */
import { isLeft } from "fp-ts/lib/Either.js"
import { Failed, failed } from "../../compiler/diagnostic.ts"
import type { Program, Tensors } from "../../compiler/ir/graph.ts"
import { dtypes } from "../weights/dtype.ts"
import { headerLength, parseHeader } from "../weights/safetensors.ts"

export { cpuBackend, wasmBackend, webgpuBackend } from "../../backends/tfjs/browser.ts"
export { type Diagnostic, Failed } from "../../compiler/diagnostic.ts"
export type { Program, Tensor, Tensors } from "../../compiler/ir/graph.ts"
export type { DataReport } from "../data/check.ts"
export type { Picture } from "../data/image.ts"
export type { Raster } from "../data/raster.ts"
export type { Drawn } from "./drawn.ts"
export { type BrowserModel, type OnProgress, type OpenOptions, openModel } from "./model.ts"
export type { ModelFile } from "./modelFile.ts"
export type { AskedPoint, Question } from "./question.ts"
export type { Answer } from "./segmenter.ts"
export {
  type DataFile,
  isTrainable,
  type KeptTraining,
  type StepLoss,
  type TrainEvent,
  type Trainer,
  type TrainRequest,
} from "./trainer.ts"
export type { SampleView } from "./views.ts"
/** Tensors of a safetensors file as float32. Throws its diagnostics. */
export const decodeTensors = (file: string, bytes: Uint8Array): Tensors => {
  const length = headerLength(bytes.subarray(0, 8), bytes.length)
  if (length === undefined)
    throw failed(file, "HS3002", "this is not a safetensors file", "Check the address that it came from.")
  const header = parseHeader(file, bytes.subarray(8, 8 + length), bytes.length)
  if (isLeft(header)) throw new Failed(header.left)
  return Object.fromEntries(
    header.right.tensors.map(({ name, dtype, shape, at, bytes: size }) => {
      const data = new Float32Array(size / dtypes[dtype].bytes)
      // A copy of its own, so that wide elements are aligned.
      dtypes[dtype].decode(bytes.slice(at, at + size), data)
      return [name, { shape, data }]
    }),
  )
}

const fetched = async (url: string): Promise<Response> => {
  const response = await fetch(url)
  if (!response.ok)
    throw failed(
      url,
      "HS4002",
      `the file cannot be read: ${response.status} ${response.statusText}`,
      "Check the address.",
    )
  return response
}

export const fetchTensors = async (url: string): Promise<Tensors> =>
  decodeTensors(url, new Uint8Array(await (await fetched(url)).arrayBuffer()))

/** A program as JSON, which is all that a compiled model is beside its weights. */
export const fetchProgram = async (url: string): Promise<Program> => (await (await fetched(url)).json()) as Program
