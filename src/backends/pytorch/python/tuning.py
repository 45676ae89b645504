"""Rates of blocks that are tuned while training: AutoLR (Ro and Choi, AAAI 2021).

An epoch whose blocks did not move in order, later ones more, is undone and trained
again, at rates under which they should.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Depth:
    """What stands at one depth; 0 is before the blocks."""

    depth: int
    # All that learns there and that the loss reaches.
    names: tuple[str, ...]


@dataclass(frozen=True)
class AutoLr:
    """How rates are tuned. docs/methods/autolr.md explains each number."""

    order: float
    relax: float
    least: float
    lowest: float
    highest: float
    before: float
    trials: int
    depths: tuple[Depth, ...]


@dataclass(frozen=True)
class Tuning:
    """Where tuning stands."""

    # Times that this epoch was trained and undone.
    undone: int
    # By depth: how many times its rate of the spec each one has.
    factors: tuple[float, ...]
    # How far each block is to move, decided once an epoch.
    wanted: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Judged:
    """What a trial of an epoch gave."""

    order: float
    asked: float
    kept: bool
    next: Tuning


def started(options: AutoLr) -> Tuning:
    deepest = max((one.depth for one in options.depths), default=0)
    return Tuning(undone=0, factors=(1.0,) * (deepest + 1))


def order_of(values: Sequence[float]) -> float:
    """How well values ascend, 1 if they do; equal ones are in order as they stand."""
    ordered = sorted(range(len(values)), key=lambda i: (values[i], i))
    away = sum(abs(start - end) for end, start in enumerate(ordered))
    return 1 - 2 * away / max(1, len(values) ** 2)


def order_asked(options: AutoLr, epoch: int) -> float:
    asked = options.order
    for _ in range(epoch):
        if asked <= options.least:
            break
        asked *= options.relax
    return asked


def wanted_of(moved: Sequence[float], options: AutoLr, epoch: int) -> tuple[float, ...]:
    """How far blocks are to move that moved so far."""
    least, most, n = min(moved), max(moved), len(moved)
    if epoch == 0:
        low, high = sorted((least * options.lowest, most * options.highest))
        return tuple(low + ((high - low) * i) / max(1, n - 1) for i in range(n))
    step = (most - least) / max(1, n - 1)
    wanted = list(moved)
    for i in range(n // 2, 0, -1):
        here = wanted[i]
        if wanted[i - 1] > here:
            wanted[i - 1] = here - step if here - step > 0 else here / 2
    for i in range(n // 2, n - 1):
        if wanted[i] > wanted[i + 1]:
            wanted[i + 1] = wanted[i] + step
    return tuple(wanted)


def moved_of(
    one: Depth, before: Mapping[str, Tensor], after: Mapping[str, Tensor]
) -> float:
    """How far a block moved, in all of its numbers, over how many they are."""
    squares, count = 0.0, 0
    for name in one.names:
        difference = after[name].double() - before[name].double()
        squares += float(difference.pow(2).sum())
        count += difference.numel()
    return math.sqrt(squares) / max(1, count)


def judged(
    options: AutoLr,
    tuning: Tuning,
    before: Mapping[str, Tensor],
    after: Mapping[str, Tensor],
    epoch: int,
) -> Judged:
    """What becomes of an epoch, counted from 0."""
    blocks = [one for one in options.depths if one.depth > 0]
    moved = [moved_of(one, before, after) for one in blocks]
    order, asked = order_of(moved), order_asked(options, epoch)
    if order >= asked or tuning.undone + 1 >= options.trials:
        return Judged(order, asked, True, Tuning(0, tuning.factors))
    wanted = tuning.wanted or wanted_of(moved, options, epoch)
    factors = list(tuning.factors)
    # A movement is in proportion to its rate; one that stood still tells nothing.
    for one, far, to in zip(blocks, moved, wanted):
        if far > 0:
            factors[one.depth] = factors[one.depth] * to / far
    factors[0] = options.before * factors[blocks[0].depth]
    return Judged(
        order, asked, False, Tuning(tuning.undone + 1, tuple(factors), wanted)
    )
