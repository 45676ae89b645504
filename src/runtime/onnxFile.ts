/** --target onnx: a model that segments, with its weights, as a file for others. */
import { basename, dirname, join } from "node:path"
import { onnxFiles, wholeFiles } from "../backends/onnx/file.ts"
import { canBeWhole, wholeModel } from "../backends/onnx/whole/index.ts"
import { version } from "../compiler/compile.ts"
import { failed } from "../compiler/diagnostic.ts"
import type { Tensors } from "../compiler/ir/graph.ts"
import { type InputSizes, standardSizes } from "../compiler/passes/elaborate/index.ts"
import { inferenceProgram } from "../compiler/passes/program.ts"
import type { ModelData } from "../dsl/model.ts"
import { type Prompting, promptingOf } from "../dsl/task.ts"
import { modelWeights } from "./base.ts"
import { writeAtomically } from "./files.ts"
import { modelHash } from "./training/identity.ts"
import { hashOf } from "./weights/learned.ts"
import { licensed } from "./weights/licence.ts"

export interface OnnxOptions {
  readonly path: string
  /** Images at once, fitted by whoever feeds them; left out: one image as it is, of any size, and any number of prompts. */
  readonly batch?: number
  /** A checkpoint; without one, initial values. */
  readonly weights?: string
  /** Of the weights; left out: what the checkpoint says. */
  readonly licence?: string
  readonly sizes?: InputSizes
  /** What every object is asked by, all of it at once. Default: points, or a box. */
  readonly asks?: readonly Prompting[]
}

/** What a file takes, in a few words: the value of hasam.form. */
type Form = "images as they are" | "images already fitted"

/**
 * What a program has to know to feed the file and to read what it gives: docs/onnx.md names the keys, which are those of
 * adapters' files where they say the same. Values are text, JSON where they are more than a word.
 */
const metadataOf = (
  model: ModelData,
  tensors: Tensors,
  form: Form,
  licence: string | undefined,
  asks: readonly Prompting[] | undefined,
): Readonly<Record<string, string>> => ({
  "hasam.version": version,
  "hasam.model": model.name,
  "hasam.spec": modelHash(model),
  "hasam.weights": hashOf(tensors),
  "hasam.form": form,
  "hasam.takes": JSON.stringify(model.takes),
  "hasam.teaches": JSON.stringify(model.teaches),
  ...(asks === undefined ? {} : { "hasam.asks": asks.join(",") }),
  ...licensed(licence),
})

export interface Written {
  readonly paths: readonly string[]
  /** What whoever asked for the file should know, as sentences. */
  readonly notes: readonly string[]
}

/** Writes the file, and the weights beside it if they are large. Only ONNX's own ops, opset 20. Throws HS4402, HS5002 for what it cannot be asked by. */
export const writeOnnx = async (
  model: ModelData,
  { path, batch, weights, licence: given, sizes, asks }: OnnxOptions,
): Promise<Written> => {
  const strange = asks?.find((kind) => !promptingOf(model.takes).includes(kind))
  if (strange !== undefined)
    throw failed(
      model.name,
      "HS4402",
      `${model.name} is asked by no ${strange === "box" ? "box" : strange}`,
      promptingOf(model.takes).length === 0
        ? "It takes no prompts: leave --asks out."
        : `It takes ${promptingOf(model.takes).join(", ")}.`,
    )
  const asIs = batch === undefined && sizes === undefined && canBeWhole(model, asks)
  if (asks !== undefined && !asIs)
    throw failed(
      "--asks",
      "HS5002",
      `--asks does nothing: the file of ${model.name} takes images that are already fitted, and what the network itself takes`,
      "Leave --asks out.",
    )
  const { tensors, licence: found } = await modelWeights(model, weights, 0)
  const licence = given ?? found
  const form = asIs ? "images as they are" : "images already fitted"
  const options = { name: basename(path), metadata: metadataOf(model, tensors, form, licence, asks) }
  const notes: string[] = []
  const files = () => {
    if (!asIs) {
      const program = inferenceProgram(model, sizes ?? standardSizes(model, batch ?? 1))
      return onnxFiles(program, tensors, {
        ...options,
        doc: `${model.name}, written by hasam. Image raw 0…255, already fitted; outputs are logits.`,
      })
    }
    const whole = wholeModel(model, asks)
    if (whole.asks.startsWith("one"))
      notes.push(`the file of ${model.name} takes ${whole.asks}: its layers depend on how many there are`)
    return wholeFiles(whole, tensors, {
      ...options,
      doc: `${model.name}, written by hasam. Image [height, width, 3] in bytes, of any size; masks are logits at its size.`,
    })
  }
  const made = files()
  for (const { name, chunks } of made) await writeAtomically(join(dirname(path), name), chunks)
  if (weights !== undefined && licence === undefined)
    notes.push(`${weights} does not say its licence; --licence writes it into the file`)
  return { paths: made.map(({ name }) => join(dirname(path), name)).reverse(), notes }
}
