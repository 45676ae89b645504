/** Losses of mask logits [b, c, h, w] and a target of the same shape, or of points; scalars. */
import type { Loss } from "../../dsl/training.ts"
import type { Builder, Value } from "../ir/builder.ts"
import type { Shape } from "../ir/graph.ts"

/** Targets of images are one plane each; of anything else, of the output's shape. */
export const targetShape = (output: Shape): Shape =>
  output.length === 4 ? [output[0]!, 1, ...output.slice(2)] : output

/** Axis by axis, last first: float32 sums over 10⁶ elements at once lose digits. */
const meanOf = (b: Builder, x: Value): Value => {
  const rank = b.shapeOf(x).length
  return rank === 0 ? x : meanOf(b, b.reduceMean(x, { axes: [rank - 1], keepDims: false }))
}
/** Sum over all axes but the first. */
const sumEach = (b: Builder, x: Value): Value => {
  const rank = b.shapeOf(x).length
  return rank <= 1 ? x : sumEach(b, b.reduceSum(x, { axes: [rank - 1], keepDims: false }))
}

/** 1 − (2·Σpt + smooth) / (Σp + Σt + smooth) of each image, all its masks together; then the mean over images. */
const dice = (b: Builder, logits: Value, target: Value, smooth: number): Value => {
  const p = b.sigmoid(logits)
  const t = b.broadcast(target, b.shapeOf(logits))
  const overlap = b.shift(b.scale(sumEach(b, b.mul(p, t)), 2), smooth)
  const sizes = b.shift(b.add(sumEach(b, p), sumEach(b, t)), smooth)
  return meanOf(b, b.shift(b.neg(b.div(overlap, sizes)), 1))
}

/** Mean of softplus(x) − x·t, which is −t·log p − (1 − t)·log(1 − p) without overflow. */
const bceWithLogits = (b: Builder, logits: Value, target: Value): Value =>
  meanOf(b, b.sub(b.softplus(logits), b.mul(logits, target)))

const mse = (b: Builder, x: Value, target: Value): Value => {
  const d = b.sub(x, target)
  return meanOf(b, b.mul(d, d))
}

/** A spec's loss as a scalar of the graph. */
export const lossOf = (b: Builder, loss: Loss, output: Value, target: Value): Value => {
  switch (loss.kind) {
    case "dice":
      return dice(b, output, target, loss.smooth)
    case "bceWithLogits":
      return bceWithLogits(b, output, target)
    case "mse":
      return mse(b, output, target)
    case "sum":
      return loss.terms
        .map(({ weight, loss }) => b.scale(lossOf(b, loss, output, target), weight))
        .reduce((sum, term) => b.add(sum, term))
  }
}
