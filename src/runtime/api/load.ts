/** A model in an engine, for code: it segments images, and runs its network on tensors. */
import type { Backend } from "../../backends/backend.ts"
import { type Diagnostics, Failed, failed } from "../../compiler/diagnostic.ts"
import type { Tensors } from "../../compiler/ir/graph.ts"
import { compile } from "../../compiler/passes/pipeline.ts"
import { promptingOf } from "../../dsl/task.ts"
import type { Precision } from "../../dsl/training.ts"
import type { Raster } from "../data/raster.ts"
import { type EngineName, engineNamed } from "../engines.ts"
import type { Tell } from "../events.ts"
import type { LoadedModel, LoadSettings } from "../loaded.ts"
import type { Asked } from "../segment/prompts.ts"
import type { Segmenter } from "../segment/segmenter.ts"
import { explained } from "./attempt.ts"

/**
 * Where an object is, in pixels of the original image, x first and from the left; a label of 0 says that a point lies outside of it. What is said together
 * is asked together: a box with points, a mask that was found before with a point.
 */
export interface Prompt {
  readonly point?: readonly [x: number, y: number]
  readonly points?: readonly { readonly x: number; readonly y: number; readonly label: 0 | 1 }[]
  readonly box?: readonly [x0: number, y0: number, x1: number, y1: number]
  /** A file (one value beside 0, or probabilities), or probabilities of 0…1 as large as the image, row by row. */
  readonly mask?: string | ArrayLike<number>
}

export interface SegmentSettings {
  /** One prompt, or one for each object. Left out for a model that takes none. */
  readonly prompt?: Prompt | readonly Prompt[]
  /** Average with the mirrored image. */
  readonly flip?: boolean
}

/** One object, or one class, of a segmented image. */
export interface SegmentedObject {
  /** Its number in `labels`, from 1 on. */
  readonly label: number
  /** The class's name, of a model that is taught classes. */
  readonly class?: string
  /** 1 inside, 0 outside; row by row, as large as the image. */
  readonly mask: Uint8Array
  /** Of each pixel, 0…1. */
  readonly probabilities: Float32Array
  /** Pixels inside. */
  readonly pixels: number
  /** Square millimetres, where the image says its spacing. */
  readonly mm2?: number
  /** Pieces that do not touch. */
  readonly components: number
  /** Numbers that the model gives of the mask, such as its own estimate of the IoU. */
  readonly numbers: Readonly<Record<string, number>>
}

export interface Segmentation {
  readonly width: number
  readonly height: number
  /** Background 0, then the number of the object or class; row by row. */
  readonly labels: Uint8Array
  readonly objects: readonly SegmentedObject[]
}

export interface LoadOptions extends LoadSettings {
  /** What computes. Default: cpu. */
  readonly target?: EngineName
  /** How products are computed, where the engine knows several ways: cuda, xla. */
  readonly precision?: Precision
  /** What there is to say on the way: tensors that were renamed or resized, what takes time. */
  readonly on?: Tell
}

/** A model with its weights, in an engine. */
export interface Loaded {
  /** The export's name in its spec. */
  readonly name: string
  /** Inputs and outputs of the network, by name. */
  readonly takes: readonly string[]
  readonly gives: readonly string[]
  /**
   * Masks of one image: a file that hasam reads (PNG, JPEG, TIFF, BMP, DICOM, NIfTI), or pixels of 0…255. Rejects with `Failed`: HS42… for an image that
   * cannot be read, HS4402 for a prompt that is missing, outside of the image, or not what the model takes.
   */
  segment(image: string | Raster, settings?: SegmentSettings): Promise<Segmentation>
  /** Of a model that is taught a point: where it is, in pixels of the image. */
  locate(image: string | Raster): Promise<{ readonly x: number; readonly y: number }>
  /** The network itself: inputs by name, row-major float32, as `hasam run` takes them from a file. Rejects with `Failed`: HS52…. */
  run(inputs: Tensors): Promise<Tensors>
  /** Frees what the engine holds. */
  dispose(): Promise<void>
}

const refuse = (message: string, help: string) => failed("prompt", "HS4402", message, help)

const maskOf = async (mask: string | ArrayLike<number>, { width, height }: Raster): Promise<Asked["mask"]> => {
  if (typeof mask === "string") return (await import("../segment/maskFile.ts")).readMaskPrompt(mask, { width, height })
  const { maskPromptOf } = await import("../task/maskPrompt.ts")
  return maskPromptOf("prompt", { width, height }, mask)
}

const askedOf = async ({ point, points, box, mask }: Prompt, image: Raster): Promise<Asked> => {
  const places = [...(point === undefined ? [] : [{ x: point[0], y: point[1], label: 1 as const }]), ...(points ?? [])]
  return {
    ...(places.length === 0 ? {} : { points: places }),
    ...(box === undefined ? {} : { box: { x0: box[0], y0: box[1], x1: box[2], y1: box[3] } }),
    ...(mask === undefined ? {} : { mask: (await maskOf(mask, image)) as NonNullable<Asked["mask"]> }),
  }
}

