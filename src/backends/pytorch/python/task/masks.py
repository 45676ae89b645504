"""One mask: its target, the way back to the original size, and its score."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from task.pixels import Pixels, placed, undone
from task.sample import Mask, Sample


@dataclass(frozen=True)
class MaskLogits:
    """Logits of a mask that was found before: fed by people, not by data sets."""

    size: tuple[int, int]


@dataclass(frozen=True)
class Masks:
    """Logits of one mask, [b, 1, h, w]."""


def mask_target(sample: Sample, pixels: Pixels) -> Tensor:
    """[1, height, width] of what the network sees: numbers of classes, or 0 and 1."""
    mask = torch.from_numpy(sample.resized_mask[None].astype("float32"))
    return placed(mask, pixels.size, (0.0,))


def at_resolution(target: Tensor, output: Tensor) -> Tensor:
    """A target as large as an output, by the nearest pixel."""

    def nearest(axis: int) -> Tensor:
        old, new = target.shape[axis], output.shape[axis]
        at = torch.arange(new, device=target.device, dtype=torch.float64) + 0.5
        return (at * old / new).floor().long().clamp(max=old - 1)

    if target.shape[2:] == output.shape[2:]:
        return target
    return target[:, :, nearest(2)][:, :, :, nearest(3)]


def mask_answer(output: Tensor, pixels: Pixels, sample: Sample) -> Tensor:
    """The output of one image [1, 1, h, w] as logits at the original size."""
    return undone(output[0], pixels, sample)[0]


def dice(predicted: Tensor, truth: Mask, value: int = 1) -> float:
    """Of what both have of one value; 1 where neither has any."""
    theirs = torch.from_numpy(truth == value)
    ours = predicted == value
    area = float(ours.sum() + theirs.sum())
    return 1.0 if area == 0 else 2 * float((ours & theirs).sum()) / area


def mask_score(answer: Tensor, truth: Mask) -> float:
    """Foreground is where the logit is positive."""
    return dice((answer > 0).long(), truth)
