"""Which images there are, their masks, and which of them train: hasam's layouts.

- a csv with the columns image, mask (several with ; between), and where known subject,
  class, part (train, validation, test), id; paths are relative to the csv
- Kaggle's nerve data: train/{subject}_{image}.tif with {subject}_{image}_mask.tif, or
  train_masks.csv with run lengths
- BUSI: folders benign, malignant, normal; "benign (1).png" with "benign (1)_mask.png",
  "benign (1)_mask_1.png" …, whose union is the mask
- folders images and masks with files of the same names, also inside train, val, test
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from streams import Stream, shuffled

PARTS = ("train", "validation", "test")
PART_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}
IMAGE_FOLDERS = ("images", "image", "imgs", "img", "scans")
MASK_FOLDERS = (
    "masks",
    "mask",
    "labels",
    "label",
    "segmentations",
    "annotations",
    "gt",
)
MASK_SUFFIX = re.compile(
    r"[-_ ](?:mask|masks|seg|segmentation|label|labels|gt|annotation)(?:[-_ ]\d+)?$",
    re.IGNORECASE,
)
IMAGE_NAME = re.compile(r"\.(png|jpe?g|tiff?|bmp|webp)$", re.IGNORECASE)


class DataError(Exception):
    """What is wrong with the data, and what to do about it."""


@dataclass(frozen=True)
class Case:
    """One image with its mask."""

    id: str
    image: Path
    # Files whose union is the mask; none where the mask is given as run lengths.
    masks: tuple[Path, ...] = ()
    runs: str | None = None
    subject: str | None = None
    kind: str | None = None
    part: str | None = None


@dataclass(frozen=True)
class Split:
    seed: int
    by: str
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]


def find_cases(root: Path, layout: str | None = None) -> list[Case]:
    """The cases of a folder or csv, in the order of their ids."""
    if not root.exists():
        raise DataError(f"{root}: there is no such file or folder")
    layouts: dict[str, Callable[[Path], list[Case] | None]] = {
        "table": _table,
        "kaggle": _kaggle,
        "busi": _busi,
        "folders": _folders,
    }
    if layout is not None and layout not in layouts:
        raise DataError(
            f"there is no layout {layout!r}; there are {', '.join(layouts)}"
        )
    tried = [layout] if layout is not None else list(layouts)
    if root.is_file():
        tried = ["table"]
    for name in tried:
        found = layouts[name](root)
        if found is None:
            continue
        if not found:
            raise DataError(f"{root}: there are no images with masks in it")
        cases = sorted(found, key=lambda case: case.id)
        for before, case in zip(cases, cases[1:]):
            if before.id == case.id:
                raise DataError(f"{case.image}: there are two images named {case.id}")
        return cases
    raise DataError(
        f"{root}: no known layout of data is found here: a csv with image and mask, "
        "Kaggle's nerve data, BUSI, or folders images and masks"
    )


def _names(folder: Path, folders: bool) -> list[str]:
    found = (p for p in folder.iterdir() if not p.name.startswith("."))
    return sorted(p.name for p in found if p.is_dir() == folders)


def _images(folder: Path) -> list[str]:
    return [name for name in _names(folder, False) if IMAGE_NAME.search(name)]


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name


def _paired(images: Sequence[str], masks: Sequence[str]) -> dict[str, list[str]]:
    """Each image's masks; anything that is left over is an error."""
    by_stem = {_stem(name): name for name in images}
    found: dict[str, list[str]] = {name: [] for name in images}
    for mask in masks:
        stem = _stem(mask)
        image = by_stem.get(stem) or by_stem.get(MASK_SUFFIX.sub("", stem))
        if image is None:
            raise DataError(f"{mask}: the mask has no image; add it, or take it away")
        found[image].append(mask)
    for image, its_masks in found.items():
        if not its_masks:
            raise DataError(
                f"{image}: the image has no mask; add it (all black where there is "
                "nothing), or take the image away"
            )
    return found


