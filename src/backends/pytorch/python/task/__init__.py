"""What a model takes and what it is taught, acted on. One file a kind.

Training and evaluation ask here and know no model: which inputs a network has, and what
its outputs are compared with, stands in settings.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Union

from torch import Tensor

from task.boxes import Box, box_feed
from task.classes import Classes, classes_answer, classes_score
from task.masks import MaskLogits, Masks, mask_answer, mask_score, mask_target
from task.pixels import Pixels, pixel_feed
from task.point import TaughtPoint, is_hit, point_answer, point_target
from task.points import Points, point_feed
from task.sample import Sample

Feed = Union[Pixels, Points, Box, MaskLogits]
Taught = Union[Masks, Classes, TaughtPoint]
# By an input's name, and by an output's.
Takes = Mapping[str, Feed]
Teaches = Mapping[str, Taught]

FEEDS: Mapping[str, type[Feed]] = {
    "pixels": Pixels,
    "points": Points,
    "box": Box,
    "mask": MaskLogits,
}
TAUGHT: Mapping[str, type[Taught]] = {
    "masks": Masks,
    "classes": Classes,
    "point": TaughtPoint,
}


def made(kinds: Mapping[str, type[Any]], entry: Mapping[str, Any]) -> Any:
    """A kind with its fields, from JSON."""
    fields = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
    del fields["kind"]
    return kinds[entry["kind"]](**fields)


def pixels_of(takes: Takes) -> Pixels:
    """The image that a model takes; of several, the first."""
    return next(feed for feed in takes.values() if isinstance(feed, Pixels))


def asks(prompt: str) -> str:
    """The kind of inputs by which a prompt asks."""
    return "box" if prompt == "box" else "points"


def is_asked(takes: Takes, prompt: str) -> bool:
    """Does the model take prompts of this kind?"""
    return any(isinstance(feed, FEEDS[asks(prompt)]) for feed in takes.values())


def is_prompted(takes: Takes) -> bool:
    return any(isinstance(feed, (Points, Box)) for feed in takes.values())


def needs_foreground(takes: Takes, teaches: Teaches, prompt: str) -> bool:
    """Is an empty mask no case for the model: nothing to prompt, or to point at?"""
    points = any(isinstance(taught, TaughtPoint) for taught in teaches.values())
    return points or is_asked(takes, prompt)


def labels_of(teaches: Teaches) -> int | None:
    """How many classes masks hold, background included; None: inside and outside."""
    found = (len(t.names) for t in teaches.values() if isinstance(t, Classes))
    return next(found, None)


def feeds_of(sample: Sample, takes: Takes, prompt: str) -> dict[str, Tensor]:
    """Everything that the model takes of a sample, for a run with this prompt."""
    wanted = (Pixels, FEEDS[asks(prompt)])
    return {
        name: feed_of(sample, feed)
        for name, feed in takes.items()
        if isinstance(feed, wanted)
    }


def feed_of(sample: Sample, feed: Feed) -> Tensor:
    if isinstance(feed, Pixels):
        return pixel_feed(sample, feed)
    if isinstance(feed, Points):
        return point_feed(sample, feed)
    if isinstance(feed, Box):
        return box_feed(sample)
    raise TypeError("no sample has the logits of a mask that was found before")


def targets_of(sample: Sample, takes: Takes, teaches: Teaches) -> dict[str, Tensor]:
    """What the outputs are compared with; masks as large as what the network sees."""
    pixels = pixels_of(takes)
    return {
        output: point_target(sample, pixels)
        if isinstance(taught, TaughtPoint)
        else mask_target(sample, pixels)
        for output, taught in teaches.items()
    }


def answer_of(output: Tensor, taught: Taught, pixels: Pixels, sample: Sample) -> Tensor:
    """Logits at the original size, of a mask or all classes; a point in its pixels."""
    if isinstance(taught, TaughtPoint):
        return point_answer(output, pixels, sample)
    if isinstance(taught, Classes):
        return classes_answer(output, pixels, sample)
    return mask_answer(output, pixels, sample)


def score_of(answer: Tensor, taught: Taught, sample: Sample) -> float:
    """Dice of a mask, mean Dice over the classes, or 1 for a point inside the mask."""
    if isinstance(taught, TaughtPoint):
        return float(is_hit(answer, sample.mask))
    if isinstance(taught, Classes):
        return classes_score(answer, sample.mask, taught)
    return mask_score(answer, sample.mask)
