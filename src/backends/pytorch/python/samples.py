"""From a case to what the model takes: pixels, prompts and target, as hasam does it."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from manifest import Case, DataError
from settings import Augmentation
from streams import Stream, shuffled

Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


class Point(NamedTuple):
    """In pixels, x first; the centre of pixel 0 is 0."""

    x: float
    y: float


NONE = Augmentation()


@dataclass(frozen=True)
class Options:
    image_size: int
    # Of the square's empty part, per channel: what the model's normalisation makes 0.
    padding: tuple[float, ...]
    prompt: str
    teaches: str  # "mask" or "point"
    seed: int = 0
    points: dict[str, Point] | None = None
    augmentation: Augmentation = NONE
    foreground: int | None = None


def read_image(path: Path) -> Bytes:
    """[h, w, 3], 0…255; 16 bits keep the upper byte."""
    with Image.open(path) as image:
        if image.mode.startswith("I"):  # 16-bit grey
            grey = (np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8)
            return np.repeat(grey[:, :, None], 3, axis=2)
        return np.asarray(image.convert("RGB"), dtype=np.uint8)


def read_labels(path: Path) -> npt.NDArray[np.int64]:
    """Grey values as stored, or palette indices."""
    with Image.open(path) as image:
        if image.mode in ("1", "L", "P") or image.mode.startswith("I"):
            return np.asarray(image).astype(np.int64)
        rgb = np.asarray(image.convert("RGB")).astype(np.int64)
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    if (red == green).all() and (red == blue).all():
        return red
    return red << 16 | green << 8 | blue


def read_mask(path: Path, foreground: int | None) -> Bools:
    """What is not 0, if that is one value; one value of several, if it is chosen."""
    labels = read_labels(path)
    if foreground is not None:
        return labels == foreground
    values = [int(v) for v in np.unique(labels) if v != 0]
    if len(values) <= 1:
        return labels != 0
    # JPEG and resizing blur 0 and 255: everything lies near one of them.
    if max(values) > 191 and all(v < 64 or 191 < v < 256 for v in values):
        return labels >= 128
    raise DataError(
        f"{path}: it holds several values beside 0 ({values[:6]}); "
        "choose one with --class"
    )


def decode_runs(case: Case, runs: str, height: int, width: int) -> Bools:
    """Kaggle's run lengths: counted from 1, down each column before the next."""
    flat = np.zeros(height * width, dtype=np.bool_)
    words = runs.split()
    if len(words) % 2 == 1 or not all(word.isdecimal() for word in words):
        raise DataError(f"{case.id}: its run lengths are no pairs of whole numbers")
    end = 1
    for start, length in zip(map(int, words[::2]), map(int, words[1::2])):
        if start < end or length < 1 or start + length - 1 > len(flat):
            raise DataError(f"{case.id}: the run {start} {length} leaves the image")
        end = start + length
        flat[start - 1 : end - 1] = True
    return flat.reshape(width, height).T


def load_case(case: Case, foreground: int | None) -> tuple[Bytes, Bools]:
    """Image and mask at their own size."""
    image = read_image(case.image)
    if case.runs is not None:
        return image, decode_runs(case, case.runs, *image.shape[:2])
    masks = [read_mask(path, foreground) for path in case.masks]
    for path, mask in zip(case.masks, masks):
        if mask.shape != image.shape[:2]:
            raise DataError(
                f"{path}: the mask is {mask.shape[1]} × {mask.shape[0]}, "
                f"its image {image.shape[1]} × {image.shape[0]} pixels"
            )
    return image, np.logical_or.reduce(masks)


# Sizes -------------------------------------------------------------------------------


def longest_side(height: int, width: int, size: int) -> tuple[int, int]:
    """Height and width with the longer side of this size."""
    scale = size / max(height, width)
    return int(height * scale + 0.5), int(width * scale + 0.5)


def resize_image(image: Bytes, height: int, width: int) -> Bytes:
    resized = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.uint8)


def resize_mask(mask: Bools, height: int, width: int) -> Bools:
    """The old pixel under each new pixel's centre."""

    def nearest(old: int, new: int) -> npt.NDArray[np.int64]:
        places = np.floor((np.arange(new) + 0.5) * old / new).astype(np.int64)
        return np.minimum(places, old - 1)

    rows = nearest(mask.shape[0], height)
    return mask[rows[:, None], nearest(mask.shape[1], width)[None, :]]


# Prompts -----------------------------------------------------------------------------


def largest_part(mask: Bools) -> list[tuple[int, int]]:
    """Pixels (x, y) of the largest connected part; corners connect."""
    height, width = mask.shape
    unseen = mask.copy()
    largest: list[tuple[int, int]] = []
    for start in np.flatnonzero(mask):
        y, x = divmod(int(start), width)
        if not unseen[y, x]:
            continue
        unseen[y, x] = False
        pixels = [(x, y)]
        for x, y in pixels:  # grows while it is read
            for v in range(max(0, y - 1), min(height - 1, y + 1) + 1):
                for u in range(max(0, x - 1), min(width - 1, x + 1) + 1):
                    if unseen[v, u]:
                        unseen[v, u] = False
                        pixels.append((u, v))
        if len(pixels) > len(largest):
            largest = pixels
    return largest


def centre_of(mask: Bools) -> Point | None:
    """In the mask's largest part, the pixel nearest to its centroid."""
    pixels = largest_part(mask)
    if not pixels:
        return None
    x = sum(p[0] for p in pixels) / len(pixels)
    y = sum(p[1] for p in pixels) / len(pixels)
    return Point(*min(pixels, key=lambda p: (p[0] - x) ** 2 + (p[1] - y) ** 2))


