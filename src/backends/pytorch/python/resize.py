"""Resizing, with the same bytes as hasam's, whatever Pillow's version.

Bilinear with a support that grows when an image shrinks (so it is antialiased), across
first and then down, each rounded to 8 bits; weights in 22-bit fixed point.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from task.sample import Mask

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]
Weights = npt.NDArray[np.int32]
BITS = 22


@lru_cache(maxsize=256)
def taps(old: int, new: int) -> tuple[Places, Weights]:
    """[new, taps]: which pixels make each new one, and their weights."""
    scale = old / new
    support = max(scale, 1.0)
    most = 2 * int(np.ceil(support)) + 1
    places = np.zeros((new, most), np.int64)
    weights = np.zeros((new, most), np.int32)
    for i in range(new):
        centre = (i + 0.5) * scale
        low = max(0, int(centre - support + 0.5))
        high = min(old, int(centre + support + 0.5))
        triangle = [
            max(0.0, 1 - abs((k - centre + 0.5) / support)) for k in range(low, high)
        ]
        total = sum(triangle)
        places[i, : high - low] = range(low, high)
        weights[i, : high - low] = [int(w / total * 2**BITS + 0.5) for w in triangle]
    return places, weights


def along(data: Bytes, axis: int, new: int) -> Bytes:
    """Resized along one axis of [h, w, 3]."""
    old = data.shape[axis]
    if old == new:
        return data
    places, weights = taps(old, new)
    # Weights sum to 2^22 and values are below 2^8: the sum fits 32 bits.
    total: Weights = np.full([1] * data.ndim, 1 << (BITS - 1), np.int32)
    for k in range(places.shape[1]):
        shape = [new if i == axis else 1 for i in range(data.ndim)]
        values = np.take(data, places[:, k], axis).astype(np.int32)
        total = total + weights[:, k].reshape(shape) * values
    return np.clip(total >> BITS, 0, 255).astype(np.uint8)


def resize_image(image: Bytes, height: int, width: int) -> Bytes:
    return along(along(image, 1, width), 0, height)


def resize_mask(mask: Mask, height: int, width: int) -> Mask:
    """The old pixel under each new pixel's centre."""

    def nearest(old: int, new: int) -> Places:
        places = np.floor((np.arange(new) + 0.5) * old / new).astype(np.int64)
        return np.minimum(places, old - 1)

    rows = nearest(mask.shape[0], height)
    return mask[rows[:, None], nearest(mask.shape[1], width)[None, :]]
