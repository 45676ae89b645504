"""A point in the mask, as x and y from 0 to 1 of what the network sees."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from task.pixels import Pixels
from task.sample import Mask, Point, Sample


@dataclass(frozen=True)
class TaughtPoint:
    """[b, 2]"""


def point_target(sample: Sample, pixels: Pixels) -> Tensor:
    """Pixels count from their corner, so that centres lie at + 1/2."""
    height, width = pixels.size
    point = sample.point or Point(0.0, 0.0)
    return torch.tensor([(point.x + 0.5) / width, (point.y + 0.5) / height])


def point_answer(output: Tensor, pixels: Pixels, sample: Sample) -> Tensor:
    """x and y in pixels of the original image, beyond its border too."""
    seen_height, seen_width = pixels.size
    h, w = sample.resized_mask.shape
    height, width = sample.mask.shape
    x, y = output[0].tolist()
    return torch.tensor(
        [x * seen_width * width / w - 0.5, y * seen_height * height / h - 0.5]
    )


def is_hit(answer: Tensor, truth: Mask) -> bool:
    """Does it fall within the foreground? Beyond the border it is a miss."""
    height, width = truth.shape
    x, y = answer.tolist()
    column, row = math.floor(x + 0.5), math.floor(y + 0.5)
    inside = 0 <= column < width and 0 <= row < height
    return inside and bool(truth[row, column])