def _table(root: Path) -> list[Case] | None:
    files = [root] if root.is_file() else sorted(root.glob("*.csv"))
    tables = []
    for file in files:
        with open(file, newline="", encoding="utf-8-sig") as lines:
            header = [name.strip().lower() for name in next(csv.reader(lines), [])]
        if "image" in header and "mask" in header:
            tables.append(file)
    if len(tables) > 1:
        raise DataError(f"{root}: several tables could describe the data; give one")
    if not tables:
        if root.is_file():
            raise DataError(f"{root}: the table has no columns image and mask")
        return None
    (file,) = tables
    return [_row(file, i, row) for i, row in enumerate(_rows(file))]


def _rows(file: Path) -> list[dict[str, str]]:
    with open(file, newline="", encoding="utf-8-sig") as lines:
        return [
            {k.strip().lower(): (v or "").strip() for k, v in row.items() if k}
            for row in csv.DictReader(lines)
        ]


def _row(file: Path, number: int, row: dict[str, str]) -> Case:
    image = row["image"]
    masks = [name.strip() for name in row["mask"].split(";") if name.strip()]
    if not image or not masks:
        raise DataError(f"{file}: row {number + 2} lacks an image or a mask")
    paths = [file.parent / name.replace("\\", "/") for name in (image, *masks)]
    for path in paths:
        if not path.exists():
            raise DataError(f"{file}: row {number + 2}: there is no file {path}")
    part = row.get("part", "").lower()
    return Case(
        id=row.get("id") or _stem(Path(image.replace("\\", "/")).name),
        image=paths[0],
        masks=tuple(paths[1:]),
        subject=row.get("subject") or row.get("patient") or None,
        kind=row.get("class") or None,
        part=PART_NAMES.get(part),
    )


def _kaggle(root: Path) -> list[Case] | None:
    if root.is_file():
        return None
    folder = root / "train" if (root / "train").is_dir() else root
    names = _names(folder, False)
    scans = [n for n in names if re.fullmatch(r"\d+_\d+\.tif", n, re.IGNORECASE)]
    masks = {
        n[: -len("_mask.tif")]: folder / n
        for n in names
        if re.fullmatch(r"\d+_\d+_mask\.tif", n, re.IGNORECASE)
    }
    places = (root, folder, folder.parent)
    tables = [p / "train_masks.csv" for p in places if (p / "train_masks.csv").exists()]
    if not scans or not (masks or tables):
        return None
    runs: dict[str, str] = {}
    if not masks:
        rows = _rows(tables[0])
        runs = {f"{r['subject']}_{r['img']}": r["pixels"] for r in rows}
    cases = []
    for name in scans:
        key = _stem(name)
        if key not in masks and key not in runs:
            raise DataError(f"{folder / name}: the image has no mask")
        mask = (masks[key],) if key in masks else ()
        subject = key.split("_")[0]
        cases.append(Case(key, folder / name, mask, runs.get(key), subject))
    return cases


def _busi(root: Path) -> list[Case] | None:
    if root.is_file():
        return None
    inner = root / "Dataset_BUSI_with_GT"
    root = inner if inner.is_dir() else root
    present = [n for n in _names(root, True) if n in ("benign", "malignant", "normal")]
    if not present:
        return None
    is_mask = re.compile(r"_mask(?:_\d+)?\.[a-z]+$", re.IGNORECASE)
    cases = []
    for kind in present:
        if kind == "normal":  # no lesion: nothing to prompt
            continue
        files = _images(root / kind)
        pairs = _paired(
            [n for n in files if not is_mask.search(n)],
            [n for n in files if is_mask.search(n)],
        )
        for image, masks in pairs.items():
            paths = tuple(root / kind / mask for mask in masks)
            cases.append(Case(_stem(image), root / kind / image, paths, kind=kind))
    return cases


def _folders(root: Path) -> list[Case] | None:
    if root.is_file():
        return None
    levels = [("", root)]
    levels += [(n, root / n) for n in _names(root, True) if n.lower() in PART_NAMES]
    found = [_level(name, folder) for name, folder in levels]
    cases = [case for level in found if level is not None for case in level]
    return cases if any(level is not None for level in found) else None


