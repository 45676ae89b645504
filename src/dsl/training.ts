/** Training as data: what the commands do unless an option says otherwise. */
import type { Backbone, Model, ModelData } from "./model.ts"
import { callSite } from "./place.ts"
import { type PartRates, type Rates, ratesFor } from "./rates.ts"
import { promptingOf, type Taught } from "./task.ts"

export type Optimizer =
  | { readonly kind: "adam"; readonly rate: number; readonly betas: readonly [number, number]; readonly eps: number }
  | {
      readonly kind: "adamW"
      readonly rate: number
      readonly betas: readonly [number, number]
      readonly eps: number
      readonly weightDecay: number
    }
  | { readonly kind: "sgd"; readonly rate: number; readonly momentum: number }

interface AdamOptions {
  readonly rate: number
  readonly betas?: readonly [number, number]
  readonly eps?: number
}
/** As torch.optim.Adam. */
export const adam = ({ rate, betas = [0.9, 0.999], eps = 1e-8 }: AdamOptions): Optimizer => ({
  kind: "adam",
  rate,
  betas,
  eps,
})
/** As torch.optim.AdamW: decay apart from the gradient. */
export const adamW = ({
  rate,
  betas = [0.9, 0.999],
  eps = 1e-8,
  weightDecay = 0.01,
}: AdamOptions & { readonly weightDecay?: number }): Optimizer => ({ kind: "adamW", rate, betas, eps, weightDecay })
/** As torch.optim.SGD. */
export const sgd = ({ rate, momentum = 0 }: { readonly rate: number; readonly momentum?: number }): Optimizer => ({
  kind: "sgd",
  rate,
  momentum,
})

/** Of an output that the model teaches, and its target: a mask in 0…1, the number of a class, a point. */
export type Loss =
  | { readonly kind: "dice"; readonly smooth: number; readonly over?: "classes" | "batch" }
  | { readonly kind: "bceWithLogits" }
  | { readonly kind: "mse" }
  | { readonly kind: "crossEntropy"; readonly weights?: readonly number[] }
  | { readonly kind: "focal"; readonly gamma: number; readonly alpha?: number }
  | { readonly kind: "tversky"; readonly alpha: number; readonly beta: number; readonly smooth: number }
  /** Of one output, where the model teaches several. */
  | { readonly kind: "on"; readonly output: string; readonly loss: Loss }
  | { readonly kind: "sum"; readonly terms: readonly { readonly weight: number; readonly loss: Loss }[] }

/**
 * Of a mask: 1 − (2·Σpt + smooth) / (Σp + Σt + smooth), p = sigmoid(logits), each image by itself, then the mean; over the batch: all
 * its images as one.
 * Over classes: the mean over classes, background included, of 1 − (2·Σpt + smooth) / (Σp² + Σt² + smooth), p = softmax(logits) over all
 * images of the batch, as TransUNet's and SAMed's DiceLoss.
 */
export const dice = ({
  smooth = 1,
  over,
}: {
  readonly smooth?: number
  readonly over?: "classes" | "batch"
} = {}): Loss => ({
  kind: "dice",
  smooth,
  ...(over === undefined ? {} : { over }),
})
/** Mean binary cross-entropy over all pixels of a mask, as torch's binary_cross_entropy_with_logits. */
export const bceWithLogits = (): Loss => ({ kind: "bceWithLogits" })
/** Mean squared error of a point, or of a mask's logits. */
export const mse = (): Loss => ({ kind: "mse" })
/** Of classes: mean over all pixels of −log softmax(logits) at the true class, as torch's cross_entropy; weighted by class where weights are given. */
export const crossEntropy = ({ weights }: { readonly weights?: readonly number[] } = {}): Loss => ({
  kind: "crossEntropy",
  ...(weights === undefined ? {} : { weights }),
})
/** Of a mask or classes: the mean of α(1 − pₜ)^γ · cross-entropy, pₜ the probability of the truth (Lin et al. 2017); of masks, α for foreground and 1 − α for background. */
export const focal = ({ gamma = 2, alpha }: { readonly gamma?: number; readonly alpha?: number } = {}): Loss => ({
  kind: "focal",
  gamma,
  ...(alpha === undefined ? {} : { alpha }),
})
/** Of a mask or classes: 1 − (Σpt + s) / (Σpt + α·Σp(1 − t) + β·Σ(1 − p)t + s), each image by itself, of classes the mean over them (Salehi et al. 2017). */
export const tversky = ({
  alpha = 0.3,
  beta = 0.7,
  smooth = 1,
}: {
  readonly alpha?: number
  readonly beta?: number
  readonly smooth?: number
} = {}): Loss => ({
  kind: "tversky",
  alpha,
  beta,
  smooth,
})
/** A loss of one output, where the model teaches several: `add(on("masks", dice()), on("point", mse()))`. */
export const on = (output: string, loss: Loss): Loss => ({ kind: "on", output, loss })
/** A loss times a factor. */
export const weighted = (weight: number, loss: Loss): Loss => ({ kind: "sum", terms: [{ weight, loss }] })
/** The sum of losses. */
export const add = (...losses: readonly Loss[]): Loss => ({
  kind: "sum",
  terms: losses.map((loss) => ({ weight: 1, loss })),
})

