"""Point prompts, one an image."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from task.sample import Point, Sample


@dataclass(frozen=True)
class Points:
    # coords: [n, 2], x first; labels: [n], 1 inside, 0 outside, -1 padding.
    part: str


def point_feed(sample: Sample, points: Points) -> Tensor:
    """A case without a point, such as an empty mask, is prompted with padding only."""
    if points.part == "labels":
        return torch.tensor([-1.0 if sample.point is None else 1.0])
    point = sample.point or Point(0.0, 0.0)
    return torch.tensor([[float(point.x), float(point.y)]])
