/**
 * optimizer: the update of everything that receives a gradient, as nodes after the gradients. PyTorch's formulas:
 * torch.optim.Adam, AdamW (decay apart from the gradient) and SGD.
 */
import type { Optimizer } from "../../dsl/training.ts"
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

/**
 * Next values of all that has a gradient. With `accumulate` > 1 gradients of that many runs are averaged: the input `apply` [] is 1 on the run
 * that steps and 0 on the others, and `accumulated/<name>` holds the sum so far.
 */
export const optimize = (
  b: Builder,
  optimizer: Optimizer,
  gradients: ReadonlyMap<string, Value>,
  accumulate = 1,
): Updates => {
  const clock: Clock = {
    rate: b.input("learning_rate", []),
    stepSize: b.input("step_size", []),
    inverseRoot: b.input("inverse_root", []),
  }
  const update = updateOf(optimizer)
  const updates = new Map<string, Value>()
  for (const [name, gradient] of gradients) {
    const shape = b.shapeOf(gradient)
    const p = b.parameter(name, shape)
    if (accumulate === 1) {
      for (const [key, next] of update(b, name, p, gradient, clock)) updates.set(key, next)
      continue
    }
    const apply = b.input("apply", [])
    const keep = oneMinus(b, apply)
    const sum = b.add(b.input(`accumulated/${name}`, shape), b.scale(gradient, 1 / accumulate))
    // x·1 + y·0 is x exactly: no rounding comes from choosing.
    const choose = (next: Value, old: Value) => b.add(b.mul(next, apply), b.mul(old, keep))
    for (const [key, next] of update(b, name, p, sum, clock))
      updates.set(key, choose(next, key === name ? p : b.input(key, shape)))
    updates.set(`accumulated/${name}`, b.mul(sum, keep))
  }
  return updates
}