/** Where a prompt comes from. */
export type Prompt =
  | { readonly kind: "centre" }
  | { readonly kind: "randomInside" }
  | { readonly kind: "localizer" }
  | { readonly kind: "file" }
  | { readonly kind: "box" }
/** The mask's centre. */
export const centre: Prompt = { kind: "centre" }
/** A random pixel of the mask, another in each epoch. */
export const randomInside: Prompt = { kind: "randomInside" }
/** Predicted by a localizer that was trained before. */
export const localizer: Prompt = { kind: "localizer" }
/** Read from a file of points. */
export const fromFile: Prompt = { kind: "file" }
/** The mask's bounding box. */
export const box: Prompt = { kind: "box" }

/** How the learning rate goes over the epochs. */
export type RateSchedule =
  | { readonly kind: "constant" }
  | { readonly kind: "cosine"; readonly warmup: number; readonly floor: number }
  | { readonly kind: "step"; readonly every: number; readonly factor: number }
  | { readonly kind: "polynomial"; readonly power: number; readonly warmup: number; readonly floor: number }
export const constantRate: RateSchedule = { kind: "constant" }
/** Linear over `warmup` epochs, then half a cosine down to floor · rate. */
export const cosineRate = ({ warmup = 0, floor = 0 } = {}): RateSchedule => ({ kind: "cosine", warmup, floor })
/** Times `factor` after every `every` epochs. */
export const stepRate = (every: number, factor: number): RateSchedule => ({ kind: "step", every, factor })
/** By step: linear over `warmup` steps, then (1 − share of the rest)^power down to floor · rate, as DeepLab, nnU-Net and SAMed decay. */
export const polynomialRate = ({ power = 0.9, warmup = 0, floor = 0 } = {}): RateSchedule => ({
  kind: "polynomial",
  power,
  warmup,
  floor,
})

/** What keeps gradients small: before a step, after those of accumulated batches are averaged. */
export type Clip = { readonly norm: number } | { readonly value: number }
/** All gradients together are made no longer than this, as torch's clip_grad_norm_. */
export const clipNorm = (norm: number): Clip => ({ norm })
/** Each number of a gradient is made no larger than this, either way, as torch's clip_grad_value_. */
export const clipValue = (value: number): Clip => ({ value })

/** What `autoLr` gives. */
export interface AutoLr {
  readonly kind: "autoLr"
  readonly order: number
  readonly relax: number
  readonly least: number
  readonly lowest: number
  readonly highest: number
  readonly before: number
  readonly trials: number
}
/**
 * Rates of blocks that are tuned while training, as AutoLR does (Ro and Choi, AAAI 2021): an epoch in which later blocks did not move more than earlier ones is
 * undone, and trained again with rates under which they should. Defaults are those of its authors' code.
 * - `order`: how well the blocks' movements have to ascend, 1 being sorted; after each epoch times `relax`, while it is above `least`.
 * - `lowest`, `highest`: the first block is to move so many times as far as the one that moved least, the last so many times as far as the one that moved most.
 * - `before`: the rate of what stands before the blocks, in rates of the first one.
 * - `trials`: an epoch is trained so often at most, and the last time is kept; the authors' code has no end.
 */
export const autoLr = ({
  order = 0.94,
  relax = 0.99,
  least = 0.8,
  lowest = 2,
  highest = 0.4,
  before = 0.5,
  trials = 10,
}: Partial<Omit<AutoLr, "kind">> = {}): AutoLr => ({
  kind: "autoLr",
  order,
  relax,
  least,
  lowest,
  highest,
  before,
  trials,
})

/** Which cases an epoch shows: each of them once in a new order, or rare ones more often. */
export type Sampling = { readonly kind: "each" | "balanced" }
/**
 * Rare cases come more often: an epoch draws as many cases as there are, with replacement, each with a weight of 1 / n, where n is how many cases show the rarest of
 * the classes that this one shows. A mask's classes are foreground and none; of an image without any, n is how many have none.
 */
export const balanced: Sampling = { kind: "balanced" }

export interface Augmentation {
  /** Left-right, with probability one half. */
  readonly flip: boolean
  /** Degrees, at most, either way. */
  readonly rotation: number
  /** 1 ± this, at most. */
  readonly scale: number
  /** Brightness factor 1 ± this, at most. */
  readonly gain: number
}
export const noAugmentation: Augmentation = { flip: false, rotation: 0, scale: 0, gain: 0 }

