/**
 * optimizer: the update of everything that receives a gradient, as nodes after the gradients. PyTorch's formulas:
 * torch.optim.Adam, AdamW (decay apart from the gradient) and SGD.
 */
import type { Clip, Optimizer } from "../../dsl/training.ts"
import type { Builder, Value } from "../ir/builder.ts"

/** What a step replaces: a parameter or a state input, by its name, → its next value. */
export type Updates = ReadonlyMap<string, Value>

/**
 * Scalars fed at each step. The corrections are worked out in float64 outside the graph: in float32, 1 − 0.999ᵗ loses four digits.
 */
interface Clock {
  readonly rate: Value
  /** rate / (1 − β₁ᵗ) */
  readonly stepSize: Value
  /** 1 / √(1 − β₂ᵗ) */
  readonly inverseRoot: Value
}

/** What to feed at step t, counted from 1, beside the batch. */
export const clockAt = (optimizer: Optimizer, rate: number, step: number): Readonly<Record<string, number>> => {
  if (optimizer.kind === "sgd") return { learning_rate: rate }
  const [beta1, beta2] = optimizer.betas
  return {
    learning_rate: rate,
    step_size: rate / (1 - beta1 ** step),
    inverse_root: 1 / Math.sqrt(1 - beta2 ** step),
  }
}

/** The clock of a tensor whose rate is not the optimizer's. */
const atRate = (b: Builder, clock: Clock, factor: number): Clock =>
  factor === 1 ? clock : { ...clock, rate: b.scale(clock.rate, factor), stepSize: b.scale(clock.stepSize, factor) }
/** The clock of a tensor whose rate is multiplied by an input. */
const tunedBy = (b: Builder, clock: Clock, feed: string | undefined): Clock => {
  if (feed === undefined) return clock
  const factor = b.input(feed, [])
  return { ...clock, rate: b.mul(clock.rate, factor), stepSize: b.mul(clock.stepSize, factor) }
}

/** Σx², axis by axis: one sum over a million elements rounds badly in float32. */
const squares = (b: Builder, x: Value): Value =>
  b.shapeOf(x).reduceRight<Value>((sum, _, axis) => b.reduceSum(sum, { axes: [axis], keepDims: false }), b.mul(x, x))

/** As torch's clip_grad_norm_ and clip_grad_value_. */
const clipped = (b: Builder, gradients: ReadonlyMap<string, Value>, clip: Clip | undefined): typeof gradients => {
  const each = (f: (gradient: Value) => Value) => new Map([...gradients].map(([name, g]) => [name, f(g)] as const))
  if (clip === undefined || gradients.size === 0) return gradients
  if ("value" in clip) return each((g) => b.clip(g, -clip.value, clip.value))
  const norm = b.sqrt([...gradients.values()].map((g) => squares(b, g)).reduce((sum, one) => b.add(sum, one)))
  const factor = b.minimum(b.div(b.scalar(clip.norm), b.shift(norm, 1e-6)), b.scalar(1))
  return each((g) => b.mul(g, factor))
}

type Update = (b: Builder, name: string, p: Value, g: Value, clock: Clock) => readonly (readonly [string, Value])[]

const oneMinus = (b: Builder, x: Value): Value => b.shift(b.neg(x), 1)
/** β·old + (1 − β)·newest */
const moving = (b: Builder, beta: number, old: Value, newest: Value): Value =>
  b.add(b.scale(old, beta), b.scale(newest, 1 - beta))

const adamUpdate =
  ([beta1, beta2]: readonly [number, number], eps: number, weightDecay: number): Update =>
  (b, name, p, g, { rate, stepSize, inverseRoot }) => {
    const shape = b.shapeOf(p)
    const [mName, vName] = [`adam/m/${name}`, `adam/v/${name}`]
    const m = moving(b, beta1, b.input(mName, shape), g)
    const v = moving(b, beta2, b.input(vName, shape), b.mul(g, g))
    const denominator = b.shift(b.mul(b.sqrt(v), inverseRoot), eps)
    const decayed = weightDecay === 0 ? p : b.mul(p, oneMinus(b, b.scale(rate, weightDecay)))
    return [
      [name, b.sub(decayed, b.mul(stepSize, b.div(m, denominator)))],
      [mName, m],
      [vName, v],
    ]
  }
const sgdUpdate =
  (momentum: number): Update =>
  (b, name, p, g, { rate }) => {
    if (momentum === 0) return [[name, b.sub(p, b.mul(rate, g))]]
    const buffer = `sgd/momentum/${name}`
    // PyTorch starts the buffer with the first gradient; from zeros, the same.
    const velocity = b.add(b.scale(b.input(buffer, b.shapeOf(p)), momentum), g)
    return [
      [name, b.sub(p, b.mul(rate, velocity))],
      [buffer, velocity],
    ]
  }

const updateOf = (optimizer: Optimizer): Update => {
  switch (optimizer.kind) {
    case "adam":
      return adamUpdate(optimizer.betas, optimizer.eps, 0)
    case "adamW":
      return adamUpdate(optimizer.betas, optimizer.eps, optimizer.weightDecay)
    case "sgd":
      return sgdUpdate(optimizer.momentum)
  }
}

export interface StepOptions {
  /** Runs whose gradients are averaged before a step. */
  readonly accumulate?: number | undefined
  readonly clip?: Clip | undefined
  /** Of tensors whose learning rate is not the optimizer's: how many times that it is. */
  readonly factors?: ReadonlyMap<string, number>
  /** Of tensors whose learning rate is tuned while training: the input [] that it is multiplied by. */
  readonly tuned?: ReadonlyMap<string, { readonly feed: string }> | undefined
}

/**
 * Next values of all that has a gradient. With `accumulate` > 1 gradients of that many runs are averaged: the input `apply` [] is 1 on the run
 * that steps and 0 on the others, and `accumulated/<name>` holds the sum so far.
 */
export const optimize = (
  b: Builder,
  optimizer: Optimizer,
  gradients: ReadonlyMap<string, Value>,
  { accumulate = 1, clip, factors = new Map(), tuned = new Map() }: StepOptions = {},
): Updates => {
  const clock: Clock = {
    rate: b.input("learning_rate", []),
    stepSize: b.input("step_size", []),
    inverseRoot: b.input("inverse_root", []),
  }
  const update = updateOf(optimizer)
  const updates = new Map<string, Value>()
  const sumOf = (name: string, gradient: Value): Value =>
    b.add(b.input(`accumulated/${name}`, b.shapeOf(gradient)), b.scale(gradient, 1 / accumulate))
  const sums =
    accumulate === 1 ? gradients : new Map([...gradients].map(([name, g]) => [name, sumOf(name, g)] as const))
  for (const [name, gradient] of clipped(b, sums, clip)) {
    const shape = b.shapeOf(gradient)
    const p = b.parameter(name, shape)
    const own = tunedBy(b, atRate(b, clock, factors.get(name) ?? 1), tuned.get(name)?.feed)
    if (accumulate === 1) {
      for (const [key, next] of update(b, name, p, gradient, own)) updates.set(key, next)
      continue
    }
    const apply = b.input("apply", [])
    const keep = oneMinus(b, apply)
    // x·1 + y·0 is x exactly: no rounding comes from choosing.
    const choose = (next: Value, old: Value) => b.add(b.mul(next, apply), b.mul(old, keep))
    for (const [key, next] of update(b, name, p, gradient, own))
      updates.set(key, choose(next, key === name ? p : b.input(key, shape)))
    updates.set(`accumulated/${name}`, b.mul(sums.get(name)!, keep))
  }
  return updates
}
