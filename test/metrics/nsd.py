"""Writes nsd.json beside it: what MONAI says of the masks in pairs.json, and of masks of three classes.

    pip install torch monai scipy && python test/metrics/nsd.py

SciPy's distance transform computes the first of them once more; the script fails where the two differ.
"""

import json
from pathlib import Path

import monai
import numpy as np
import scipy
import torch
from monai.metrics import compute_dice, compute_hausdorff_distance, compute_iou, compute_surface_dice
from scipy.ndimage import binary_erosion, distance_transform_edt

here = Path(__file__).parent
tolerances = (1.0, 2.0)


def mask_of(runs: str, width: int, height: int) -> np.ndarray:
    """Kaggle's run lengths: counted from 1, down each column before the next."""
    flat = np.zeros(width * height, bool)
    numbers = [int(n) for n in runs.split()]
    for start, length in zip(numbers[::2], numbers[1::2], strict=True):
        flat[start - 1 : start - 1 + length] = True
    return flat.reshape(width, height).T


def by_scipy(a: np.ndarray, b: np.ndarray, tolerance: float, spacing: tuple[float, float]) -> float:
    edges = [mask & ~binary_erosion(mask) for mask in (a, b)]
    there = distance_transform_edt(~edges[1], sampling=spacing)[edges[0]]
    back = distance_transform_edt(~edges[0], sampling=spacing)[edges[1]]
    return float((np.sum(there <= tolerance) + np.sum(back <= tolerance)) / (there.size + back.size))


def one_hot(masks: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(masks)[None].astype(np.float32))


def nsd(a: torch.Tensor, b: torch.Tensor, tolerance: float, spacing: tuple[float, float]) -> list[float]:
    thresholds = [tolerance] * (a.shape[1] - 1)
    return compute_surface_dice(a, b, thresholds, spacing=spacing)[0].tolist()


def pair(one: dict) -> list[float] | None:
    a, b = (mask_of(one[name], one["width"], one["height"]) for name in "ab")
    if not (a.any() and b.any()):
        return None
    spacings = [(one["spacing"]["y"], one["spacing"]["x"]), (1.0, 1.0)]
    values = []
    for spacing in spacings:
        for tolerance in tolerances:
            [value] = nsd(one_hot([~a, a]), one_hot([~b, b]), tolerance, spacing)
            assert abs(value - by_scipy(a, b, tolerance, spacing)) < 1e-6, one
            values.append(round(value, 7))
    return values


def labels(random: np.random.Generator) -> np.ndarray:
    """Two discs on a background, the second over the first."""
    y, x = np.mgrid[0:40, 0:48]
    out = np.zeros((40, 48), np.uint8)
    for value in (1, 2):
        cy, cx, radius = random.uniform(10, 30), random.uniform(10, 38), random.uniform(4, 10)
        out[(y - cy) ** 2 + (x - cx) ** 2 < radius**2] = value
    return out


def classes(random: np.random.Generator) -> dict:
    a = labels(random)
    b = np.roll(a, random.integers(-3, 4, 2), (0, 1))
    predicted, truth = (one_hot([mask == value for value in range(3)]) for mask in (a, b))
    background = {"include_background": False}
    return {
        "a": "".join(map(str, a.ravel())),
        "b": "".join(map(str, b.ravel())),
        "dice": compute_dice(predicted, truth, **background)[0].tolist(),
        "iou": compute_iou(predicted, truth, **background)[0].tolist(),
        "hd95": compute_hausdorff_distance(predicted, truth, percentile=95, **background)[0].tolist(),
        "nsd": nsd(predicted, truth, 2.0, (1.0, 1.0)),
    }


recorded = json.loads((here / "pairs.json").read_text())
random = np.random.default_rng(12)
written = {
    "source": f"MONAI {monai.__version__}, SciPy {scipy.__version__}, NumPy {np.__version__}",
    "tolerances": tolerances,
    "about": "of each pair of pairs.json: NSD with its spacing at each tolerance, then without spacing; null where a mask is empty",
    "pairs": [pair(one) for one in recorded["pairs"]],
    "width": 48,
    "height": 40,
    "classes": [classes(random) for _ in range(12)],
}
(here / "nsd.json").write_text(f"{json.dumps(written)}\n")
