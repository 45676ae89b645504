/** Losses of what a model is taught: a mask's logits, the logits of classes, a point; scalars. */
import type { Taught, Teaches } from "../../dsl/task.ts"
import type { Loss } from "../../dsl/training.ts"
import type { Builder, Value } from "../ir/builder.ts"
import type { Shape } from "../ir/graph.ts"

/** An output, what it is taught, and what it is compared with. */
export interface Pair {
  readonly output: string
  readonly taught: Taught
  readonly value: Value
  readonly target: Value
}

/** The input that an output is compared with: `target`, or `target/<output>` where a model teaches several. */
export const targetName = (teaches: Teaches, output: string): string =>
  Object.keys(teaches).length === 1 ? "target" : `target/${output}`

/** A target's shape: one plane for a mask, in 0…1, and for classes, with their numbers; a point has its output's. */
export const targetShape = (taught: Taught, output: Shape): Shape =>
  taught.kind === "point" ? output : [output[0] ?? 1, 1, ...output.slice(2)]

/**
 * Why an output cannot be taught this, if it cannot. Several masks of one thing, as a run with multimask gives, can each be compared with the
 * one target; a model is not trained so.
 */
export const unteachable = (
  output: string,
  taught: Taught,
  shape: Shape,
  { several = false } = {},
): string | undefined => {
  const found = `'${output}' is [${shape.join(", ")}]`
  switch (taught.kind) {
    case "masks":
      if (shape.length !== 4) return `${found}, but masks are taught to images of logits [batch, 1, height, width]`
      return several || shape[1] === 1
        ? undefined
        : `${found}: ${shape[1]} planes, but masks() teaches one; name what they are in classes(…)`
    case "classes":
      if (shape.length !== 4)
        return `${found}, but classes are taught to images of logits [batch, classes, height, width]`
      return shape[1] === taught.names.length
        ? undefined
        : `${found}: ${shape[1]} planes, but ${taught.names.length} classes are named`
    case "point":
      return shape.length === 2 && shape[1] === 2 ? undefined : `${found}, but a point is [batch, 2]`
  }
}

const can: { readonly [K in Exclude<Loss["kind"], "sum" | "on">]: readonly Taught["kind"][] } = {
  dice: ["masks"],
  bceWithLogits: ["masks"],
  mse: ["masks", "point"],
  crossEntropy: ["classes"],
  focal: ["masks", "classes"],
  tversky: ["masks", "classes"],
}
const comparable = (loss: Loss, { kind, ...taught }: Taught): boolean =>
  loss.kind === "sum" || loss.kind === "on"
    ? true
    : loss.kind === "dice" && loss.over === "classes"
      ? kind === "classes"
      : can[loss.kind].includes(kind) &&
        (loss.kind !== "crossEntropy" ||
          loss.weights === undefined ||
          loss.weights.length === (taught as { names: readonly string[] }).names.length)

/** What a loss cannot be of what a model teaches, as sentences. */
export const lossProblems = (loss: Loss, teaches: Teaches, on?: string): readonly string[] => {
  const outputs = Object.keys(teaches)
  if (outputs.length === 0) return ["the model teaches nothing: there is no output to compare with a target"]
  if (loss.kind === "sum") return loss.terms.flatMap((term) => lossProblems(term.loss, teaches, on))
  if (loss.kind === "on")
    return Object.hasOwn(teaches, loss.output)
      ? lossProblems(loss.loss, teaches, loss.output)
      : [`the loss is on '${loss.output}', which the model does not teach; it teaches ${outputs.join(", ")}`]
  if (on === undefined && outputs.length > 1)
    return [`the model teaches ${outputs.join(" and ")}: say on("${outputs[0]}", ${loss.kind}(…))`]
  const output = on ?? (outputs[0] as string)
  const taught = teaches[output] as Taught
  if (comparable(loss, taught)) return []
  if (loss.kind === "crossEntropy" && taught.kind === "classes")
    return [`crossEntropy has ${loss.weights?.length} weights, but '${output}' has ${taught.names.length} classes`]
  const cures = {
    masks: "dice(), bceWithLogits(), focal(), tversky() or mse()",
    classes: 'crossEntropy(), dice({ over: "classes" }), focal() or tversky()',
    point: "mse()",
  }
  return [`${loss.kind} cannot compare '${output}', which is taught ${taught.kind}: use ${cures[taught.kind]}`]
}