/** Throws HS4402. */
const promptsFor = async (
  { model }: LoadedModel,
  image: Raster,
  given: SegmentSettings["prompt"],
): Promise<readonly Asked[]> => {
  const { demandTaken, kindsOf, outside } = await import("../segment/prompts.ts")
  const kinds = promptingOf(model.takes)
  const prompts = given === undefined ? [] : "length" in given ? given : [given]
  if (kinds.length === 0 && prompts.length > 0) throw refuse(`${model.name} takes no prompt`, "Leave the prompt out.")
  if (kinds.length === 0) return [{}]
  const nothing = () =>
    refuse(
      `${model.name} is asked about a place, and none is given`,
      `It takes ${kinds.join(" and ")}: give prompt: { ${kinds.includes("points") ? "point: [x, y]" : "box: [x0, y0, x1, y1]"} }.`,
    )
  if (prompts.length === 0) throw nothing()
  const all: Asked[] = []
  for (const prompt of prompts) {
    const asked = await askedOf(prompt, image)
    if (kindsOf(asked).length === 0) throw nothing()
    demandTaken("prompt", asked, kinds)
    const beyond = outside(asked, image)
    if (beyond !== undefined)
      throw refuse(
        `${beyond} lies outside the image of ${image.width} × ${image.height} pixels`,
        "Give prompts in pixels of the original image, x first.",
      )
    all.push(asked)
  }
  return all
}

type Read = Raster & { readonly spacing?: { readonly x: number; readonly y: number } }

/** Throws HS4201 for pixels that are not as many as the size says. */
const demandWhole = ({ width, height, channels, data }: Raster): void => {
  if (data.length !== width * height * channels)
    throw failed(
      "image",
      "HS4201",
      `there are ${data.length} values, and ${width} × ${height} pixels of ${channels === 1 ? "one channel" : `${channels} channels`} are ${width * height * channels}`,
      "Give one value for each channel of each pixel, row by row.",
    )
}

const inEngine = (loaded: LoadedModel, backend: Backend): Loaded => {
  const { model, weights, window } = loaded
  let masks: Segmenter | undefined
  const segmenting = async (): Promise<Segmenter> => {
    const { segmenter } = await import("../segment/segmenter.ts")
    masks ??= segmenter(backend, [loaded])
    return masks
  }
  const read = async (image: string | Raster): Promise<Read> => {
    if (typeof image !== "string") {
      demandWhole(image)
      return image
    }
    const { readImage } = await import("../data/image.ts")
    return readImage(image, window === undefined ? {} : { window })
  }
  const demandKind = async (point: boolean): Promise<void> => {
    const { taughtOf } = await import("../task/index.ts")
    const given = taughtOf(model)[1].kind === "point"
    if (given !== point)
      throw failed(
        loaded.name,
        "HS5002",
        given ? "this model gives points, not masks" : "this model gives masks, not a point",
        given ? "Ask it with locate." : "Ask it with segment.",
      )
  }
  return {
    name: loaded.name,
    takes: Object.keys(model.takes),
    gives: Object.keys(model.teaches),
    segment: (image, { prompt, flip = false } = {}) =>
      explained(async () => {
        await demandKind(false)
        const picture = await read(image)
        const asked = await promptsFor(loaded, picture, prompt)
        const answers = await (await segmenting()).segment(nameOf(image), picture, asked, { flip })
        const { labelled, rowsOf } = await import("../segment/outputs.ts")
        const found = labelled(picture, answers)
        const [taught] = Object.values(model.teaches)
        const names = taught?.kind === "classes" ? taught.names : undefined
        const rows = rowsOf("", "", found, picture.spacing, names)
        const { width, height } = picture
        return {
          width,
          height,
          labels: found.labels.data,
          objects: found.found.map(({ label, mask, answer }, i): SegmentedObject => {
            const { class: name, pixels, mm2, components, numbers } = rows[i]!
            const from = answer.planes > 1 ? label * width * height : 0
            return {
              label,
              ...(name === undefined ? {} : { class: name }),
              mask: mask.data,
              probabilities: answer.probabilities.subarray(from, from + width * height),
              pixels,
              ...(mm2 === undefined ? {} : { mm2 }),
              components,
              numbers,
            }
          }),
        }
      }),
    locate: (image) =>
      explained(async () => {
        await demandKind(true)
        const picture = await read(image)
        const { clamped } = await import("../task/point.ts")
        return clamped(await (await segmenting()).locate(nameOf(image), picture), [picture.height, picture.width])
      }),
    run: (tensors) =>
      explained(async () => {
        const { decodeInputs } = await import("../run/inputs.ts")
        const { inputs, diagnostics } = decodeInputs("inputs", model, tensors, { training: false, flags: [] })
        if (inputs === undefined) throw new Failed(diagnostics as unknown as Diagnostics)
        const { program } = compile({ model, sizes: inputs.sizes, goal: { kind: "inference" } })
        const executable = await backend.compile(program)
        try {
          await executable.load(weights)
          return await executable.run(inputs.feeds)
        } finally {
          await executable.dispose()
        }
      }),
    dispose: async () => {
      await masks?.dispose()
      masks = undefined
    },
  }
}
const nameOf = (image: string | Raster): string => (typeof image === "string" ? image : "image")

/**
 * Loads a run's folder, with what it learned; or a spec, `#export` where it has several models, with weights from a checkpoint. Rejects with `Failed`: the
 * spec's errors, those of weights (HS30…), of a run's folder (HS53…), HS2503 for a target that is none, HS2520 for a package that is missing.
 *
 * @example
 * const model = await load("runs/small")
 * const { objects } = await model.segment("scan.png", { prompt: { point: [80, 60] } })
 */
export const load = (
  subject: string,
  { target = "cpu", precision, on, ...settings }: LoadOptions = {},
): Promise<Loaded> =>
  explained(async () => {
    const tell: Tell = on ?? (() => undefined)
    const open = engineNamed(target)
    const { loadModel } = await import("../loaded.ts")
    const loaded = await loadModel(subject, settings, tell)
    return inEngine(
      loaded,
      await open({ precision, frozen: loaded.frozen, note: (line) => tell({ kind: "note", line }) }),
    )
  })
