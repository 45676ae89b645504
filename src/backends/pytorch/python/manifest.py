"""Which images there are, their masks, and which of them train: what data split wrote.

    hasam data split DATA --out split.json

Layouts of data are read there and nowhere else; paths are relative to the data's
folder.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCHEMA = "hasam/split/2"
PARTS = ("train", "validation", "test")


class DataError(Exception):
    """What is wrong with the data, and what to do about it."""


@dataclass(frozen=True)
class Case:
    """One image with its mask."""

    id: str
    image: Path
    # Files whose union is the mask; none where the mask is given as run lengths.
    masks: tuple[Path, ...]
    runs: str | None
    part: str


def read_manifest(path: Path, data: Path) -> list[Case]:
    """The cases of a split in the order of the file; data is their folder or csv."""
    folder = data.parent if data.is_file() else data
    content = _content(path)
    if content.get("$schema") != SCHEMA or not isinstance(content.get("cases"), list):
        raise DataError(
            f"{path}: this is not a split with its cases; "
            f"write one: hasam data split {data} --out {path.name}"
        )
    cases = [_case(path, folder, entry) for entry in content["cases"]]
    if len({case.id for case in cases}) < len(cases):
        raise DataError(f"{path}: a case is in it twice; split the data again")
    files = [file for case in cases for file in (case.image, *case.masks)]
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise DataError(
            f"{path}: there is no file {missing[0]}{more}; is --data the folder "
            "that was split?"
        )
    return cases


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: it cannot be read: {error}") from None
    return content if isinstance(content, dict) else {}


def _case(path: Path, folder: Path, entry: Any) -> Case:
    try:
        case = Case(
            id=str(entry["id"]),
            image=folder / entry["image"],
            masks=tuple(folder / mask for mask in entry.get("masks", ())),
            runs=entry.get("runs"),
            part=entry["part"],
        )
    except (KeyError, TypeError, AttributeError):
        raise DataError(f"{path}: this is not a case: {json.dumps(entry)}") from None
    if case.part not in PARTS or (case.runs is None) == (not case.masks):
        raise DataError(f"{path}: {case.id} has no part, or no mask")
    return case
