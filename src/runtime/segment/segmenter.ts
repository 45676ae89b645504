/**
 * Masks of one image for all that is asked of it. What a model keeps of an image (segment-anything's embedding) is computed once, whatever the number of prompts;
 * the probabilities of several runs, of the mirrored image and of shifted prompts are averaged once.
 */
import type { Backend } from "../../backends/backend.ts"
import type { Taught } from "../../dsl/task.ts"
import { fitted } from "../data/prepare.ts"
import type { Random } from "../data/random.ts"
import type { Mask, Raster } from "../data/raster.ts"
import { segmentedOf } from "../evaluation/cases.ts"
import { type Member, member } from "./member.ts"
import type { Asked } from "./prompts.ts"
import { mirrored, mirroredAsked, mirroredPlanes, shifted } from "./views.ts"

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
        const shown = questions.map(({ image }) => ({ image: turned ? mirrored(image) : image }))
        const seen = await one.see(
          shown.map(({ image }) => fitted(image, one.pixels)),
          batch,
        )
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
    locate: async (_id, image) => {
      const [one] = asking
      const [seen] = await one!.see([fitted(image, one!.pixels)])
      return (await one!.ask(seen!, {}, image)).logits
    },
    dispose: async () => {
      for (const one of asking) await one.dispose()
    },
  }
}
