"""Classes, the background first: a plane of logits for each."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from task.masks import dice
from task.pixels import Pixels, undone
from task.sample import Mask, Sample


@dataclass(frozen=True)
class Classes:
    """Logits of classes, [b, classes, h, w]."""

    names: tuple[str, ...]


def classes_answer(output: Tensor, pixels: Pixels, sample: Sample) -> Tensor:
    """The output of one image as logits of all classes at the original size."""
    return undone(output[0], pixels, sample)


def classes_score(answer: Tensor, truth: Mask, classes: Classes) -> float:
    """Mean Dice over all classes but the background."""
    labels = answer.argmax(0)
    numbers = range(1, len(classes.names))
    return sum(dice(labels, truth, k) for k in numbers) / max(1, len(numbers))
