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
import { mirrored, mirroredAsked, mirroredPlanes, shifted } from "./views.ts"

export interface Member {
  readonly model: ModelData
  readonly weights: Tensors
  /** An engine of its own: of a run whose weights are kept in fewer bits. */
  readonly engine?: Backend
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

/** One image and what is asked of it. */
export interface Question extends Pick<SegmentOptions, "shifts"> {
  readonly id: string
  readonly image: Raster
  readonly asked: readonly Asked[]
}
export interface Segmenter {
  /** One answer for each object, in their order. */
  segment(id: string, image: Raster, asked: readonly Asked[], options?: SegmentOptions): Promise<readonly Answer[]>
  /** The same of several images, which are encoded together; `batch` is how many a program is compiled for. */
  segmentMany(
    questions: readonly Question[],
    options?: Pick<SegmentOptions, "flip"> & { readonly batch?: number },
  ): Promise<readonly (readonly Answer[])[]>
  /** Of a model that gives a point: where, in pixels of the image. */
  locate(id: string, image: Raster): Promise<Float32Array>
  dispose(): Promise<void>
}

/** One image's part of what a batch gave; copied, since an engine may write there again. */
const rowOf = ({ shape, data }: Tensor, i: number, batch: number): Tensor => {
  const size = data.length / batch
  return { shape: [shape[0]! / batch, ...shape.slice(1)], data: data.slice(i * size, (i + 1) * size) }
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

  /** Everything of images that does not depend on what is asked, computed for `batch` at once; of a model that is asked nothing, all of it. */
  const see = async (views: readonly { readonly id: string; readonly image: Raster }[], batch = 1) => {
    const samples = views.map(({ id, image }): Sample => {
      const prepared = prepare({ image, mask: emptyMask(image.width, image.height) }, pixels)
      return { case: { id, image: id, mask: { kind: "files", paths: [] } }, ...prepared }
    })
    const feedsOf = (some: readonly Sample[]): Tensors =>
      Object.fromEntries(
        Object.entries(model.takes).flatMap(([name, feed]) =>
          feed.kind === "pixels" ? [[name, pixelFeed(some, feed)]] : [],
        ),
      )
    const together = keeps.length > 0 || promptingOf(model.takes).length === 0
    if (!together) return samples.map((sample) => ({ sample, feeds: feedsOf([sample]), outputs: undefined }))
    const at = samples.length === 1 ? 1 : batch
    // The last few are filled up with the last one: one program serves them all.
    const filled = Array.from({ length: at }, (_, i) => samples[Math.min(i, samples.length - 1)]!)
    if (keeps.length === 0) numbers ??= numbersOf({ kind: "nothing" })
    const asked = keeps.length > 0 ? keeps : [output, ...(numbers ?? [])]
    const { executable } = await once(`seen ${at}`, () =>
      inferenceProgram(model, standardSizes(model, at), { outputs: asked }),
    )
    const found = await executable.run(feedsOf(filled))
    return samples.map((sample, i) => {
      const own = Object.fromEntries(Object.entries(found).map(([name, tensor]) => [name, rowOf(tensor, i, at)]))
      return keeps.length > 0
        ? { sample, feeds: { ...feedsOf([sample]), ...own }, outputs: undefined }
        : { sample, feeds: {}, outputs: own }
    })
  }
  type Seen = Awaited<ReturnType<typeof see>>[number]
  const ask = async ({ sample, feeds, outputs: known }: Seen, asked: Asked, image: Raster) => {
    const compute = async () => {
      const { executable, inputs } = await asking(asked)
      const all: Tensors = { ...feeds, ...promptFeeds(asked, image, sample.image.shape) }
      return executable.run(Object.fromEntries(Object.entries(all).filter(([name]) => inputs.has(name))))
    }
    const outputs = known ?? (await compute())
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

/** Prompts of one object: its own, then those that are shifted. */
const promptsOf = ({ image, asked, shifts }: Question): readonly (readonly Asked[])[] =>
  asked.map((one, i) => {
    const random = shifts?.random(i)
    const others = random === undefined ? 0 : shifts!.count
    return [one, ...Array.from({ length: others }, () => shifted(one, image, random!))]
  })

export const segmenter = (backend: Backend, members: readonly Member[]): Segmenter => {
  const asking = members.map((one) => member(one.engine ?? backend, one))
  const segmentMany: Segmenter["segmentMany"] = async (questions, { flip = false, batch = questions.length } = {}) => {
    const prompts = questions.map(promptsOf)
    const views = asking.length * (flip ? 2 : 1)
    const collected = questions.map(({ asked }, q) => ({
      // Of each object, of each of its prompts, the probabilities of all runs and both sides.
      found: prompts[q]!.map((list): Float32Array[][] => list.map(() => [])),
      decided: asked.map((): Mask | undefined => undefined),
      numbers: asked.map((): Record<string, number> => ({})),
    }))
    for (const one of asking)
      for (const turned of flip ? [false, true] : [false]) {
        const shown = questions.map(({ id, image }) =>
          turned ? { id: `${id} mirrored`, image: mirrored(image) } : { id, image },
        )
        const seen = await one.see(shown, batch)
        for (const [q, { image }] of questions.entries()) {
          const { found, decided, numbers } = collected[q]!
          for (const [i, list] of prompts[q]!.entries())
            for (const [j, prompt] of list.entries()) {
              const asked = turned ? mirroredAsked(prompt, image.width) : prompt
              const { logits, numbers: told } = await one.ask(seen[q]!, asked, shown[q]!.image)
              // A sigmoid in 32 bits rounds a small logit to one half: no pixel is to be lost to that.
              if (views === 1 && list.length === 1 && one.taught.kind !== "point")
                decided[i] = segmentedOf(logits, one.taught, [image.height, image.width])
              const given = probabilitiesOf(logits, image.width * image.height, one.taught)
              found[i]![j]!.push(turned ? mirroredPlanes(given, image.width) : given)
              if (j === 0 && !turned)
                for (const [name, value] of Object.entries(told))
                  numbers[i]![name] = (numbers[i]![name] ?? 0) + value / asking.length
            }
        }
      }
    return collected.map(({ found, decided, numbers }, q) =>
      found.map((list, i): Answer => {
        const each = list.map(meanOf)
        const probabilities = meanOf(each)
        const { width, height } = questions[q]!.image
        return {
          probabilities,
          ...(decided[i] === undefined ? {} : { decided: decided[i] }),
          planes: probabilities.length / (width * height),
          numbers: numbers[i]!,
          ...(each.length > 1
            ? { confidence: each.reduce((sum, one) => sum + agreement(one, probabilities), 0) / each.length }
            : {}),
        }
      }),
    )
  }
  return {
    segmentMany,
    segment: async (id, image, asked, { flip = false, shifts } = {}) => {
      const question = { id, image, asked, ...(shifts === undefined ? {} : { shifts }) }
      return (await segmentMany([question], { flip }))[0]!
    },
    locate: async (id, image) => {
      const [one] = asking
      const [seen] = await one!.see([{ id, image }])
      return (await one!.ask(seen!, { kind: "nothing" }, image)).logits
    },
    dispose: async () => {
      for (const one of asking) await one.dispose()
    },
  }
}
