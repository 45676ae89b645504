/**
 * Masks of one image for all that is asked of it. What a model keeps of an image (segment-anything's embedding) is computed once, whatever the number of prompts;
 * the probabilities of several runs, of the mirrored image and of shifted prompts are averaged once.
 */
import type { Backend, Executable } from "../../backends/backend.ts"
import { type Program, sizeOf, type Tensor, type Tensors } from "../../compiler/ir/graph.ts"
import { standardSizes } from "../../compiler/passes/elaborate/index.ts"
import { inferenceProgram } from "../../compiler/passes/program.ts"
import type { ModelData } from "../../dsl/model.ts"
import { promptingOf, type Taught } from "../../dsl/task.ts"
import { prepare } from "../data/prepare.ts"
import { scalePoint } from "../data/prompts.ts"
import type { Random } from "../data/random.ts"
import { emptyMask, type Mask, type Raster } from "../data/raster.ts"
import type { Sample } from "../data/reader.ts"
import { segmentedOf } from "../evaluation/cases.ts"
import { answerOf, pixelsOf, taughtOf } from "../task/index.ts"
import { pixelFeed } from "../task/pixels.ts"
import type { Asked } from "./prompts.ts"

export interface Member {
  readonly model: ModelData
  readonly weights: Tensors
}

export interface Answer {
  /** Of the foreground, or of each class plane after plane; at the image's size, row by row. */
  readonly probabilities: Float32Array
  /** What is foreground, or which class, decided as `eval` decides it: from the logits, where one run saw one image once. */
  readonly decided?: Mask
  /** 1, or the classes with the background. */
  readonly planes: number
  /** Numbers that the model gives of the mask, such as its own estimate of the IoU: the mean over runs. */
  readonly numbers: Readonly<Record<string, number>>
  /** Mean Dice of the masks of shifted prompts with the mask of all; only where prompts were shifted. */
  readonly confidence?: number
}

export interface SegmentOptions {
  readonly flip?: boolean
  /** How many times each prompt is shifted, and by what. */
  readonly shifts?: { readonly count: number; readonly random: (object: number) => Random }
}

export interface Segmenter {
  /** One answer for each object, in their order. */
  segment(id: string, image: Raster, asked: readonly Asked[], options?: SegmentOptions): Promise<readonly Answer[]>
  /** Of a model that gives a point: where, in pixels of the image. */
  locate(id: string, image: Raster): Promise<Float32Array>
  dispose(): Promise<void>
}

const inputsOf = ({ graph }: Program): ReadonlySet<string> =>
  new Set(graph.nodes.flatMap((node) => (node.op === "input" ? [node.attrs.name] : [])))

