"""Initial values from a seed, a tensor's name and an index: no state, no order.

The same bits as hasam's on every target: 32-bit integer arithmetic, sums and products
in float64, one rounding to float32.
"""

from __future__ import annotations

import math
from typing import NamedTuple, TypeVar, Union

import numpy as np
import numpy.typing as npt
import torch
import torch.nn as nn
from torch import Tensor

Words = npt.NDArray[np.uint32]
Floats = npt.NDArray[np.float32]


class Uniform(NamedTuple):
    """Evenly in ±bound."""

    bound: float


class Normal(NamedTuple):
    """Of mean 0: a sum of twelve uniforms."""

    std: float


class Fill(NamedTuple):
    value: float


class Values(NamedTuple):
    values: tuple[float, ...]


class Formula(NamedTuple):
    """A table that follows from a few numbers: see formula_values."""

    formula: str
    of: tuple[int, ...]


Init = Union[Uniform, Normal, Fill, Values, Formula]
Module = TypeVar("Module", bound=nn.Module)


def starting(layer: Module, init: Init) -> Module:
    """A layer whose weight and bias start otherwise than PyTorch's layers do."""
    layer.initial = {"weight": init, "bias": init}  # type: ignore[assignment]
    return layer


def mix(x: Words) -> Words:
    """A bijection of 32-bit numbers in which every bit moves half of the others."""
    x = x ^ (x >> np.uint32(16))
    x = x * np.uint32(0x21F0AAAD)
    x = x ^ (x >> np.uint32(15))
    x = x * np.uint32(0xD35A2D97)
    return x ^ (x >> np.uint32(15))


def word(x: int) -> Words:
    return np.array([x & 0xFFFFFFFF], dtype=np.uint32)


def fnv1a(text: str) -> int:
    value = 0x811C9DC5
    for byte in text.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def uniforms(key: Words, first: int, count: int) -> npt.NDArray[np.float64]:
    """`count` numbers from 0 to 1, from the one numbered `first` on."""
    second = mix(key ^ np.uint32(0x9E3779B9))
    index = np.arange(first, first + count, dtype=np.uint32)
    bits = mix(mix(index ^ key) + second)
    return (bits >> np.uint32(8)).astype(np.float64) / 2**24


def places(height: int, width: int) -> npt.NDArray[np.int64]:
    """[2, height · width]: row and column of each place."""
    return np.indices((height, width)).reshape(2, -1)


def formula_values(formula: str, of: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Rows of tables for pairs of places, and masks of shifted windows; flat."""
    if formula == "shiftedWindows":
        return shifted_windows(*of)
    height, width = of
    at = places(height, width)
    y, x = at[:, :, None] - at[:, None, :]
    if formula == "distances":
        return (abs(y) * width + abs(x)).ravel()
    if formula == "signedDistances":
        return ((y + height - 1) * (2 * width - 1) + x + width - 1).ravel()
    raise ValueError(f"there is no formula '{formula}'")


def shifted_windows(
    height: int, width: int, window: int, shift: int
) -> npt.NDArray[np.int64]:
    """0 between places that were neighbours before the shift, else -100."""

    def zones(side: int) -> npt.NDArray[np.int64]:
        place = np.arange(side)
        return (place >= side - window).astype(np.int64) + (place >= side - shift)

    grid = 3 * zones(height)[:, None] + zones(width)[None, :]
    cut = grid.reshape(height // window, window, width // window, window)
    cut = cut.transpose(0, 2, 1, 3).reshape(-1, window * window)
    same: npt.NDArray[np.int64] = cut[:, :, None] == cut[:, None, :]
    return np.where(same, 0, -100).ravel()


def initial_values(name: str, count: int, init: Init, seed: int) -> Floats:
    """A tensor's values, row by row."""
    if isinstance(init, Fill):
        return np.full(count, init.value, dtype=np.float32)
    if isinstance(init, Values):
        return np.resize(np.array(init.values, dtype=np.float32), count)
    if isinstance(init, Formula):
        return formula_values(*init).astype(np.float32)
    key = mix(word(fnv1a(name)) + mix(word(seed)))
    out = np.empty(count, dtype=np.float32)
    step = 1 << 16  # what fits into a core's cache
    for first in range(0, count, step):
        n = min(step, count - first)
        if isinstance(init, Uniform):
            values = (2 * uniforms(key, first, n) - 1) * init.bound
        else:
            drawn = uniforms(key, 12 * first, 12 * n).reshape(n, 12)
            values = (drawn.sum(1) - 6) * init.std
        out[first : first + n] = values
    return out


def usual(module: nn.Module, name: str) -> Init:
    """How PyTorch's layers start; tensors outside layers are zeros."""
    if isinstance(module, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d)):
        return Uniform(1 / math.sqrt(module.weight[0].numel()))
    if isinstance(module, nn.Embedding):
        return Normal(1.0)
    norms = (nn.LayerNorm, nn.GroupNorm, nn.BatchNorm1d, nn.BatchNorm2d)
    ones = isinstance(module, norms) and name in ("weight", "running_var")
    return Fill(1.0 if ones else 0.0)


@torch.no_grad()
def initialise(model: nn.Module, seed: int) -> None:
    """Gives every parameter and buffer its value for this seed."""
    done: set[int] = set()
    for path, module in model.named_modules():
        declared: dict[str, Init] = getattr(module, "initial", {})
        tensors: list[tuple[str, Tensor]] = [
            *module.named_parameters(recurse=False),
            *module.named_buffers(recurse=False),
        ]
        for name, tensor in tensors:
            if id(tensor) in done:  # shared: it has its value from its first place
                continue
            done.add(id(tensor))
            init = declared.get(name) or usual(module, name)
            whole = f"{path}.{name}" if path else name
            values = initial_values(whole, tensor.numel(), init, seed)
            tensor.copy_(torch.from_numpy(values).view(tensor.shape))
