"""Layers and functions that PyTorch lacks, or has otherwise."""

from __future__ import annotations

from collections import OrderedDict
from functools import cache
from typing import NamedTuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from initial import Fill, formula_values, starting


class Chain(nn.Sequential):
    """Layers one after another, each with its name."""

    def __init__(self, **layers: nn.Module) -> None:
        super().__init__(OrderedDict(layers))


class Residual(nn.Sequential):
    """x + layers(x)."""

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = super().forward(x)
        return x + y


def add_input(module: nn.Module, args: tuple[Tensor], output: Tensor) -> Tensor:
    return args[0] + output


def residual(layer: nn.Module) -> nn.Module:
    """x + layer(x), without a level of its own in the names of parameters."""
    layer.register_forward_hook(add_input)  # type: ignore[arg-type]
    return layer


class ParallelSum(nn.Module):
    """The same input to all layers, their outputs added."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        for i, layer in enumerate(layers):
            self.add_module(str(i), layer)

    def forward(self, x: Tensor) -> Tensor:
        first, *rest = (layer(x) for layer in self.children())
        for y in rest:
            first = first + y
        return first


class ParallelConcat(nn.Module):
    """The same input to all layers, their outputs joined along the channels."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        for i, layer in enumerate(layers):
            self.add_module(str(i), layer)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([layer(x) for layer in self.children()], dim=1)


class GlobalAveragePool(nn.Module):
    """[b, c, h, w] → [b, c]."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


class DropPath(nn.Module):
    """Leaves out a branch of whole images with probability p while training."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        kept = x.new_empty(x.shape[0], *[1] * (x.dim() - 1)).bernoulli_(1 - self.p)
        return x * kept / (1 - self.p)


class StandardisedConv2d(nn.Conv2d):
    """A convolution whose filters have mean 0 and variance 1."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        eps: float = 1e-5,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
        )
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        variance, mean = torch.var_mean(
            self.weight, dim=(1, 2, 3), unbiased=False, keepdim=True
        )
        weight = (self.weight - mean) / (variance + self.eps).sqrt()
        return self._conv_forward(x, weight, self.bias)


class Embedding(nn.Embedding):
    """A table of vectors; ids may come as floats."""

    def forward(self, ids: Tensor) -> Tensor:
        return super().forward(ids.long())


class LayerNorm2d(nn.Module):
    """Over the channels of an image, at each pixel: [b, c, h, w]."""

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.initial = {"weight": Fill(1.0)}
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        pixels = x.permute(0, 2, 3, 1)
        shape = self.weight.shape
        pixels = F.layer_norm(pixels, shape, self.weight, self.bias, self.eps)
        return pixels.permute(0, 3, 1, 2)


class Lora(NamedTuple):
    """W + scale · B A on `rows` rows of a weight, from the row `first` on."""

    name: str
    rank: int
    first: int
    rows: int
    scale: float


class LoraLinear(nn.Linear):
    """A linear layer with updates lora_a_… [rank, in] and lora_b_… [rows, rank]."""

    def __init__(
        self, in_features: int, out_features: int, *updates: Lora, bias: bool = True
    ) -> None:
        super().__init__(in_features, out_features, bias=bias)
        self.updates = updates
        for update in updates:
            down = nn.Linear(in_features, update.rank, bias=False)
            up = starting(nn.Linear(update.rank, update.rows, bias=False), Fill(0.0))
            self.add_module(self.child("lora_a", update), down)
            self.add_module(self.child("lora_b", update), up)

    @staticmethod
    def child(kind: str, update: Lora) -> str:
        return f"{kind}_{update.name}" if update.name else kind

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x)
        for update in self.updates:
            down = self.get_submodule(self.child("lora_a", update))
            up = self.get_submodule(self.child("lora_b", update))
            change = update.scale * up(down(x))
            after = self.out_features - update.first - update.rows
            y = y + F.pad(change, (update.first, after))
        return y


def windows(x: Tensor, size: int) -> Tensor:
    """[b, h, w, c] → [b · windows, size, size, c]; zeros pad the bottom and right."""
    h, w = x.shape[1:3]
    x = F.pad(x, (0, 0, 0, -w % size, 0, -h % size))
    x = x.unflatten(2, (-1, size)).unflatten(1, (-1, size))
    return x.transpose(2, 3).flatten(0, 2)


def repeat_each(x: Tensor, like: Tensor) -> Tensor:
    """What belongs to an image, for each of the windows of `like` in its order."""
    return x.repeat_interleave(like.shape[0] // x.shape[0], dim=0)


def unwindows(x: Tensor, size: int, like: Tensor) -> Tensor:
    """The windows of `like` put together again, without the padding."""
    h, w = like.shape[1:3]
    rows, columns = -(-h // size), -(-w // size)
    x = x.unflatten(0, (-1, rows, columns)).transpose(2, 3)
    return x.flatten(3, 4).flatten(1, 2)[:, :h, :w]


def scaled_dot_product_attention(
    q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None
) -> Tensor:
    """softmax(q kᵀ / √d + bias) v, by PyTorch's own kernels where it has them (2.0)."""
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
    weights = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
    if bias is not None:
        weights = weights + bias
    return weights.softmax(-1) @ v