/** One run's programs, compiled when they are first needed: for its kept outputs, and for each number of points. */
const member = (backend: Backend, { model, weights }: Member) => {
  const [output, taught] = taughtOf(model)
  const pixels = pixelsOf(model)
  const keeps = promptingOf(model.takes).length > 0 ? model.keeps : []
  const compiled = new Map<string, Promise<{ executable: Executable; inputs: ReadonlySet<string> }>>()
  const load = async (program: Program) => {
    const executable = await backend.compile(program)
    await executable.load(weights)
    return { executable, inputs: inputsOf(program) }
  }
  const once = (key: string, make: () => Program) => {
    const known = compiled.get(key) ?? load(make())
    compiled.set(key, known)
    return known
  }
  const sizesFor = (asked: Asked) => {
    const sizes = standardSizes(model, 1, asked.kind === "box" ? "box" : "points")
    const n = asked.kind === "points" ? asked.points.length : 1
    const inputs = Object.fromEntries(
      Object.entries(sizes.inputs).map(([name, shape]) => {
        const feed = model.takes[name]
        return [name, feed?.kind === "points" ? [n, ...shape.slice(1)] : shape]
      }),
    )
    return { ...sizes, inputs }
  }
  /** Outputs of one number an image tell of the mask, whatever they are called. */
  const numbersOf = (asked: Asked): readonly string[] => {
    const { graph } = inferenceProgram(model, sizesFor(asked))
    return graph.outputs.flatMap(({ name, value }) =>
      name !== output && sizeOf(graph.nodes[value]!.shape) === 1 ? [name] : [],
    )
  }
  let numbers: readonly string[] | undefined
  const asking = (asked: Asked) => {
    numbers ??= numbersOf(asked)
    const n = asked.kind === "points" ? asked.points.length : 0
    return once(`${asked.kind} ${n}`, () =>
      inferenceProgram(model, sizesFor(asked), { kept: keeps, outputs: [output, ...(numbers ?? [])] }),
    )
  }
  const promptFeeds = (asked: Asked, image: Raster, [, height, width]: readonly number[]): Tensors => {
    const size = { width: width!, height: height! }
    const scaled = (x: number, y: number) => scalePoint({ x, y }, image, size)
    return Object.fromEntries(
      Object.entries(model.takes).flatMap(([name, feed]): readonly (readonly [string, Tensor])[] => {
        if (feed.kind === "points" && asked.kind === "points") {
          const values =
            feed.part === "coords"
              ? asked.points.flatMap((point) => Object.values(scaled(point.x, point.y)))
              : asked.points.map(({ label }) => label)
          const shape = feed.part === "coords" ? [1, asked.points.length, 2] : [1, asked.points.length]
          return [[name, { shape, data: Float32Array.from(values) }]]
        }
        if (feed.kind === "box" && asked.kind === "box") {
          const [a, b] = [scaled(asked.box.x0, asked.box.y0), scaled(asked.box.x1, asked.box.y1)]
          return [[name, { shape: [1, 4], data: Float32Array.of(a.x, a.y, b.x, b.y) }]]
        }
        return []
      }),
    )
  }

  /** Everything of an image that does not depend on what is asked. */
  const see = async (id: string, image: Raster) => {
    const { width, height } = image
    const prepared = prepare({ image, mask: emptyMask(width, height) }, pixels)
    const sample: Sample = { case: { id, image: id, mask: { kind: "files", paths: [] } }, ...prepared }
    const seen: Tensors = Object.fromEntries(
      Object.entries(model.takes).flatMap(([name, feed]) =>
        feed.kind === "pixels" ? [[name, pixelFeed([sample], feed)]] : [],
      ),
    )
    if (keeps.length === 0) return { sample, feeds: seen }
    const { executable } = await once("kept", () =>
      inferenceProgram(model, standardSizes(model, 1), { outputs: keeps }),
    )
    return { sample, feeds: { ...seen, ...(await executable.run(seen)) } }
  }
  const ask = async ({ sample, feeds }: Awaited<ReturnType<typeof see>>, asked: Asked, image: Raster) => {
    const { executable, inputs } = await asking(asked)
    const all: Tensors = { ...feeds, ...promptFeeds(asked, image, sample.image.shape) }
    const outputs = await executable.run(Object.fromEntries(Object.entries(all).filter(([name]) => inputs.has(name))))
    return {
      logits: answerOf(outputs[output]!, taught, pixels, sample),
      numbers: Object.fromEntries((numbers ?? []).map((name) => [name, outputs[name]!.data[0]!])),
    }
  }
  const dispose = async () => {
    for (const one of compiled.values()) await (await one).executable.dispose()
  }
  return { taught, see, ask, dispose }
}

/** Logits as probabilities: of the foreground, or of the classes at each pixel. */
const probabilitiesOf = (logits: Float32Array, size: number, { kind }: Taught): Float32Array => {
  if (kind !== "classes") return logits.map((x) => 1 / (1 + Math.exp(-x)))
  const count = logits.length / size
  const out = new Float32Array(logits.length)
  for (let i = 0; i < size; i++) {
    let most = Number.NEGATIVE_INFINITY
    for (let k = 0; k < count; k++) most = Math.max(most, logits[k * size + i]!)
    let sum = 0
    for (let k = 0; k < count; k++) {
      const e = Math.exp(logits[k * size + i]! - most)
      out[k * size + i] = e
      sum += e
    }
    for (let k = 0; k < count; k++) out[k * size + i]! /= sum
  }
  return out
}

const mirrored = (image: Raster): Raster => {
  const { width, height, channels, data } = image
  const out = new Uint8Array(data.length)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++)
        out[(y * width + x) * channels + c] = data[(y * width + width - 1 - x) * channels + c]!
  return { width, height, channels, data: out }
}
const mirroredPlanes = (values: Float32Array, width: number): Float32Array => {
  const out = new Float32Array(values.length)
  for (let row = 0; row < values.length; row += width)
    for (let x = 0; x < width; x++) out[row + x] = values[row + width - 1 - x]!
  return out
}
const mirroredAsked = (asked: Asked, width: number): Asked => {
  const x = (at: number) => width - 1 - at
  if (asked.kind === "points") return { ...asked, points: asked.points.map((point) => ({ ...point, x: x(point.x) })) }
  if (asked.kind === "nothing") return asked
  const { x0, x1, ...rest } = asked.box
  return { kind: "box", box: { ...rest, x0: x(x1), x1: x(x0) } }
}

