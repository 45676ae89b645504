"""The losses of specs. Which one a model is trained with stands in settings.json."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from settings import Term


def dice(logits: Tensor, target: Tensor, smooth: float) -> Tensor:
    """1 - (2 Σpt + smooth) / (Σp + Σt + smooth) of each image, then the mean."""
    p = logits.sigmoid().flatten(1)
    t = target.expand_as(logits).flatten(1)
    overlap = 2 * (p * t).sum(1) + smooth
    return (1 - overlap / (p.sum(1) + t.sum(1) + smooth)).mean()


def bce_with_logits(logits: Tensor, target: Tensor) -> Tensor:
    """Mean binary cross-entropy over all pixels."""
    return F.binary_cross_entropy_with_logits(logits, target.expand_as(logits))


def mse(output: Tensor, target: Tensor) -> Tensor:
    """Mean squared error."""
    return F.mse_loss(output, target.expand_as(output))


def term_of(term: Term, output: Tensor, target: Tensor) -> Tensor:
    if term.kind == "dice":
        return dice(output, target, term.smooth)
    if term.kind == "bceWithLogits":
        return bce_with_logits(output, target)
    if term.kind == "mse":
        return mse(output, target)
    raise ValueError(f"there is no loss {term.kind!r} in losses.py")


def loss_of(terms: Sequence[Term], output: Tensor, target: Tensor) -> Tensor:
    """What training makes small."""
    values = [term.weight * term_of(term, output, target) for term in terms]
    return torch.stack(values).sum()
