"""Images moved and brightened at random, mask and point with them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from settings import Augmentation
from streams import Stream
from task.sample import Mask, Point

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]


def augment(
    image: Bytes,
    mask: Mask,
    point: Point | None,
    options: Augmentation,
    stream: Stream,
) -> tuple[Bytes, Mask, Point | None]:
    """One affine map about the centre for image, mask and point; a gain for the image.

    A draw that would move all of a mask, or the point, out of sight keeps its gain.
    """
    flip = stream.uniform() < 0.5 and options.flip
    rotation = stream.between(-options.rotation, options.rotation)
    scale = stream.between(1 - options.scale, 1 + options.scale)
    gain = stream.between(1 - options.gain, 1 + options.gain)

    def brighter(x: Bytes) -> Bytes:
        if gain == 1:
            return x
        return np.minimum(255, np.floor(x * gain + 0.5)).astype(np.uint8)

    if not flip and rotation == 0 and scale == 1:
        return brighter(image), mask, point
    height, width = mask.shape
    angle = rotation * math.pi / 180
    cos, sin = math.cos(angle), math.sin(angle)
    cx, cy = (width - 1) / 2, (height - 1) / 2
    x, y = np.meshgrid(np.arange(width) - cx, np.arange(height) - cy)
    u = (cos * x + sin * y) / scale
    xs = cx + (-u if flip else u)
    ys = cy + (cos * y - sin * x) / scale
    moved = sample_mask(mask, xs, ys)
    target = point
    if point is not None:
        u0, v0 = (cx - point.x if flip else point.x - cx), point.y - cy
        target = Point(
            cx + scale * (cos * u0 - sin * v0), cy + scale * (sin * u0 + cos * v0)
        )
        if not (0 <= target.x <= width - 1 and 0 <= target.y <= height - 1):
            return brighter(image), mask, point
    if mask.any() and not moved.any():
        return brighter(image), mask, point
    return brighter(sample_image(image, xs, ys)), moved, target


def sample_mask(mask: Mask, xs: Floats, ys: Floats) -> Mask:
    height, width = mask.shape
    u, v = np.floor(xs + 0.5).astype(np.int64), np.floor(ys + 0.5).astype(np.int64)
    inside = (u >= 0) & (v >= 0) & (u < width) & (v < height)
    return inside * mask[v.clip(0, height - 1), u.clip(0, width - 1)]


def sample_image(image: Bytes, xs: Floats, ys: Floats) -> Bytes:
    """Bilinear; black outside."""
    padded = np.pad(image.astype(np.float64), ((1, 1), (1, 1), (0, 0)))
    height, width = image.shape[:2]
    u0, v0 = np.floor(xs), np.floor(ys)
    du, dv = (xs - u0)[..., None], (ys - v0)[..., None]
    left, right = ((u0.astype(int) + k).clip(0, width + 1) for k in (1, 2))
    above, below = ((v0.astype(int) + k).clip(0, height + 1) for k in (1, 2))
    top = padded[above, left] * (1 - du) + padded[above, right] * du
    bottom = padded[below, left] * (1 - du) + padded[below, right] * du
    return np.floor(top * (1 - dv) + bottom * dv + 0.5).astype(np.uint8)
