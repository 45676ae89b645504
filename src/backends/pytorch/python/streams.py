"""Seeded random numbers: the same orders, prompts and augmentations as hasam's.

The generator sfc32 of PractRand (C. Doty-Humphrey), started from a hash of a key. One
stream per purpose: what one part draws never shifts the numbers of another.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import TypeVar

T = TypeVar("T")
WORD = 0xFFFFFFFF


def _hash(units: Sequence[int], offset: int) -> int:
    h = 0x811C9DC5 ^ offset
    for unit in units:
        h = (h ^ unit) * 0x01000193 & WORD
    h = (h ^ h >> 16) * 0x85EBCA6B & WORD
    h = (h ^ h >> 13) * 0xC2B2AE35 & WORD
    return h ^ h >> 16


class Stream:
    """The numbers of one purpose, such as Stream(seed, "order", epoch)."""

    def __init__(self, *key: str | int) -> None:
        text = json.dumps(key, separators=(",", ":"), ensure_ascii=False)
        raw = text.encode("utf-16-le")
        units = [raw[i] | raw[i + 1] << 8 for i in range(0, len(raw), 2)]
        offsets = (0, 0x9E3779B9, 0x3C6EF372, 0xDAA66D2B)
        self.a, self.b, self.c, self.counter = (_hash(units, o) for o in offsets)
        for _ in range(16):
            self.next()

    def next(self) -> int:
        t = self.a + self.b + self.counter & WORD
        self.counter = self.counter + 1 & WORD
        self.a = self.b ^ self.b >> 9
        self.b = self.c + (self.c << 3) & WORD
        self.c = ((self.c << 21 | self.c >> 11) + t) & WORD
        return t

    def uniform(self) -> float:
        """From 0 to 1."""
        return self.next() / 2**32

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self.uniform()

    def below(self, n: int) -> int:
        """A whole number from 0 up to n - 1."""
        return int(self.uniform() * n)


def shuffled(items: Sequence[T], stream: Stream) -> list[T]:
    order = list(items)
    for i in range(len(order) - 1, 0, -1):
        j = stream.below(i + 1)
        order[i], order[j] = order[j], order[i]
    return order


def drawn(weights: Sequence[float], stream: Stream) -> list[int]:
    """As many draws as there are weights, each with a chance of its weight."""
    ends = list(accumulate(weights))
    last = len(ends) - 1
    return [min(bisect_right(ends, stream.uniform() * ends[-1]), last) for _ in ends]
