"""The losses of specs. Which one a model is trained with stands in settings.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from task import Taught, Teaches
from task.classes import Classes
from task.masks import at_resolution
from task.point import TaughtPoint


@dataclass(frozen=True)
class Term:
    """A loss times a weight; a model's loss is a sum of these."""

    weight: float
    kind: str
    # The output that it is of, where the model teaches several.
    output: str | None = None
    over: str | None = None
    smooth: float = 1.0
    weights: tuple[float, ...] | None = None
    gamma: float = 2.0
    alpha: float | None = None
    beta: float = 0.0


def dice(logits: Tensor, target: Tensor, smooth: float, over: str | None) -> Tensor:
    """1 - (2 Σpt + smooth) / (Σp + Σt + smooth) of each image, then the mean.

    Over the batch: all its images as one.
    """
    p = logits.sigmoid().flatten(1)
    t = target.expand_as(logits).flatten(1)
    if over == "batch":
        p, t = p.reshape(1, -1), t.reshape(1, -1)
    overlap = 2 * (p * t).sum(1) + smooth
    return (1 - overlap / (p.sum(1) + t.sum(1) + smooth)).mean()


def numbers(target: Tensor) -> Tensor:
    """[b, 1, h, w] → [b, h, w], the numbers of classes."""
    return target[:, 0].long()


def one_hot(logits: Tensor, target: Tensor) -> Tensor:
    """1 at the true class: [b, classes, h, w]."""
    hot = F.one_hot(numbers(target), logits.shape[1])
    return hot.permute(0, 3, 1, 2).to(logits.dtype)


def dice_over_classes(logits: Tensor, target: Tensor, smooth: float) -> Tensor:
    """1 - (2 Σpt + s) / (Σp² + Σt² + s) of each class in the batch, then the mean."""
    p, t = logits.softmax(1), one_hot(logits, target)
    axes = (0, 2, 3)
    overlap = 2 * (p * t).sum(axes) + smooth
    return (1 - overlap / ((p * p).sum(axes) + (t * t).sum(axes) + smooth)).mean()


def cross_entropy(
    logits: Tensor, target: Tensor, weights: Sequence[float] | None
) -> Tensor:
    weight = None if weights is None else logits.new_tensor(weights)
    return F.cross_entropy(logits, numbers(target), weight)


def focal(
    logits: Tensor, target: Tensor, taught: Taught, gamma: float, alpha: float | None
) -> Tensor:
    """The mean of α (1 - p of the truth)^γ times the cross-entropy."""
    if isinstance(taught, Classes):
        entropy = F.cross_entropy(logits, numbers(target), reduction="none")
        loss = (1 - (-entropy).exp()) ** gamma * entropy
        return loss.mean() * (1.0 if alpha is None else alpha)
    p, t = logits.sigmoid(), target.expand_as(logits)
    entropy = F.binary_cross_entropy_with_logits(logits, t, reduction="none")
    loss = (p * (1 - t) + (1 - p) * t) ** gamma * entropy
    if alpha is not None:
        loss = loss * (t * alpha + (1 - t) * (1 - alpha))
    return loss.mean()


def tversky(
    logits: Tensor,
    target: Tensor,
    taught: Taught,
    rates: tuple[float, float],
    smooth: float,
) -> Tensor:
    """1 - (Σpt + s) / (Σpt + α Σp(1 - t) + β Σ(1 - p)t + s) of each plane."""
    if isinstance(taught, Classes):
        p, t = logits.softmax(1), one_hot(logits, target)
    else:
        p, t = logits.sigmoid(), target.expand_as(logits)
    both, only_p, only_t = (x.sum((2, 3)) for x in (p * t, p * (1 - t), (1 - p) * t))
    sizes = both + rates[0] * only_p + rates[1] * only_t
    return (1 - (both + smooth) / (sizes + smooth)).mean()


def term_of(term: Term, output: Tensor, target: Tensor, taught: Taught) -> Tensor:
    if term.kind == "dice" and term.over == "classes":
        return dice_over_classes(output, target, term.smooth)
    if term.kind == "dice":
        return dice(output, target, term.smooth, term.over)
    if term.kind == "bceWithLogits":
        target = target.expand_as(output)
        return F.binary_cross_entropy_with_logits(output, target)
    if term.kind == "mse":
        return F.mse_loss(output, target.expand_as(output))
    if term.kind == "crossEntropy":
        return cross_entropy(output, target, term.weights)
    if term.kind == "focal":
        return focal(output, target, taught, term.gamma, term.alpha)
    if term.kind == "tversky":
        rates = (term.alpha or 0.0, term.beta)
        return tversky(output, target, taught, rates, term.smooth)
    raise ValueError(f"there is no loss {term.kind!r} in losses.py")


def loss_of(
    terms: Sequence[Term],
    outputs: Mapping[str, Tensor],
    targets: Mapping[str, Tensor],
    teaches: Teaches,
) -> Tensor:
    """What training makes small: outputs and targets by the names of the outputs."""
    values = []
    for term in terms:
        name = term.output or next(iter(teaches))
        output, target = outputs[name].float(), targets[name]
        if not isinstance(teaches[name], TaughtPoint):
            target = at_resolution(target, output)
        values.append(term.weight * term_of(term, output, target, teaches[name]))
    return torch.stack(values).sum()
