"""Where a mask is asked for: points and boxes, from the mask or from a file."""

from __future__ import annotations

import csv
import json
from math import floor
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


def _shifted(at: float, side: int, extent: int, share: float, stream: Stream) -> int:
    """Off by up to a share of the side, within the image; halves go up."""
    moved = floor(at + stream.between(-share, share) * side + 0.5)
    return min(extent - 1, max(0, moved))


def moved_point(
    point: Point,
    around: tuple[int, int, int, int],
    share: float,
    stream: Stream,
    mask: Mask,
) -> Point:
    """As a person clicks: each way by up to a share of the box's side."""
    height, width = mask.shape
    x0, y0, x1, y1 = around
    x = _shifted(point.x, x1 - x0 + 1, width, share, stream)
    return Point(x, _shifted(point.y, y1 - y0 + 1, height, share, stream))


def moved_box(
    box: tuple[int, int, int, int], share: float, stream: Stream, mask: Mask
) -> tuple[int, int, int, int]:
    """As a person draws: each edge by itself; never turned inside out."""
    height, width = mask.shape
    x0, y0, x1, y1 = box
    w, h = x1 - x0 + 1, y1 - y0 + 1
    a = _shifted(x0, w, width, share, stream)
    b = _shifted(y0, h, height, share, stream)
    c = _shifted(x1, w, width, share, stream)
    d = _shifted(y1, h, height, share, stream)
    return min(a, c), min(b, d), max(a, c), max(b, d)


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
