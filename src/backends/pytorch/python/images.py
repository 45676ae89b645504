"""Images and masks from files, at their own size, as hasam reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from manifest import Case, DataError
from task.sample import Mask

Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]


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


def read_classes(case: Case, classes: int) -> Mask:
    """The numbers of classes, 0 for background, of a case with one mask file."""
    if len(case.masks) != 1:
        raise DataError(f"{case.image}: a mask of classes is one file; it is not here")
    labels = read_labels(case.masks[0])
    if int(labels.max(initial=0)) >= classes:
        raise DataError(
            f"{case.masks[0]}: the mask holds {int(labels.max())}, but the model's "
            f"classes are 0 to {classes - 1}"
        )
    return labels.astype(np.uint8)


def load_case(
    case: Case, foreground: int | None = None, classes: int | None = None
) -> tuple[Bytes, Mask]:
    """Image and mask at their own size; with classes, their numbers."""
    image = read_image(case.image)
    if classes is not None:
        masks = [read_classes(case, classes)]
    elif case.runs is not None:
        masks = [decode_runs(case, case.runs, *image.shape[:2]).astype(np.uint8)]
    else:
        masks = [read_mask(p, foreground).astype(np.uint8) for p in case.masks]
    for path, mask in zip(case.masks, masks):
        if mask.shape != image.shape[:2]:
            raise DataError(
                f"{path}: the mask is {mask.shape[1]} × {mask.shape[0]}, "
                f"its image {image.shape[1]} × {image.shape[0]} pixels"
            )
    return image, np.maximum.reduce(masks)


def resize_image(image: Bytes, height: int, width: int) -> Bytes:
    resized = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.uint8)


def resize_mask(mask: Mask, height: int, width: int) -> Mask:
    """The old pixel under each new pixel's centre."""

    def nearest(old: int, new: int) -> npt.NDArray[np.int64]:
        places = np.floor((np.arange(new) + 0.5) * old / new).astype(np.int64)
        return np.minimum(places, old - 1)

    rows = nearest(mask.shape[0], height)
    return mask[rows[:, None], nearest(mask.shape[1], width)[None, :]]
