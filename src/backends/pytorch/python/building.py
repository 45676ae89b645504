"""A model from its network: counts checked, frozen where the spec freezes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import torch
import torch.nn as nn
from torch import Tensor
from torch.nn import BatchNorm1d, BatchNorm2d

from initial import initialise
from settings import FACTS
from task.pixels import Pixels, normalised

Network = TypeVar("Network", bound=nn.Module)


def learns(name: str) -> bool:
    """Does this parameter learn?"""
    return any(selects(pattern, name) for pattern in FACTS.learns)


def is_added(name: str) -> bool:
    """Did the spec add this parameter to its base?"""
    return any(selects(pattern, name) for pattern in FACTS.added)


def selects(pattern: str, name: str) -> bool:
    """Is a tensor what a pattern says, or under it? A * stands for one name."""
    wanted = pattern.split(".") if pattern else []
    parts = name.split(".")[: len(wanted)]
    return len(parts) == len(wanted) and all(
        want in ("*", part) for want, part in zip(wanted, parts)
    )


def built(
    network: Callable[[], Network],
    seed: int = 0,
    device: torch.device | str = "cpu",
    values: bool = True,
) -> Network:
    """The model of a network, as the spec has it.

    Initial values are those of hasam for this seed, bit for bit; values=False leaves
    them out, for a model whose weights are loaded or that is only counted.
    """
    if hasattr(torch.device, "__enter__"):  # PyTorch 2: nothing is computed twice
        with torch.device("meta"):  # type: ignore[attr-defined]
            model = network()
        model = model.to_empty(device=device)
    else:
        model = network().to(device)
    for place, first in FACTS.shared.items():
        share(model, place, first)
    freeze(model)
    check_counts(model)
    if values:
        initialise(model, seed)
    return model


def share(model: nn.Module, place: str, first: str) -> None:
    """One layer, or one tensor, in two places of a model."""
    parent, _, name = place.rpartition(".")
    owner = model.get_submodule(parent)
    if name in dict(owner.named_parameters(recurse=False)):
        setattr(owner, name, model.get_parameter(first))
    elif name in dict(owner.named_buffers(recurse=False)):
        setattr(owner, name, model.get_buffer(first))
    else:
        owner._modules[name] = model.get_submodule(first)


def outputs_of(model: nn.Module, feeds: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Outputs by name, of inputs as samples have them: pixels from 0 to 255."""
    inputs = dict(feeds)
    for name, take in FACTS.takes.items():
        if isinstance(take, Pixels) and name in inputs:
            inputs[name] = normalised(inputs[name], take)
    named = len(FACTS.takes) > 1
    given = model(**inputs) if named else model(*inputs.values())
    if isinstance(given, Tensor):
        return {next(iter(FACTS.teaches), "output"): given}
    outputs: dict[str, Tensor | None] = given._asdict()
    return {name: x for name, x in outputs.items() if x is not None}


BatchNorm = (BatchNorm1d, BatchNorm2d)


def freeze(model: nn.Module) -> None:
    """Gradients for what learns, and for nothing else."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(learns(name))


def train_mode(model: nn.Module) -> None:
    """Training: dropout acts, and batch norms that learn use the batch's statistics.

    Frozen ones keep to their running statistics and leave them unchanged.
    """
    model.train()
    for path, module in model.named_modules():
        if isinstance(module, BatchNorm):
            module.train(norm_learns(model, path, module))


def norm_learns(model: nn.Module, path: str, norm: BatchNorm1d | BatchNorm2d) -> bool:
    """Its weight learns, or, where it has none, anything beside it."""
    around = path if norm.affine else path.rpartition(".")[0]
    return any(p.requires_grad for p in model.get_submodule(around).parameters())


def statistics(model: nn.Module) -> dict[str, Tensor]:
    """Running statistics of batch norms that learn: training changes these, too."""
    return {
        f"{path}.{name}" if path else name: tensor
        for path, module in model.named_modules()
        if isinstance(module, BatchNorm) and norm_learns(model, path, module)
        for name, tensor in module.named_buffers(recurse=False)
        if name != "num_batches_tracked"
    }


def counts(model: nn.Module) -> tuple[int, int]:
    """Parameters in all, and those that learn."""
    parameters = list(model.parameters())
    trainable = [p for p in parameters if p.requires_grad]
    return sum(p.numel() for p in parameters), sum(p.numel() for p in trainable)


def counts_text(model: nn.Module) -> str:
    total, trainable = counts(model)
    return f"{FACTS.name}: {trainable:,} of {total:,} parameters learn"


def check_counts(model: nn.Module) -> None:
    """Raises where PyTorch does not count what the compiler counted."""
    total, trainable = counts(model)
    if (total, trainable) != (FACTS.parameters, FACTS.trainable):
        raise RuntimeError(
            f"{FACTS.name}: PyTorch counts {trainable:,} of {total:,} parameters "
            f"that learn, the compiler {FACTS.trainable:,} of {FACTS.parameters:,}: "
            "model.py was changed, or the spec was and this package is old; "
            "generate it again"
        )