/** Axis by axis, last first: float32 sums over 10⁶ elements at once lose digits. */
const meanOf = (b: Builder, x: Value): Value => {
  const rank = b.shapeOf(x).length
  return rank === 0 ? x : meanOf(b, b.reduceMean(x, { axes: [rank - 1], keepDims: false }))
}
/** Sum over all axes but the first `kept`. */
const sumEach = (b: Builder, x: Value, kept = 1): Value => {
  const rank = b.shapeOf(x).length
  return rank <= kept ? x : sumEach(b, b.reduceSum(x, { axes: [rank - 1], keepDims: false }), kept)
}
const oneMinus = (b: Builder, x: Value): Value => b.shift(b.neg(x), 1)

/** 1 − (2·Σpt + smooth) / (Σp + Σt + smooth) of each image, then the mean over images; or of the whole batch. */
const dice = (b: Builder, logits: Value, target: Value, smooth: number, kept: 0 | 1): Value => {
  const p = b.sigmoid(logits)
  const t = b.broadcast(target, b.shapeOf(logits))
  const overlap = b.shift(b.scale(sumEach(b, b.mul(p, t), kept), 2), smooth)
  const sizes = b.shift(b.add(sumEach(b, p, kept), sumEach(b, t, kept)), smooth)
  return meanOf(b, oneMinus(b, b.div(overlap, sizes)))
}

/** Mean of softplus(x) − x·t, which is −t·log p − (1 − t)·log(1 − p) without overflow. */
const crossEntropyOfMask = (b: Builder, logits: Value, target: Value): Value =>
  b.sub(b.softplus(logits), b.mul(logits, target))

const mse = (b: Builder, x: Value, target: Value): Value => {
  const d = b.sub(x, target)
  return meanOf(b, b.mul(d, d))
}

interface Classes {
  /** log p, [b, h, w, classes] */
  readonly logs: Value
  /** 1 at the true class, of the same shape. */
  readonly truth: Value
}
/** logits [b, classes, h, w] and the numbers of classes [b, 1, h, w], pixel by pixel. */
const classesOf = (b: Builder, logits: Value, target: Value): Classes => {
  const x = b.transpose(logits, [0, 2, 3, 1])
  const shape = b.shapeOf(x)
  const centred = b.sub(x, b.broadcast(b.reduceMax(x, { axes: [3], keepDims: true }), shape))
  const total = b.log(b.reduceSum(b.exp(centred), { axes: [3], keepDims: true }))
  const ids = b.reshape(target, shape.slice(0, 3))
  return { logs: b.sub(centred, total), truth: b.oneHot(ids, { classes: shape[3] ?? 1 }) }
}

/** −log p of the true class at each pixel, [b, h, w]; times the class's weight. */
const crossEntropy = (b: Builder, logits: Value, target: Value, weights: readonly number[] | undefined): Value => {
  const { logs, truth } = classesOf(b, logits, target)
  const of = (x: Value) => b.reduceSum(x, { axes: [3], keepDims: false })
  if (weights === undefined) return meanOf(b, b.neg(of(b.mul(truth, logs))))
  // As torch: the weighted sum over the sum of the weights of what is there.
  const weighted = b.mul(truth, b.constant(weights, [weights.length]))
  return b.div(b.neg(sumEach(b, b.mul(weighted, logs), 0)), sumEach(b, weighted, 0))
}

/** Each class over the whole batch: 1 − (2·Σpt + s) / (Σp² + Σt² + s); then the mean over classes. */
const diceOverClasses = (b: Builder, logits: Value, target: Value, smooth: number): Value => {
  const { logs, truth } = classesOf(b, logits, target)
  const first = (x: Value) => sumEach(b, b.transpose(x, [3, 0, 1, 2]))
  const p = b.exp(logs)
  const overlap = b.shift(b.scale(first(b.mul(p, truth)), 2), smooth)
  const sizes = b.shift(b.add(first(b.mul(p, p)), first(b.mul(truth, truth))), smooth)
  return meanOf(b, oneMinus(b, b.div(overlap, sizes)))
}

