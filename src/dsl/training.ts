/** Training as data: what the commands do unless an option says otherwise. */
import type { Backbone, Model, ModelData } from "./model.ts"
import { callSite } from "./place.ts"

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

/** Of mask logits and a target in 0…1. */
export type Loss =
  | { readonly kind: "dice"; readonly smooth: number }
  | { readonly kind: "bceWithLogits" }
  /** Of points: outputs and targets from 0 to 1. */
  | { readonly kind: "mse" }
  | { readonly kind: "sum"; readonly terms: readonly { readonly weight: number; readonly loss: Loss }[] }

/** 1 − (2·Σpt + smooth) / (Σp + Σt + smooth), p = sigmoid(logits), each image by itself, then the mean. */
export const dice = ({ smooth = 1 }: { readonly smooth?: number } = {}): Loss => ({ kind: "dice", smooth })
/** Mean binary cross-entropy over all pixels, as torch's binary_cross_entropy_with_logits. */
export const bceWithLogits = (): Loss => ({ kind: "bceWithLogits" })
/** Mean squared error. */
export const mse = (): Loss => ({ kind: "mse" })
/** A loss times a factor. */
export const weighted = (weight: number, loss: Loss): Loss => ({ kind: "sum", terms: [{ weight, loss }] })
/** The sum of losses. */
export const add = (...losses: readonly Loss[]): Loss => ({
  kind: "sum",
  terms: losses.map((loss) => ({ weight: 1, loss })),
})

/** Where a point prompt comes from. */
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
export const constantRate: RateSchedule = { kind: "constant" }
/** Linear over `warmup` epochs, then half a cosine down to floor · rate. */
export const cosineRate = ({ warmup = 0, floor = 0 } = {}): RateSchedule => ({ kind: "cosine", warmup, floor })
/** Times `factor` after every `every` epochs. */
export const stepRate = (every: number, factor: number): RateSchedule => ({ kind: "step", every, factor })

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

export interface TrainingOptions {
  readonly optimizer: Optimizer
  readonly loss: Loss
  readonly epochs: number
  readonly batch: number
  /** Batches whose gradients are averaged before a step. */
  readonly accumulate: number
  readonly prompt: Prompt
  readonly rateSchedule: RateSchedule
  readonly augmentation: Augmentation
  readonly seed: number
  /** float32 where it is left out, and on targets that know nothing else. */
  readonly precision?: Precision
}
export interface Training extends TrainingOptions {
  readonly kind: "training"
  readonly model: ModelData
  readonly at?: string
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

/** How a model is trained, exported beside it. What is not said is `paperDefaults`. */
export const training = <B extends Backbone, L extends string>(
  model: Model<B, L>,
  options: Partial<TrainingOptions> = {},
): Training => {
  const at = callSite()
  return { kind: "training", ...paperDefaults, ...options, model: model.data, ...(at === undefined ? {} : { at }) }
}

export const isTraining = (x: unknown): x is Training =>
  typeof x === "object" && x !== null && (x as { kind?: unknown }).kind === "training" && "optimizer" in x
