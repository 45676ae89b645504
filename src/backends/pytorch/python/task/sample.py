"""A case as models take it: fitted to what a network sees."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from torch import Tensor

# 0 outside, 1 inside; of classes, their numbers.
Mask = npt.NDArray[np.uint8]


class Point(NamedTuple):
    """In pixels, x first; the centre of pixel 0 is 0."""

    x: float
    y: float


class Sample(NamedTuple):
    # [channels, h, w], 0…255, as large as it lies in what the network sees.
    image: Tensor
    resized_mask: Mask
    # At the original size.
    mask: Mask
    # In pixels of the fitted image.
    point: Point | None
    box: tuple[float, float, float, float] | None