/** xᵞ for x from 0 to 1; whole exponents by products, lest the logarithm of 0 is taken. */
const power = (b: Builder, x: Value, gamma: number): Value => {
  if (gamma === 0) return b.broadcast(b.scalar(1), b.shapeOf(x))
  if (Number.isInteger(gamma) && gamma <= 8)
    return Array.from({ length: gamma - 1 }).reduce<Value>((product) => b.mul(product, x), x)
  return b.exp(b.scale(b.log(b.maximum(x, b.broadcast(b.scalar(1e-12), b.shapeOf(x)))), gamma))
}

const focal = (
  b: Builder,
  { taught, value, target }: Pair,
  { gamma, alpha }: { readonly gamma: number; readonly alpha?: number },
): Value => {
  if (taught.kind === "classes") {
    const { logs, truth } = classesOf(b, value, target)
    const logOfTruth = b.reduceSum(b.mul(truth, logs), { axes: [3], keepDims: false })
    const weight = power(b, oneMinus(b, b.exp(logOfTruth)), gamma)
    return b.scale(meanOf(b, b.mul(weight, b.neg(logOfTruth))), alpha ?? 1)
  }
  const p = b.sigmoid(value)
  const t = b.broadcast(target, b.shapeOf(value))
  const wrong = b.add(b.mul(p, oneMinus(b, t)), b.mul(oneMinus(b, p), t))
  const loss = b.mul(power(b, wrong, gamma), crossEntropyOfMask(b, value, t))
  if (alpha === undefined) return meanOf(b, loss)
  return meanOf(b, b.mul(b.add(b.scale(t, alpha), b.scale(oneMinus(b, t), 1 - alpha)), loss))
}

const tversky = (
  b: Builder,
  { taught, value, target }: Pair,
  { alpha, beta, smooth }: { readonly alpha: number; readonly beta: number; readonly smooth: number },
): Value => {
  const [p, t] = ((): readonly [Value, Value] => {
    if (taught.kind !== "classes") return [b.sigmoid(value), b.broadcast(target, b.shapeOf(value))]
    const { logs, truth } = classesOf(b, value, target)
    return [b.transpose(b.exp(logs), [0, 3, 1, 2]), b.transpose(truth, [0, 3, 1, 2])]
  })()
  const each = (x: Value) => sumEach(b, x, 2)
  const both = each(b.mul(p, t))
  const onlyP = each(b.mul(p, oneMinus(b, t)))
  const onlyT = each(b.mul(oneMinus(b, p), t))
  const sizes = b.add(both, b.add(b.scale(onlyP, alpha), b.scale(onlyT, beta)))
  return meanOf(b, oneMinus(b, b.div(b.shift(both, smooth), b.shift(sizes, smooth))))
}

const lossOfPair = (b: Builder, loss: Exclude<Loss, { kind: "sum" | "on" }>, pair: Pair): Value => {
  const { value, target } = pair
  switch (loss.kind) {
    case "dice":
      return loss.over === "classes"
        ? diceOverClasses(b, value, target, loss.smooth)
        : dice(b, value, target, loss.smooth, loss.over === "batch" ? 0 : 1)
    case "bceWithLogits":
      return meanOf(b, crossEntropyOfMask(b, value, target))
    case "mse":
      return mse(b, value, target)
    case "crossEntropy":
      return crossEntropy(b, value, target, loss.weights)
    case "focal":
      return focal(b, pair, loss)
    case "tversky":
      return tversky(b, pair, loss)
  }
}

/** A spec's loss as a scalar of the graph; `lossProblems` said that it can be. */
export const lossOf = (b: Builder, loss: Loss, pairs: readonly Pair[]): Value => {
  if (loss.kind === "on")
    return lossOf(
      b,
      loss.loss,
      pairs.filter(({ output }) => output === loss.output),
    )
  if (loss.kind === "sum")
    return loss.terms
      .map(({ weight, loss }) => b.scale(lossOf(b, loss, pairs), weight))
      .reduce((sum, term) => b.add(sum, term))
  const [pair] = pairs
  if (pair === undefined) throw new Error("internal: a loss of no output")
  return lossOfPair(b, loss, pair)
}