/** As people miss: a corner of a box by up to a tenth of its side, a point by up to 2 % of the image's longer side. */
const shifted = (asked: Asked, { width, height }: Raster, random: Random): Asked => {
  const by = (range: number) => (2 * random.uniform() - 1) * range
  const within = (at: number, extent: number) => Math.min(extent - 1, Math.max(0, at))
  if (asked.kind === "points") {
    const range = 0.02 * Math.max(width, height)
    const points = asked.points.map((point) => ({
      ...point,
      x: within(point.x + by(range), width),
      y: within(point.y + by(range), height),
    }))
    return { kind: "points", points }
  }
  if (asked.kind === "nothing") return asked
  const { x0, y0, x1, y1 } = asked.box
  const [w, h] = [0.1 * (x1 - x0), 0.1 * (y1 - y0)]
  const [a, b] = [within(x0 + by(w), width), within(x1 + by(w), width)]
  const [c, d] = [within(y0 + by(h), height), within(y1 + by(h), height)]
  return { kind: "box", box: { x0: Math.min(a, b), x1: Math.max(a, b), y0: Math.min(c, d), y1: Math.max(c, d) } }
}

const meanOf = (all: readonly Float32Array[]): Float32Array => {
  if (all.length === 1) return all[0]!
  const out = new Float32Array(all[0]!.length)
  for (const one of all) for (let i = 0; i < out.length; i++) out[i]! += one[i]! / all.length
  return out
}

/** Dice of what lies above one half in both. */
const agreement = (a: Float32Array, b: Float32Array): number => {
  let [both, total] = [0, 0]
  for (let i = 0; i < a.length; i++) {
    const [p, q] = [a[i]! > 0.5, b[i]! > 0.5]
    both += Number(p && q)
    total += Number(p) + Number(q)
  }
  return total === 0 ? 1 : (2 * both) / total
}

export const segmenter = (backend: Backend, members: readonly Member[]): Segmenter => {
  const asking = members.map((one) => member(backend, one))
  return {
    segment: async (id, image, asked, { flip = false, shifts } = {}) => {
      const size = image.width * image.height
      const prompts = asked.map((one, i) => {
        const random = shifts?.random(i)
        return [
          one,
          ...(random === undefined ? [] : Array.from({ length: shifts!.count }, () => shifted(one, image, random))),
        ]
      })
      // Of each object, of each of its prompts, the probabilities of all runs and both sides.
      const found: Float32Array[][][] = prompts.map((list) => list.map(() => []))
      const decided: (Mask | undefined)[] = asked.map(() => undefined)
      const views = asking.length * (flip ? 2 : 1)
      const numbers: Record<string, number>[] = asked.map(() => ({}))
      for (const one of asking)
        for (const turned of flip ? [false, true] : [false]) {
          const view = turned ? mirrored(image) : image
          const seen = await one.see(turned ? `${id} mirrored` : id, view)
          for (const [i, list] of prompts.entries())
            for (const [j, prompt] of list.entries()) {
              const { logits, numbers: told } = await one.ask(
                seen,
                turned ? mirroredAsked(prompt, image.width) : prompt,
                view,
              )
              // A sigmoid in 32 bits rounds a small logit to one half: no pixel is to be lost to that.
              if (views === 1 && list.length === 1 && one.taught.kind !== "point")
                decided[i] = segmentedOf(logits, one.taught, [image.height, image.width])
              const given = probabilitiesOf(logits, size, one.taught)
              found[i]![j]!.push(turned ? mirroredPlanes(given, image.width) : given)
              if (j === 0 && !turned)
                for (const [name, value] of Object.entries(told))
                  numbers[i]![name] = (numbers[i]![name] ?? 0) + value / asking.length
            }
        }
      return found.map((list, i): Answer => {
        const each = list.map(meanOf)
        const probabilities = meanOf(each)
        return {
          probabilities,
          ...(decided[i] === undefined ? {} : { decided: decided[i] }),
          planes: probabilities.length / size,
          numbers: numbers[i]!,
          ...(each.length > 1
            ? { confidence: each.reduce((sum, one) => sum + agreement(one, probabilities), 0) / each.length }
            : {}),
        }
      })
    },
    locate: async (id, image) => {
      const [one] = asking
      return (await one!.ask(await one!.see(id, image), { kind: "nothing" }, image)).logits
    },
    dispose: async () => {
      for (const one of asking) await one.dispose()
    },
  }
}
