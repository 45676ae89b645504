/** Samples for training and evaluation: decoded once, kept within a limit, prepared ahead of the model, the same in every run. */

import { failed } from "../../compiler/diagnostic.ts"
import type { Pixels as Seen } from "../../dsl/task.ts"
import { type Augmentation, noAugmentation, type Prompt, type Sampling } from "../../dsl/training.ts"
import { augmentWith, draw, type Pixels } from "./augment.ts"
import { leastRecentlyUsed } from "./cache.ts"
import type { Case, PixelOptions } from "./case.ts"
import { spelled } from "./images/format.ts"
import { loadCase } from "./mask.ts"
import { prefetch } from "./prefetch.ts"
import { type Prepared, prepare, type Resized, resizedTo } from "./prepare.ts"
import { boxOf, centreOf, movedBox, movedPoint, type Point, randomInsideOf, scalePoint } from "./prompts.ts"
import { type Random, stream } from "./random.ts"
import { area, type Mask } from "./raster.ts"
import { epochOf, rarity, type Shown, shownIn } from "./sampling.ts"

export interface Sample extends Prepared {
  readonly case: Case
  /** x0, y0, x1, y1 in pixels of `image`, where the prompt is a box. */
  readonly box?: readonly [number, number, number, number]
}

export interface ReaderOptions extends PixelOptions {
  /** The image as the model takes it. */
  readonly pixels: Seen
  /** Find each mask's centre, for a model that is taught it. */
  readonly centres?: boolean
  readonly seed?: number
  readonly prompt?: Prompt
  /** For the prompts `fromFile` and `localizer`: points by case, in pixels of the original image. */
  readonly points?: ReadonlyMap<string, Point>
  readonly augmentation?: Augmentation
  /** Which cases an epoch shows. Default: each once. */
  readonly sampling?: Sampling | undefined
  /** Evaluation only: prompts from the mask are moved by up to this share of its box's sides, each case by its own draw. */
  readonly jitter?: number
  /** In training the same, by a draw for each epoch, after augmentation. */
  readonly trainingJitter?: number | undefined
  /** For images and masks, as decoded or at the model's size. 512 MiB. */
  readonly cacheBytes?: number
  /** Samples prepared before they are asked for. */
  readonly ahead?: number
}

export interface Reader {
  /** Shuffled and augmented by seed and epoch; `from` skips the first samples, for a run that goes on within an epoch. */
  readonly training: (cases: readonly Case[], epoch: number, from?: number) => AsyncGenerator<Sample, void, undefined>
  /** In order, as they are. */
  readonly evaluation: (cases: readonly Case[]) => AsyncGenerator<Sample, void, undefined>
  /** Cases whose mask has foreground, in order: the others cannot be prompted from it. */
  readonly withForeground: (cases: readonly Case[]) => Promise<readonly Case[]>
}

/** How far a prompt from the mask is moved at most, and by which draws for a sample. */
interface Jitter {
  readonly share: number
  readonly draws: (key: string) => Random
}
const jitterOf = (share: number | undefined, draws: Jitter["draws"]): Jitter | undefined =>
  share === undefined ? undefined : { share, draws }

