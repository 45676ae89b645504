"""Where a mask is asked for: points and boxes, from the mask or from a file."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np

from manifest import DataError
from streams import Stream
from task.sample import Mask, Point


def largest_part(mask: Mask) -> list[tuple[int, int]]:
    """Pixels (x, y) of the largest connected part; corners connect."""
    height, width = mask.shape
    unseen = mask != 0
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


def centre_of(mask: Mask) -> Point | None:
    """In the mask's largest part, the pixel nearest to its centroid."""
    pixels = largest_part(mask)
    if not pixels:
        return None
    x = sum(p[0] for p in pixels) / len(pixels)
    y = sum(p[1] for p in pixels) / len(pixels)
    return Point(*min(pixels, key=lambda p: (p[0] - x) ** 2 + (p[1] - y) ** 2))


def random_inside(mask: Mask, stream: Stream) -> Point | None:
    pixels = np.flatnonzero(mask)
    if len(pixels) == 0:
        return None
    y, x = divmod(int(pixels[stream.below(len(pixels))]), mask.shape[1])
    return Point(x, y)


def box_of(mask: Mask) -> tuple[int, int, int, int] | None:
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