def _level(name: str, folder: Path) -> list[Case] | None:
    names = _names(folder, True)
    images = next((n for n in names if n.lower() in IMAGE_FOLDERS), None)
    masks = next((n for n in names if n.lower() in MASK_FOLDERS), None)
    if images is None or masks is None:
        return None
    pairs = _paired(_images(folder / images), _images(folder / masks))
    return [
        Case(
            id=f"{name}/{_stem(image)}" if name else _stem(image),
            image=folder / images / image,
            masks=tuple(folder / masks / mask for mask in its_masks),
            part=PART_NAMES.get(name.lower()),
        )
        for image, its_masks in pairs.items()
    ]


# Splits ------------------------------------------------------------------------------

Group = Sequence[Case]


def load_split(path: Path, cases: Sequence[Case]) -> Split:
    """A split that hasam or this package wrote, checked against the data."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if content.get("$schema") != "hasam/split/1":
        raise DataError(f"{path}: this is not a split")
    split = Split(
        content["seed"],
        content["by"],
        *(tuple(content[part]) for part in PARTS),
    )
    ids = [name for part in PARTS for name in getattr(split, part)]
    unknown = sorted(set(ids) - {case.id for case in cases})
    if unknown:
        raise DataError(f"{path}: the data lack {', '.join(unknown[:5])}")
    subject = {case.id: case.subject or case.id for case in cases}
    subjects = [{subject[n] for n in getattr(split, part)} for part in PARTS]
    if len(set(ids)) < len(ids) or len(set().union(*subjects)) < sum(
        len(s) for s in subjects
    ):
        raise DataError(f"{path}: a case or a subject is in two parts of the split")
    return split


def save_split(path: Path, split: Split) -> None:
    content = {"$schema": "hasam/split/1", **split.__dict__}
    text = json.dumps(content, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def split_cases(cases: Sequence[Case], seed: int) -> Split:
    """7 : 1.5 : 1.5 by seed; what the data's authors split stays as they did it.

    No subject is in two parts where subjects are known; else each class is divided
    alike. The same split as hasam's for the same seed.
    """
    ratios = {"train": 7.0, "validation": 1.5, "test": 1.5}
    given = {case.part for case in cases if case.part not in (None, "train")}
    pool = [case for case in cases if case.part in (None, "train")]
    by, groups = _groups(pool)
    cut = [part for part in ("test", "validation") if part not in given]
    if len(groups) < len(cut) + 1:
        raise DataError(
            f"{len(groups)} {by}s cannot be split into {len(cut) + 1} parts"
        )
    shares = ratios["train"] + sum(ratios[part] for part in cut)
    chosen: dict[str, tuple[str, ...]] = {
        part: _ids([[case for case in cases if case.part == part]])
        for part in PARTS
        if part in given
    }
    rest = shuffled(groups, Stream(seed, "split"))
    rest = _evenly(rest) if by == "case" else rest
    for i, part in enumerate(cut):
        n = _take(rest, len(pool) * ratios[part] / shares)
        n = min(n, len(rest) - (len(cut) - i))
        chosen[part], rest = _ids(rest[:n]), rest[n:]
    chosen["train"] = _ids(rest)
    return Split(seed, by, *(chosen[part] for part in PARTS))


def _groups(cases: Sequence[Case]) -> tuple[str, list[Group]]:
    if all(case.subject is None for case in cases):
        return "case", [[case] for case in cases]
    groups: dict[str, list[Case]] = {}
    for case in cases:
        key = f"case {case.id}" if case.subject is None else f"subject {case.subject}"
        groups.setdefault(key, []).append(case)
    return "subject", list(groups.values())


def _take(order: Sequence[Group], wanted: float) -> int:
    """The first groups whose number of cases is nearest to the wanted, one at least."""
    groups = cases = 0
    for group in order:
        if groups > 0 and abs(cases + len(group) - wanted) > abs(cases - wanted):
            break
        groups += 1
        cases += len(group)
    return groups


def _evenly(order: Sequence[Group]) -> list[Group]:
    """Each class spread evenly."""
    classes: dict[str, list[Group]] = {}
    for group in order:
        classes.setdefault(group[0].kind or "", []).append(group)
    placed = [
        ((i + 0.5) / len(groups), group)
        for groups in classes.values()
        for i, group in enumerate(groups)
    ]
    return [group for _, group in sorted(placed, key=lambda pair: pair[0])]


def _ids(groups: Iterable[Group]) -> tuple[str, ...]:
    return tuple(sorted(case.id for group in groups for case in group))
