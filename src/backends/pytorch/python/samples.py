"""From a case to what a model takes: pixels, prompts, targets, as hasam makes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from augment import augment
from images import Bytes, load_case
from manifest import Case, DataError
from prompts import box_of, centre_of, moved_box, moved_point, random_inside
from resize import resize_image, resize_mask
from settings import Augmentation, Facts
from streams import Stream, drawn, shuffled
from task import feeds_of, labels_of, needs_foreground, pixels_of, targets_of
from task.pixels import fitted_size, planes
from task.sample import Mask, Point, Sample

NONE = Augmentation()
# "feeds" and "targets", by the names of inputs and outputs.
Batch = dict[str, dict[str, Tensor]]


@dataclass(frozen=True)
class Options:
    """How cases become samples."""

    facts: Facts
    prompt: str
    seed: int = 0
    points: dict[str, Point] | None = None
    augmentation: Augmentation = NONE
    # The value that is foreground, in masks of several.
    foreground: int | None = None
    # "balanced": cases that show rare classes come more often.
    sampling: str | None = None
    # Training prompts from the mask are moved by up to this share of its box's sides.
    jitter: float | None = None


def prepare(
    case: Case, options: Options, epoch: int | None, key: str | None = None
) -> Sample:
    """A case for training in an epoch; for evaluation where it is None.

    Random draws for it depend on the key; a case that comes again has another.
    """
    key = key or case.id
    image, mask = _load(case, options.foreground, labels_of(options.facts.teaches))
    height, width = mask.shape
    point: Point | None = None
    if options.prompt in ("file", "localizer"):
        point = (options.points or {}).get(case.id)
        if point is None:
            raise DataError(f"there is no point for {case.id}; give one with --points")
        if not (0 <= point.x < width and 0 <= point.y < height):
            raise DataError(
                f"the point ({point.x}, {point.y}) of {case.id} lies outside its image "
                f"of {width} × {height} pixels"
            )
    if epoch is not None and options.augmentation != NONE:
        stream = Stream(options.seed, "augment", epoch, key)
        image, mask, point = augment(image, mask, point, options.augmentation, stream)
    if options.prompt in ("centre", "box"):
        # Asked by a box, a model may still be taught the point.
        point = centre_of(mask)
    elif options.prompt == "randomInside":
        stream = Stream(options.seed, "prompt", epoch or 0, key)
        point = random_inside(mask, stream)
    box = box_of(mask) if options.prompt == "box" else None
    around = box_of(mask)
    if epoch is not None and options.jitter is not None and around is not None:
        stream = Stream(options.seed, "jitter", epoch, key)
        if box is not None:
            box = moved_box(box, options.jitter, stream, mask)
        elif point is not None and options.prompt in ("centre", "randomInside"):
            point = moved_point(point, around, options.jitter, stream, mask)
    return fitted(image, mask, point, box, options)


def fitted(
    image: Bytes,
    mask: Mask,
    point: Point | None,
    box: tuple[int, int, int, int] | None,
    options: Options,
) -> Sample:
    """All of it in pixels of what the network sees."""
    pixels = pixels_of(options.facts.takes)
    height, width = mask.shape
    h, w = fitted_size(pixels, height, width)
    x, y = w / width, h / height
    return Sample(
        image=planes(resize_image(image, h, w), pixels.channels),
        resized_mask=resize_mask(mask, h, w),
        mask=mask,
        point=point and Point(point.x * x, point.y * y),
        box=box and (box[0] * x, box[1] * y, box[2] * x, box[3] * y),
    )


@lru_cache(maxsize=256)
def _load(
    case: Case, foreground: int | None, classes: int | None
) -> tuple[Bytes, Mask]:
    return load_case(case, foreground, classes)


def askable(cases: Sequence[Case], options: Options) -> list[Case]:
    """The cases that the model can be asked about, in order."""
    facts = options.facts
    if not needs_foreground(facts.takes, facts.teaches, options.prompt):
        return list(cases)
    classes = labels_of(facts.teaches)
    return [c for c in cases if _load(c, options.foreground, classes)[1].any()]


def rarity(shown: Sequence[Sequence[int]]) -> list[float]:
    """1 / n of each case, n of how many cases show the rarest of its classes."""
    counts = Counter(one for classes in shown for one in classes)
    return [1 / min(counts[one] for one in classes) for classes in shown]


def shown_in(case: Case, options: Options) -> list[int]:
    """The numbers in its mask but 0, or 0 alone."""
    classes = labels_of(options.facts.teaches)
    mask = _load(case, options.foreground, classes)[1]
    return [int(one) for one in np.unique(mask) if one != 0] or [0]


class TrainingSet(Dataset[Batch]):
    """Cases in the order of an epoch."""

    def __init__(self, cases: Sequence[Case], options: Options) -> None:
        self.cases = list(cases)
        self.options = options
        self.weights: list[float] | None = None
        if options.sampling == "balanced":
            self.weights = rarity([shown_in(case, options) for case in self.cases])
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch
        stream = Stream(self.options.seed, "order", epoch)
        if self.weights is None:
            self.order = shuffled(self.cases, stream)
        else:
            self.order = [self.cases[i] for i in drawn(self.weights, stream)]
        times = Counter[str]()
        self.keys = []
        for case in self.order:
            time = times[case.id]
            times[case.id] += 1
            self.keys.append(case.id if time == 0 else f"{case.id}/{time}")

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, i: int) -> Batch:
        options = self.options
        sample = prepare(self.order[i], options, self.epoch, self.keys[i])
        takes, teaches = options.facts.takes, options.facts.teaches
        return {
            "feeds": feeds_of(sample, takes, options.prompt),
            "targets": targets_of(sample, takes, teaches),
        }
