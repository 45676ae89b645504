/**
 * A model that answers questions about one image: what it keeps of the image is computed once, each question is asked of that. Programs
 * are compiled here, for as many points as a question has.
 */
import type { Backend, Executable } from "../../backends/backend.ts"
import { tensorTable } from "../../compiler/analysis/parameters.ts"
import { keptOf } from "../../compiler/analysis/reach.ts"
import { failed } from "../../compiler/diagnostic.ts"
import type { Program, Tensor, Tensors } from "../../compiler/ir/graph.ts"
import { type InputSizes, standardSizes } from "../../compiler/passes/elaborate/index.ts"
import { inferenceProgram } from "../../compiler/passes/program.ts"
import type { ModelData } from "../../dsl/model.ts"
import type { Taught } from "../../dsl/task.ts"
import type { Raster } from "../data/raster.ts"
import { resizeBilinear } from "../data/resize.ts"
import { answerOf, pixelsOf } from "../task/index.ts"
import { fittedSize, pixelFeed, planes } from "../task/pixels.ts"
import { type Question, questionFeeds } from "./question.ts"

/** What an output says of the image, at its original size. */
export interface Answer {
  readonly output: string
  readonly taught: Taught
  /** Logits row by row, of classes plane after plane; or x and y of a point, in pixels of the original image. */
  readonly values: Float32Array
}

export interface Segmenter {
  /** Replaces tensors by name. Throws HS3011 for a file without one of the model's, HS3012 for other shapes, HS3013 for values that are not finite. */
  load(file: string, tensors: Tensors): Promise<void>
  /** Takes the image that is asked about from here on. */
  see(image: Raster): Promise<void>
  /** What each taught output says. */
  ask(question: Question): Promise<readonly Answer[]>
  /** How often the image went through the network, and how many questions did. */
  readonly runs: () => { readonly image: number; readonly questions: number }
  dispose(): Promise<void>
}

interface Open {
  readonly program: Program
  readonly executable: Executable
}

const namesIn = (program: Program, op: "input" | "parameter"): ReadonlySet<string> =>
  new Set(program.graph.nodes.flatMap((node) => (node.op === op ? [node.attrs.name] : [])))
const only = (tensors: Tensors, names: ReadonlySet<string>): Tensors =>
  Object.fromEntries(Object.entries(tensors).filter(([name]) => names.has(name)))

/** Programs of questions that stay on the device: the last ones asked. */
const mostQuestions = 3

/** Throws HS5311 for a model without an image, or one that teaches nothing. */
export const segmenter = (backend: Backend, model: ModelData): Segmenter => {
  const pixels = pixelsOf(model)
  const standard = standardSizes(model, 1)
  const kept = keptOf(model, standard, [])
  const taught = Object.entries(model.teaches)
  const images = Object.entries(model.takes).filter(([, { kind }]) => kind === "pixels")
  const weights = new Map<string, Tensor>()
  const counted = { image: 0, questions: 0 }
  let ofImage: Open | undefined
  const ofQuestions = new Map<string, Open>()
  let seen:
    | { readonly image: Tensor; readonly originalSize: readonly [number, number]; readonly fed: Tensors }
    | undefined

  const open = async (program: Program): Promise<Open> => {
    const parameters = namesIn(program, "parameter")
    const missing = [...parameters].filter((name) => !weights.has(name))
    if (missing.length > 0)
      throw failed(
        "weights",
        "HS3010",
        `${missing.length} of ${parameters.size} tensors were not given, such as '${missing[0]}'`,
        "Load the whole model's weights first, then those that training wrote.",
      )
    const executable = await backend.compile(program)
    await executable.load(only(Object.fromEntries(weights), parameters))
    return { program, executable }
  }
  const close = async (): Promise<void> => {
    const all = [ofImage, ...ofQuestions.values()]
    ofImage = undefined
    ofQuestions.clear()
    seen = undefined
    for (const one of all) await one?.executable.dispose()
  }
  const sizesFor = (fed: Tensors): InputSizes => ({
    ...standard,
    inputs: Object.fromEntries([
      ...images.map(([name]) => [name, standard.inputs[name] ?? []] as const),
      ...Object.entries(fed).map(([name, { shape }]) => [name, shape.slice(1)] as const),
    ]),
  })
  const questionProgram = async (fed: Tensors): Promise<Open> => {
    const sizes = sizesFor(fed)
    const key = JSON.stringify(sizes.inputs)
    const before = ofQuestions.get(key)
    ofQuestions.delete(key)
    const found =
      before ?? (await open(inferenceProgram(model, sizes, { kept, outputs: taught.map(([name]) => name) })))
    ofQuestions.set(key, found)
    const [oldest] = ofQuestions.keys()
    if (ofQuestions.size > mostQuestions && oldest !== undefined) {
      await ofQuestions.get(oldest)?.executable.dispose()
      ofQuestions.delete(oldest)
    }
    return found
  }
  const known = new Map(tensorTable(model).map(({ name, shape }) => [name, shape]))

  return {
    load: async (file, tensors) => {
      const mine = Object.entries(tensors).filter(([name]) => known.has(name))
      const another = (code: "HS3011" | "HS3012", how: string) =>
        failed(
          file,
          code,
          `these are weights of another model: ${how}`,
          "Choose the file that was written for this model.",
        )
      const spelled = (shape: readonly number[] = []) => `[${shape.join(", ")}]`
      if (mine.length === 0)
        throw another(
          "HS3011",
          `none of the ${Object.keys(tensors).length} tensors in the file is one of ${model.name}'s`,
        )
      for (const [name, { shape, data }] of mine) {
        if (spelled(shape) !== spelled(known.get(name)))
          throw another("HS3012", `'${name}' is ${spelled(shape)}, and ${spelled(known.get(name))} in ${model.name}`)
        if (!data.every(Number.isFinite))
          throw failed(file, "HS3013", `'${name}' has values that are NaN or infinite`, "Use an earlier checkpoint.")
      }
      await close()
      for (const [name, tensor] of mine) weights.set(name, tensor)
    },
    see: async (raster) => {
      const image = planes(resizeBilinear(raster, fittedSize(pixels, raster)), pixels.channels)
      const fed = Object.fromEntries(
        images.flatMap(([name, feed]) => (feed.kind === "pixels" ? [[name, pixelFeed([{ image }], feed)]] : [])),
      )
      const originalSize = [raster.height, raster.width] as const
      if (kept.length === 0) {
        seen = { image, originalSize, fed }
        return
      }
      ofImage ??= await open(inferenceProgram(model, standard, { outputs: kept }))
      counted.image += 1
      seen = { image, originalSize, fed: await ofImage.executable.run(fed) }
    },
    ask: async (question) => {
      if (seen === undefined) throw new Error("internal: asked before an image was seen")
      const { image, originalSize, fed } = seen
      const [height, width] = originalSize
      const asked = questionFeeds(model, question, {
        from: { width, height },
        to: { width: image.shape[2] ?? 1, height: image.shape[1] ?? 1 },
      })
      const { program, executable } = await questionProgram(asked)
      if (kept.length === 0) counted.image += 1
      counted.questions += 1
      const outputs = await executable.run(only({ ...fed, ...asked }, namesIn(program, "input")))
      return taught.flatMap(([output, what]) => {
        const values = outputs[output]
        return values === undefined
          ? []
          : [{ output, taught: what, values: answerOf(values, what, pixels, { image, originalSize }) }]
      })
    },
    runs: () => ({ ...counted }),
    dispose: close,
  }
}
