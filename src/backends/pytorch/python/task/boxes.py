"""Box prompts, one an image."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from task.sample import Sample


@dataclass(frozen=True)
class Box:
    """x0, y0, x1, y1 in pixels of the fitted image: [4]."""


def box_feed(sample: Sample) -> Tensor:
    """A case without a box is asked about nothing: a box of no size."""
    return torch.tensor(sample.box or (0.0, 0.0, 0.0, 0.0))