def attention(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Head by head: q [b, n, c], k and v [b, m, c] → [b, n, c]."""
    q, k, v = (x.unflatten(2, (heads, -1)).transpose(1, 2) for x in (q, k, v))
    return scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


def rel_pos_attention(
    qkv: Tensor,
    table_h: Tensor,
    table_w: Tensor,
    keys: Tensor | None = None,
    values: Tensor | None = None,
    *,
    heads: int,
) -> Tensor:
    """Attention over a grid [b, h, w, 3 c] with decomposed relative positions.

    The tables, [2 h - 1, d] and [2 w - 1, d], have a row for each distance along an
    axis; their products with the unscaled queries are added to the logits. Keys and
    values beside the grid, [b, n, c], have no position.
    """
    h, w = qkv.shape[1:3]
    qkv = qkv.unflatten(3, (3, heads, -1)).permute(3, 0, 4, 1, 2, 5)
    grid = qkv[0]
    q, k, v = qkv.flatten(3, 4).unbind(0)
    from_h = torch.einsum("bnhwd,hkd->bnhwk", grid, table_h[distances(h, table_h)])
    from_w = torch.einsum("bnhwd,wkd->bnhwk", grid, table_w[distances(w, table_w)])
    bias = (from_h.unsqueeze(5) + from_w.unsqueeze(4)).flatten(4).flatten(2, 3)
    if keys is not None and values is not None:
        bias = F.pad(bias, (keys.shape[1], 0))
        keys, values = (
            x.unflatten(2, (heads, -1)).transpose(1, 2) for x in (keys, values)
        )
        k, v = torch.cat([keys, k], 2), torch.cat([values, v], 2)
    x = scaled_dot_product_attention(q, k, v, bias)
    return x.transpose(1, 2).unflatten(1, (h, w)).flatten(3)


def distances(n: int, table: Tensor) -> Tensor:
    """[query, key] → row of the table for their distance."""
    places = torch.arange(n, device=table.device)
    return places[:, None] - places[None, :] + n - 1


def resize(
    x: Tensor,
    size: tuple[int, int],
    mode: str = "bilinear",
    align_corners: bool = False,
) -> Tensor:
    """An image in another size."""
    aligned = None if mode == "nearest" else align_corners
    return F.interpolate(x, size, mode=mode, align_corners=aligned)


def pad_like(x: Tensor, like: Tensor) -> Tensor:
    """Zeros around an image, up to the height and width of another."""
    rows, columns = like.shape[2] - x.shape[2], like.shape[3] - x.shape[3]
    left, top = columns // 2, rows // 2
    return F.pad(x, (left, columns - left, top, rows - top))


@cache
def formula_rows(formula: str, of: tuple[int, ...], device: torch.device) -> Tensor:
    return torch.from_numpy(formula_values(formula, of)).long().to(device)


def gather(table: Tensor, formula: str, of: tuple[int, ...]) -> Tensor:
    """Rows of a table, by a formula of initial.py."""
    return table[formula_rows(formula, of, table.device)]


def pad_to(x: Tensor, size: int) -> Tensor:
    """Zeros at the bottom and right of an image, up to a square."""
    h, w = x.shape[2:]
    if h > size or w > size:
        raise ValueError(f"the image is {h} × {w}, the model at most {size} × {size}")
    return F.pad(x, (0, size - w, 0, size - h))


def repeat_batch(x: Tensor, like: Tensor) -> Tensor:
    """x, with a first axis of 1, once for each image in the batch of `like`."""
    return x.expand(like.shape[0], *x.shape[1:])


def pixel_centres(height: int, width: int, like: Tensor) -> Tensor:
    """[1, height, width, 2]: (x, y) of each pixel's centre, from 0 to 1."""
    y, x = (
        (torch.arange(n, dtype=like.dtype, device=like.device) + 0.5) / n
        for n in (height, width)
    )
    return torch.stack(torch.broadcast_tensors(x[None, :], y[:, None]), -1)[None]


def full_precision(x: Tensor) -> torch.autocast:
    """Sines of large angles need float32, even where mixed precision is on."""
    return torch.autocast(x.device.type, enabled=False)
