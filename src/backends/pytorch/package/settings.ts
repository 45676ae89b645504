/** settings.json: what a spec says of a model and of its training, for the package's settings.py. */

import { learningNames } from "../../../compiler/analysis/parameters.ts"
import { ratesOf, tunedDepths } from "../../../compiler/analysis/rates.ts"
import { receivingOf } from "../../../compiler/analysis/reach.ts"
import { standardSizes } from "../../../compiler/passes/elaborate/index.ts"
import type { ModelData } from "../../../dsl/model.ts"
import type { Takes, Teaches } from "../../../dsl/task.ts"
import { asks, type Loss, type TrainingOptions } from "../../../dsl/training.ts"
import { snake } from "../python.ts"

/** The fields of settings.py's `Facts`. */
export interface Facts {
  readonly name: string
  readonly version: string
  readonly spec: string
  readonly parameters: number
  readonly trainable: number
  readonly learns: readonly string[]
  readonly added: readonly string[]
  readonly shared: Readonly<Record<string, string>>
  readonly blocks: readonly string[]
  readonly takes: Takes
  readonly teaches: Teaches
}

/** A sum of sums as one: the fields of losses.py's `Term`. */
const termsOf = (loss: Loss, weight = 1, output?: string): readonly object[] =>
  loss.kind === "sum"
    ? loss.terms.flatMap((term) => termsOf(term.loss, weight * term.weight, output))
    : loss.kind === "on"
      ? termsOf(loss.loss, weight, snake(loss.output))
      : [{ weight, ...(output === undefined ? {} : { output }), ...loss }]

/** Names of tensors by the rate of their own: the fields of settings.py's `Rate`. */
const ownRates = (model: ModelData, { rates }: TrainingOptions): readonly object[] => {
  const own = [...ratesOf(model, rates)]
  return [...new Set(own.map(([, rate]) => rate))].map((rate) => ({
    rate,
    names: own.flatMap(([name, of]) => (of === rate ? [name] : [])),
  }))
}

/** The fields of tuning.py's `AutoLr`, depths with the names of what learns there and is reached by the loss. */
const tuningOf = ({ autoLr, ...options }: TrainingOptions, model: ModelData): object | null => {
  if (autoLr === undefined) return null
  const { kind: _, ...numbers } = autoLr
  const reached = receivingOf(model, learningNames(model), standardSizes(model, 1, asks(options.prompt)))
  const tuned = [...tunedDepths(model)].filter(([name]) => reached.has(name))
  const depths = [...new Set(tuned.map(([, { depth }]) => depth))].sort((a, b) => a - b)
  return {
    ...numbers,
    depths: depths.map((of) => ({
      depth: of,
      names: tuned.flatMap(([name, { depth }]) => (depth === of ? [name] : [])),
    })),
  }
}

/** Every field of `Settings` has a value, so that a change of one option needs no other. */
const trainingOf = (options: TrainingOptions, model: ModelData) => {
  const { optimizer, rateSchedule, augmentation } = options
  const cosine = rateSchedule.kind === "cosine" ? rateSchedule : { warmup: 0, floor: 0 }
  const polynomial = rateSchedule.kind === "polynomial" ? rateSchedule : { ...cosine, power: 1 }
  const clip = { norm: null, value: null, ...options.clip }
  const step = rateSchedule.kind === "step" ? rateSchedule : { every: 1, factor: 1 }
  return {
    loss: termsOf(options.loss),
    optimizer: optimizer.kind,
    rate: optimizer.rate,
    betas: optimizer.kind === "sgd" ? [0.9, 0.999] : optimizer.betas,
    eps: optimizer.kind === "sgd" ? 1e-8 : optimizer.eps,
    weight_decay: optimizer.kind === "adamW" ? optimizer.weightDecay : 0,
    momentum: optimizer.kind === "sgd" ? optimizer.momentum : 0,
    rate_schedule: rateSchedule.kind,
    warmup: polynomial.warmup,
    floor: polynomial.floor,
    power: polynomial.power,
    step_every: step.every,
    step_factor: step.factor,
    epochs: options.epochs,
    batch: options.batch,
    accumulate: options.accumulate,
    prompt: options.prompt.kind,
    jitter: options.jitter ?? null,
    seed: options.seed,
    rates: ownRates(model, options),
    auto_lr: tuningOf(options, model),
    clip_norm: clip.norm,
    clip_value: clip.value,
    patience: options.patience ?? null,
    sampling: options.sampling?.kind ?? null,
    augmentation,
  }
}

/** By the names that the network's inputs and outputs have in Python. */
const inPython = (named: Readonly<Record<string, object>>) =>
  Object.fromEntries(Object.entries(named).map(([name, of]) => [snake(name), of]))

export const settingsJson = ({ takes, teaches, ...facts }: Facts, options: TrainingOptions, of: ModelData): string => {
  const model = { ...facts, takes: inPython(takes), teaches: inPython(teaches) }
  const json = { $schema: "hasam/pytorch-settings/1", model, training: trainingOf(options, of) }
  return `${JSON.stringify(json, undefined, 2)}\n`
}