/** Samples throw what `loadCase` throws, and HS4402 for a prompt that is missing. */
export const reader = (options: ReaderOptions): Reader => {
  const { pixels: seen, seed = 0, prompt = { kind: "centre" }, augmentation = noAugmentation, sampling } = options
  const { cacheBytes = 512 * 2 ** 20, ahead = 2 } = options
  // What is used no more goes first: decoded images, once they are resized and nothing augments them.
  const kept = leastRecentlyUsed<Pixels | Resized>(cacheBytes)

  const load = async (one: Case): Promise<Pixels> => {
    const known = kept.get(`as decoded ${one.id}`)
    if (known !== undefined) return known
    const { image, mask } = await loadCase(one, options)
    kept.set(`as decoded ${one.id}`, { image, mask }, image.data.length + mask.data.length)
    return { image, mask }
  }
  /** As every epoch sees it that is not augmented: resized once. */
  const loadResized = async (one: Case): Promise<Resized> => {
    const known = kept.get(`resized ${one.id}`)
    if (known !== undefined) return known as Resized
    const { image, mask } = await load(one)
    const made = resizedTo(image, mask, seen)
    kept.set(`resized ${one.id}`, made, made.image.data.length + mask.data.length + made.resizedMask.data.length)
    return made
  }

  /** Of a prompt that comes from outside, not from the mask. */
  const givenPoint = (one: Case, { width, height }: Mask): Point | undefined => {
    if (prompt.kind !== "file" && prompt.kind !== "localizer") return undefined
    const point = options.points?.get(spelled(one.id))
    if (point !== undefined && point.x >= 0 && point.y >= 0 && point.x < width && point.y < height) return point
    throw failed(
      one.image,
      "HS4402",
      point === undefined
        ? `there is no point for ${one.id}`
        : `the point (${point.x}, ${point.y}) of ${one.id} lies outside its image of ${width} × ${height} pixels`,
      "Give a point for each case, in pixels of the original image, x first.",
    )
  }

  const sample = (
    { case: one, key }: Shown,
    resized: Resized,
    given: Point | undefined,
    epoch: number,
    jitter: Jitter | undefined,
  ): Sample => {
    const { mask } = resized
    const random = () => stream(seed, "prompt", epoch, key)
    const asked =
      // Asked by a box, a model may still be taught the point.
      prompt.kind === "centre" || prompt.kind === "box"
        ? centreOf(mask)
        : prompt.kind === "randomInside"
          ? randomInsideOf(mask, random())
          : given
    const around = jitter === undefined ? undefined : boxOf(mask)
    const draws = around === undefined ? undefined : jitter!.draws(key)
    const fromMask = prompt.kind === "centre" || prompt.kind === "randomInside"
    const point =
      draws !== undefined && asked !== undefined && fromMask
        ? movedPoint(asked, around!, jitter!.share, draws, mask)
        : asked
    const prepared = prepare(resized, { point, centre: options.centres ? centreOf(mask) : undefined }, seen)
    const exact = prompt.kind === "box" ? boxOf(mask) : undefined
    const box = exact !== undefined && draws !== undefined ? movedBox(exact, jitter!.share, draws, mask) : exact
    if (box === undefined) return { case: one, ...prepared }
    const size = prepared.resizedMask
    const [a, b] = [scalePoint({ x: box.x0, y: box.y0 }, mask, size), scalePoint({ x: box.x1, y: box.y1 }, mask, size)]
    return { case: one, ...prepared, box: [a.x, a.y, b.x, b.y] }
  }

  const plain = async (shown: Shown, epoch: number, jitter: Jitter | undefined): Promise<Sample> => {
    const { case: one } = shown
    const resized = await loadResized(one)
    return sample(shown, resized, givenPoint(one, resized.mask), epoch, jitter)
  }
  const augmented = async (shown: Shown, epoch: number, jitter: Jitter | undefined): Promise<Sample> => {
    const { case: one, key } = shown
    const pixels = await load(one)
    const drawn = draw(augmentation, seed, epoch, key)
    const { image, mask, point } = augmentWith({ ...pixels, point: givenPoint(one, pixels.mask) }, drawn)
    return sample(shown, resizedTo(image, mask, seen), point, epoch, jitter)
  }
  const augments = Object.values(augmentation).some(Boolean)
  const known = new WeakMap<readonly Case[], readonly number[]>()
  const weightsOf = async (cases: readonly Case[]): Promise<readonly number[]> => {
    const before = known.get(cases)
    if (before !== undefined) return before
    const shown: (readonly number[])[] = []
    for await (const classes of prefetch(cases, async (one) => shownIn((await load(one)).mask), 4)) shown.push(classes)
    const weights = rarity(shown)
    known.set(cases, weights)
    return weights
  }
  return {
    async *training(cases, epoch, from = 0) {
      const order = epochOf(cases, seed, epoch, sampling?.kind === "balanced" ? await weightsOf(cases) : undefined)
      const { trainingJitter: share } = options
      const jitter = jitterOf(share, (key) => stream(seed, "jitter", epoch, key))
      const read = (one: Shown) => (augments ? augmented(one, epoch, jitter) : plain(one, epoch, jitter))
      yield* prefetch(order.slice(from), read, ahead)
    },
    evaluation: (cases) => {
      const jitter = jitterOf(options.jitter, (key) => stream(seed, "jitter", key))
      return prefetch(cases, (one) => plain({ case: one, key: one.id }, 0, jitter), ahead)
    },
    withForeground: async (cases) => {
      const kept: Case[] = []
      const looked = prefetch(cases, async (one) => ({ one, filled: area((await load(one)).mask) > 0 }), 4)
      for await (const { one, filled } of looked) if (filled) kept.push(one)
      return kept
    },
  }
}