def random_inside(mask: Bools, stream: Stream) -> Point | None:
    pixels = np.flatnonzero(mask)
    if len(pixels) == 0:
        return None
    y, x = divmod(int(pixels[stream.below(len(pixels))]), mask.shape[1])
    return Point(x, y)


def box_of(mask: Bools) -> tuple[int, int, int, int] | None:
    """x0, y0, x1, y1: the outermost pixels."""
    rows, columns = np.nonzero(mask)
    if len(rows) == 0:
        return None
    return (
        int(columns.min()),
        int(rows.min()),
        int(columns.max()),
        int(rows.max()),
    )


def read_points(path: Path) -> dict[str, Point]:
    """A csv with the columns id, x, y, or JSON { "id": { "x": 1, "y": 2 } }."""
    if path.suffix.lower() == ".json":
        content = json.loads(path.read_text(encoding="utf-8"))
        return {key: Point(p["x"], p["y"]) for key, p in content.items()}
    with open(path, newline="", encoding="utf-8-sig") as lines:
        rows = list(csv.DictReader(lines))
    if rows and not {"id", "x", "y"} <= set(rows[0]):
        raise DataError(f"{path}: the table needs the columns id, x, y")
    return {row["id"]: Point(float(row["x"]), float(row["y"])) for row in rows}


# Augmentation ------------------------------------------------------------------------


def augment(
    image: Bytes,
    mask: Bools,
    point: Point | None,
    options: Augmentation,
    stream: Stream,
) -> tuple[Bytes, Bools, Point | None]:
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


def sample_mask(mask: Bools, xs: Floats, ys: Floats) -> Bools:
    height, width = mask.shape
    u, v = np.floor(xs + 0.5).astype(np.int64), np.floor(ys + 0.5).astype(np.int64)
    inside = (u >= 0) & (v >= 0) & (u < width) & (v < height)
    return inside & mask[v.clip(0, height - 1), u.clip(0, width - 1)]


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


# Samples -----------------------------------------------------------------------------


class Sample(NamedTuple):
    # [3, h, w], 0…255, its longer side the model's image size.
    image: Tensor
    resized_mask: Bools
    # At the original size.
    mask: Bools
    point: Point | None
    box: tuple[float, float, float, float] | None


def prepare(case: Case, options: Options, epoch: int | None) -> Sample:
    """A case for training in an epoch; for evaluation where it is None."""
    image, mask = _load(case, options.foreground)
    point: Point | None = None
    if options.prompt in ("file", "localizer"):
        point = (options.points or {}).get(case.id)
        if point is None:
            raise DataError(f"there is no point for {case.id}; give one with --points")
    augments = options.augmentation != Augmentation()
    if epoch is not None and augments:
        stream = Stream(options.seed, "augment", epoch, case.id)
        image, mask, point = augment(image, mask, point, options.augmentation, stream)
    if options.prompt == "centre":
        point = centre_of(mask)
    elif options.prompt == "randomInside":
        stream = Stream(options.seed, "prompt", epoch or 0, case.id)
        point = random_inside(mask, stream)
    height, width = mask.shape
    h, w = longest_side(height, width, options.image_size)
    if point is not None:
        point = Point(point.x * (w / width), point.y * (h / height))
    box = box_of(mask) if options.prompt == "box" else None
    return Sample(
        image=torch.from_numpy(resize_image(image, h, w).copy())
        .permute(2, 0, 1)
        .float(),
        resized_mask=resize_mask(mask, h, w),
        mask=mask,
        point=point,
        box=box
        and (
            box[0] * (w / width),
            box[1] * (h / height),
            box[2] * (w / width),
            box[3] * (h / height),
        ),
    )


@lru_cache(maxsize=256)
def _load(case: Case, foreground: int | None) -> tuple[Bytes, Bools]:
    return load_case(case, foreground)


def prompts(sample: Sample) -> dict[str, Tensor]:
    """What prompts the model; a case without a point gets padding only."""
    if sample.box is not None:
        return {"boxes": torch.tensor(sample.box)}
    point = sample.point or Point(0.0, 0.0)
    label = -1.0 if sample.point is None else 1.0
    return {
        "point_coords": torch.tensor([[float(point.x), float(point.y)]]),
        "point_labels": torch.tensor([label]),
    }


def has_foreground(case: Case, foreground: int | None) -> bool:
    return bool(_load(case, foreground)[1].any())


class TrainingSet(Dataset[dict[str, Tensor]]):
    """Cases in the order of an epoch, each in the upper left of a square.

    So all batches have one shape, whatever the images' sizes.
    """

    def __init__(self, cases: Sequence[Case], options: Options) -> None:
        self.cases = list(cases)
        self.options = options
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch
        stream = Stream(self.options.seed, "order", epoch)
        self.order = shuffled(self.cases, stream)

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, i: int) -> dict[str, Tensor]:
        options = self.options
        sample = prepare(self.order[i], options, self.epoch)
        size = options.image_size
        h, w = sample.resized_mask.shape
        image = torch.tensor(options.padding).view(3, 1, 1).repeat(1, size, size)
        image[:, :h, :w] = sample.image
        if options.teaches == "point":
            point = sample.point or Point(0.0, 0.0)
            target = torch.tensor([(point.x + 0.5) / size, (point.y + 0.5) / size])
        else:
            target = torch.zeros(1, size, size)
            target[0, :h, :w] = torch.from_numpy(sample.resized_mask.copy())
        return {"image": image, "target": target, **prompts(sample)}
