"""What the spec says of the model and of training: settings.json, with types.

To change it for good, change the spec and compile again; options of train.py override
some of it for a run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from losses import Term
from task import FEEDS, TAUGHT, Takes, Teaches, made
from tuning import AutoLr, Depth


class SettingsError(Exception):
    """What is wrong with settings.json, and what to do about it."""


@dataclass(frozen=True)
class Facts:
    """The model, as the compiler knows it."""

    name: str
    # Of the compiler and of the spec; files of what learned carry both.
    version: str
    spec: str
    # Counted by the compiler; building.py stops where PyTorch counts otherwise.
    parameters: int
    trainable: int
    # Patterns of names: what learns, and what the spec added to its base.
    learns: tuple[str, ...]
    added: tuple[str, ...]
    # Further places of layers, and the first one, where their tensors are.
    shared: dict[str, str]
    # Where lists of blocks are, one a stage.
    blocks: tuple[str, ...]
    # By the names of the network's inputs and outputs.
    takes: Takes
    teaches: Teaches


@dataclass(frozen=True)
class Augmentation:
    """How far images are moved and brightened, at most."""

    flip: bool = False
    # Degrees, either way.
    rotation: float = 0.0
    # 1 ± this.
    scale: float = 0.0
    gain: float = 0.0


@dataclass(frozen=True)
class Rate:
    """A learning rate of these tensors' own."""

    rate: float
    names: tuple[str, ...]


@dataclass(frozen=True)
class Settings:
    """Training. run.json keeps what was used."""

    loss: tuple[Term, ...]
    optimizer: str
    rate: float
    betas: tuple[float, float]
    eps: float
    weight_decay: float
    momentum: float
    rate_schedule: str
    warmup: int
    floor: float
    power: float
    step_every: int
    step_factor: float
    epochs: int
    batch: int
    accumulate: int
    prompt: str
    # Prompts from the mask are moved by up to this share of its box's sides.
    jitter: float | None
    seed: int
    # Everything else has `rate`.
    rates: tuple[Rate, ...]
    # Rates of blocks are tuned while training.
    auto_lr: AutoLr | None
    clip_norm: float | None
    clip_value: float | None
    # Epochs without a better validation after which training ends.
    patience: int | None
    # "balanced": cases that show rare classes come more often.
    sampling: str | None
    augmentation: Augmentation


SCHEMA = "hasam/pytorch-settings/1"


def tuples(values: dict[str, Any]) -> dict[str, Any]:
    """JSON's lists as tuples."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}


def tuned(values: dict[str, Any] | None) -> AutoLr | None:
    if values is None:
        return None
    depths = tuple(Depth(**tuples(one)) for one in values["depths"])
    return AutoLr(**{**values, "depths": depths})


def load_settings(path: Path) -> tuple[Facts, Settings]:
    """What the compiler wrote."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if content.get("$schema") != SCHEMA:
        raise SettingsError(f"{path}: it is not of {SCHEMA}; compile the spec again")
    training, model = dict(content["training"]), dict(content["model"])
    settings = Settings(
        loss=tuple(Term(**tuples(term)) for term in training.pop("loss")),
        rates=tuple(Rate(**tuples(one)) for one in training.pop("rates")),
        augmentation=Augmentation(**training.pop("augmentation")),
        auto_lr=tuned(training.pop("auto_lr")),
        **tuples(training),
    )
    takes = {name: made(FEEDS, feed) for name, feed in model.pop("takes").items()}
    teaches = {name: made(TAUGHT, to) for name, to in model.pop("teaches").items()}
    return Facts(takes=takes, teaches=teaches, **tuples(model)), settings


FACTS, SETTINGS = load_settings(Path(__file__).with_name("settings.json"))