/** How engines that know several ways compute products; sums, weights and the optimizer are float32 in all of them. */
export const precisions = ["float32", "tf32", "bf16"] as const
export type Precision = (typeof precisions)[number]

/** How the CPU engine keeps frozen weights of linear layers and convolutions; products are float32 all the same. */
export const storages = ["float32", "bf16", "int8"] as const
export type Storage = (typeof storages)[number]

export interface TrainingOptions {
  readonly optimizer: Optimizer
  readonly loss: Loss
  readonly epochs: number
  readonly batch: number
  /** Batches whose gradients are averaged before a step. */
  readonly accumulate: number
  readonly prompt: Prompt
  /** Prompts from the mask are moved by up to this share of the sides of its box, otherwise in each epoch, as people prompt; validation asks exactly. */
  readonly jitter?: number
  readonly rateSchedule: RateSchedule
  readonly augmentation: Augmentation
  readonly seed: number
  /** Of parts, in place of the optimizer's rate. */
  readonly rates?: readonly PartRates[]
  /** Left out: rates are as said. */
  readonly autoLr?: AutoLr
  readonly clip?: Clip
  /** Epochs without a better validation after which training ends; left out, it does not. */
  readonly patience?: number
  /** Left out: every case once an epoch, in a new order. */
  readonly sampling?: Sampling
  /** float32 where it is left out, and on targets that know nothing else. */
  readonly precision?: Precision
  /** float32 where it is left out: as the checkpoint has them. */
  readonly frozen?: Storage
}
export interface Training extends TrainingOptions {
  readonly kind: "training"
  readonly model: ModelData
  readonly at?: string
}

/** What asks the model, of a prompt. */
export const asks = ({ kind }: Prompt): "points" | "box" => (kind === "box" ? "box" : "points")
/** Why a jitter would do nothing: only prompts that come from the mask are moved. */
export const unmoved = ({ kind }: Prompt, { takes }: Pick<ModelData, "takes">): string | undefined =>
  promptingOf(takes).length === 0
    ? "jitter does nothing for a model that takes no prompt"
    : kind === "file" || kind === "localizer"
      ? `jitter does nothing with the prompt '${kind}'`
      : undefined

/** The prompt that a model is trained with where nothing is said: a point where it takes one, else a box. */
export const defaultPrompt = ({ takes }: Pick<ModelData, "takes">): Prompt => {
  const kinds = promptingOf(takes)
  return kinds.includes("box") && !kinds.includes("points") ? box : centre
}

/** Section 4.1 of the paper: Adam, 5e-4, batch 1, 400 epochs. Loss and seed are not given there. */
export const paperDefaults: TrainingOptions = {
  optimizer: adam({ rate: 5e-4 }),
  loss: add(dice(), bceWithLogits()),
  epochs: 400,
  batch: 1,
  accumulate: 1,
  prompt: centre,
  rateSchedule: constantRate,
  augmentation: noAugmentation,
  seed: 0,
}

/** The loss where nothing is said, of what a model is taught: masks Dice and cross-entropy, classes the same over classes, points the squared error. */
const lossOfTaught = ({ kind }: Taught): Loss =>
  kind === "point" ? mse() : kind === "classes" ? add(crossEntropy(), dice({ over: "classes" })) : paperDefaults.loss
export const defaultLoss = ({ teaches }: Pick<ModelData, "teaches">): Loss => {
  const taught = Object.entries(teaches)
  const [first] = taught
  if (first === undefined) return paperDefaults.loss
  return taught.length === 1
    ? lossOfTaught(first[1])
    : add(...taught.map(([output, of]) => on(output, lossOfTaught(of))))
}
/** How a model is trained where its spec says nothing: as the paper, with the loss and the prompt that it can have. */
export const defaultsFor = (model: Pick<ModelData, "takes" | "teaches">): TrainingOptions => ({
  ...paperDefaults,
  loss: defaultLoss(model),
  prompt: defaultPrompt(model),
})

/** How a model is trained, exported beside it. What is not said is as `defaultsFor` the model. */
export const training = <B extends Backbone, L extends string>(
  model: Model<B, L>,
  {
    rates,
    ...options
  }: Partial<Omit<TrainingOptions, "rates">> & { readonly rates?: Rates<B["part"] | "adapters"> } = {},
): Training => {
  const at = callSite()
  return {
    kind: "training",
    ...defaultsFor(model.data),
    ...options,
    ...(rates === undefined ? {} : { rates: ratesFor(rates, model.data) }),
    model: model.data,
    ...(at === undefined ? {} : { at }),
  }
}

export const isTraining = (x: unknown): x is Training =>
  typeof x === "object" && x !== null && (x as { kind?: unknown }).kind === "training" && "optimizer" in x
