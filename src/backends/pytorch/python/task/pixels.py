"""Images: fitted to what a network sees, fed, normalised, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from task.sample import Sample

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Pixels:
    """How an image becomes what the network sees."""

    # Height and width.
    size: tuple[int, int]
    channels: int
    # longestSide: upper left, the rest is padding; stretch: each side by itself.
    fit: str
    # What padding holds, channel by channel, 0…255.
    padding: tuple[float, ...]
    # inside: the network pads by itself, too.
    padded: str = "fed"
    mean: tuple[float, ...] | None = None
    deviation: tuple[float, ...] | None = None


def fitted_size(pixels: Pixels, height: int, width: int) -> tuple[int, int]:
    """Height and width of an image where the network sees it."""
    most = pixels.size
    if pixels.fit == "stretch":
        return most
    scale = min(most[0] / height, most[1] / width)

    def side(extent: int, limit: int) -> int:
        return min(limit, max(1, int(extent * scale + 0.5)))

    return side(height, most[0]), side(width, most[1])


def planes(image: Bytes, channels: int) -> Tensor:
    """[h, w, 3] as [channels, h, w]: grey; red, green, blue; any more are grey."""
    rgb = image.astype(np.float64)
    # Brightness as ITU-R 601 weighs it.
    grey = (299 * rgb[..., 0] + 587 * rgb[..., 1] + 114 * rgb[..., 2]) / 1000
    chosen = [grey if channels == 1 or c > 2 else rgb[..., c] for c in range(channels)]
    return torch.from_numpy(np.stack(chosen).astype(np.float32))


def placed(x: Tensor, size: tuple[int, int], fill: tuple[float, ...]) -> Tensor:
    """[c, h, w] in the upper left of a larger image."""
    whole = torch.tensor(fill, dtype=torch.float32).view(-1, 1, 1).repeat(1, *size)
    whole[:, : x.shape[1], : x.shape[2]] = x
    return whole


def pixel_feed(sample: Sample, pixels: Pixels) -> Tensor:
    """All images have the size that the network sees: batches have one shape."""
    return placed(sample.image, pixels.size, pixels.padding)


def normalised(x: Tensor, pixels: Pixels) -> Tensor:
    """(x - mean) / deviation, channel by channel."""
    if pixels.mean is not None:
        x = x - x.new_tensor(pixels.mean).view(-1, 1, 1)
    if pixels.deviation is not None:
        x = x / x.new_tensor(pixels.deviation).view(-1, 1, 1)
    return x


def undone(logits: Tensor, pixels: Pixels, sample: Sample) -> Tensor:
    """[n, h, w], which stands for all that the network sees, at the original size."""
    h, w = sample.resized_mask.shape
    full = logits[None]
    if full.shape[2:] != torch.Size(pixels.size):
        full = F.interpolate(full, pixels.size, mode="bilinear")
    return F.interpolate(full[..., :h, :w], sample.mask.shape, mode="bilinear")[0]
