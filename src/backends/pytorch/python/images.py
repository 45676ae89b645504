"""Images and masks from files, at their own size, as hasam reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from manifest import Case, DataError
from task.sample import Mask

Bytes = npt.NDArray[np.uint8]
Bools = npt.NDArray[np.bool_]


# Whatever else files can be (DICOM, 16 bits, blurred masks), hasam decides it for each.
PLAIN = "save it as a PNG file of 8 bits"
# Below it, grey values are the numbers of classes, not of brightness.
LEAST_BRIGHT = 32


def open_plain(path: Path) -> Image.Image:
    """One picture of 8 bits, turned as its file says; all else is refused."""
    try:
        with Image.open(path) as image:
            frames = getattr(image, "n_frames", 1)
            if frames > 1 or image.mode not in ("1", "L", "LA", "P", "RGB", "RGBA"):
                raise DataError(f"{path}: it is no picture of 8 bits; {PLAIN}")
            turned = ImageOps.exif_transpose(image) or image
            turned.load()
            turned.format = image.format
            return turned
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: it cannot be read: {error}") from None


def read_image(path: Path) -> Bytes:
    """[h, w, 3], 0…255."""
    pixels = np.asarray(open_plain(path).convert("RGB"), dtype=np.uint8)
    if pixels.max(initial=0) == 1:
        raise DataError(f"{path}: it holds only 0 and 1: what is white? {PLAIN}")
    return pixels


def read_labels(path: Path) -> npt.NDArray[np.int64]:
    """Grey values as stored, palette indices, or colours as 0xRRGGBB."""
    image = open_plain(path)
    if image.mode in ("1", "L", "P"):
        labels = np.asarray(image).astype(np.int64)
        return labels if image.mode != "P" else black_first(image, labels)
    whole = np.asarray(image.convert("RGBA")).astype(np.int64)
    red, green, blue, alpha = (whole[..., i] for i in range(4))
    colours = red << 16 | green << 8 | blue
    if (colours == colours.flat[0]).all() and not (alpha == alpha.flat[0]).all():
        raise DataError(f"{path}: the mask is drawn in its transparency; {PLAIN}")
    return red if (red == green).all() and (red == blue).all() else colours


def black_first(
    image: Image.Image, labels: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Of two indices, the black one is background: some programs sort palettes."""
    used = np.unique(labels[labels != 0])
    flat = image.getpalette() or []
    colour = (
        [tuple(flat[3 * i : 3 * i + 3]) for i in (0, int(used[0]))] if len(used) else []
    )
    if len(used) == 1 and colour[1] == (0, 0, 0) and colour[0] != (0, 0, 0):
        return (labels == 0).astype(np.int64)
    return labels


def read_mask(path: Path, foreground: int | None) -> Bools:
    """What is not 0, if that is one value; one value of several, if it is chosen."""
    labels = read_labels(path)
    values = [int(v) for v in np.unique(labels) if v != 0]
    with Image.open(path) as image:
        lossy, indexed = image.format in ("JPEG", "WEBP"), image.mode == "P"
    if len(values) > 1 and (lossy or (not indexed and values[-1] >= LEAST_BRIGHT)):
        raise DataError(
            f"{path}: it holds {len(values)} values beside 0, blurred or of classes: "
            "save it as PNG with 0 and one other value"
        )
    if foreground is not None:
        return labels == foreground
    if len(values) <= 1:
        return labels != 0
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
    # Of two classes, the mask as it is usually drawn: 0 and 255.
    if classes == 2 and np.isin(labels, (0, 255)).all():
        labels = np.minimum(labels, 1)
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
    # Of two classes, a chosen one is the foreground, as it is of a mask.
    if classes is not None and (classes > 2 or foreground is None):
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
