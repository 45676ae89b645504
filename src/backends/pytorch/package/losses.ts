/** losses.py: the spec's loss, and nothing else. */
import type { Loss } from "../../../dsl/training.ts"
import { float } from "../python.ts"

const dice = `def dice(logits: Tensor, target: Tensor, smooth: float) -> Tensor:
    """1 - (2 Σpt + smooth) / (Σp + Σt + smooth) of each image, then the mean."""
    p = logits.sigmoid().flatten(1)
    t = target.expand_as(logits).flatten(1)
    overlap = 2 * (p * t).sum(1) + smooth
    return (1 - overlap / (p.sum(1) + t.sum(1) + smooth)).mean()`

const bce = `def bce_with_logits(logits: Tensor, target: Tensor) -> Tensor:
    """Mean binary cross-entropy over all pixels."""
    return F.binary_cross_entropy_with_logits(logits, target.expand_as(logits))`

const mse = `def mse(output: Tensor, target: Tensor) -> Tensor:
    """Mean squared error."""
    return F.mse_loss(output, target)`

type Leaf = Exclude<Loss, { kind: "sum" }>
const definitions: { readonly [K in Leaf["kind"]]: string } = { dice, bceWithLogits: bce, mse }

interface Term {
  readonly weight: number
  readonly loss: Leaf
}
/** A sum of sums as one. */
const termsOf = (loss: Loss, weight = 1): readonly Term[] =>
  loss.kind === "sum" ? loss.terms.flatMap((term) => termsOf(term.loss, weight * term.weight)) : [{ weight, loss }]

const call = (loss: Leaf): string => {
  switch (loss.kind) {
    case "dice":
      return `dice(output, target, smooth=${float(loss.smooth)})`
    case "bceWithLogits":
      return "bce_with_logits(output, target)"
    case "mse":
      return "mse(output, target)"
  }
}

/** `teaches`: masks, or points from 0 to 1. */
export const lossesPy = (loss: Loss, teaches: "mask" | "point", place: string | undefined): string => {
  const terms = termsOf(loss)
  const kinds = [...new Set(terms.map((term) => term.loss.kind))]
  const printed = terms.map(({ weight, loss }) => (weight === 1 ? call(loss) : `${float(weight)} * ${call(loss)}`))
  const sum = printed.join(" + ")
  const body =
    `    return ${sum}`.length <= 88
      ? `    return ${sum}`
      : `    return (\n        ${printed.join("\n        + ")}\n    )`
  const functional = kinds.some((kind) => kind !== "dice") ? "import torch.nn.functional as F\n" : ""
  return `"""The loss${place === undefined ? "" : ` of ${place}`}."""

from __future__ import annotations

${functional}from torch import Tensor

# What is taught: a mask's logits, or a point (x, y) from 0 to 1.
TEACHES = "${teaches}"


${kinds.map((kind) => definitions[kind]).join("\n\n\n")}


def loss_of(output: Tensor, target: Tensor) -> Tensor:
    """What training makes small."""
${body}
`
}
