"""Numbers that a test and the code that it is compared with make alike, so that no file holds them; index.ts has the same."""

import math

import torch


def uniform(name: str, size: int) -> list[float]:
    """Numbers in −1…1 that only depend on the name: FNV-1a starts a linear congruential generator."""
    state = 0x811C9DC5
    for byte in name.encode():
        state = ((state ^ byte) * 0x01000193) % 2**32
    values = []
    for _ in range(size):
        state = (state * 1664525 + 1013904223) % 2**32
        values.append((state + 0.5) / 2**31 - 1)
    return values


def tensor(name: str, shape: list[int]) -> torch.Tensor:
    return torch.tensor(uniform(name, math.prod(shape))).reshape(shape)


def digest(name: str, values: torch.Tensor) -> dict:
    """Its norm and its products with three pseudo-random directions, which differ if any element does."""
    flat = values.detach().flatten()
    directions = [torch.tensor(uniform(f"{name}/{i}", flat.numel())) for i in range(3)]
    return {
        "shape": list(values.shape),
        "norm": flat.norm().item(),
        "products": [(flat * direction).sum().item() for direction in directions],
    }
