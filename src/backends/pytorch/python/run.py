"""A run: model, optimizer and where they stand, on one process or many."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
import torch.distributed as dist
import torch.nn as nn
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader
from torch.utils.data.distributed import DistributedSampler

from building import is_added, outputs_of, train_mode
from losses import Term, loss_of
from manifest import Case
from samples import Batch, Options, TrainingSet, prepare
from settings import FACTS, Settings, tuples
from task import answer_of, feeds_of, pixels_of, score_of
from tuning import Judged, Tuning, judged, started
from weights import (
    base_hash,
    learned_tensors,
    load_base,
    load_learned,
    read_safetensors,
    save_learned,
    write_safetensors,
)


@dataclass
class Progress:
    """Where a run stands."""

    epoch: int = 0
    # Batches of the current epoch done, batches in all, optimizer steps.
    in_epoch: int = 0
    batch: int = 0
    step: int = 0
    best_epoch: int = -1
    best: float = -1.0
    loss_sum: float = 0.0
    loss_count: int = 0
    # Where rates are tuned.
    tuning: Tuning | None = None


class TrainingError(Exception):
    """Why a run cannot start or go on."""


# Processes ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """This process among those that train together."""

    rank: int
    world: int
    device: torch.device

    @property
    def leads(self) -> bool:
        return self.rank == 0


def join_processes(device: str | None) -> Place:
    rank = int(os.environ.get("RANK", "0"))
    world = int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if device is None:
        device = f"cuda:{local}" if torch.cuda.is_available() else "cpu"
    place = Place(rank, world, torch.device(device))
    if place.device.type == "cuda":
        torch.cuda.set_device(place.device)
    if world > 1:
        dist.init_process_group("nccl" if place.device.type == "cuda" else "gloo")
    return place


def summed(values: Sequence[float], place: Place) -> list[float]:
    """Sums over all processes."""
    if place.world == 1:
        return list(values)
    # NCCL and gloo both reduce float64.
    total = torch.tensor(values, dtype=torch.float64, device=place.device)
    dist.all_reduce(total)
    return cast("list[float]", total.tolist())


def talk(place: Place, text: str, end: str = "\n") -> None:
    if place.leads:
        print(text, end=end, file=sys.stderr, flush=True)


# One step ----------------------------------------------------------------------------


class Objective(nn.Module):
    """From a batch to its loss; what DistributedDataParallel wraps."""

    def __init__(self, model: nn.Module, terms: Sequence[Term]) -> None:
        super().__init__()
        self.model, self.terms = model, terms

    def forward(self, batch: Batch) -> Tensor:
        outputs = outputs_of(self.model, batch["feeds"])
        return loss_of(self.terms, outputs, batch["targets"], FACTS.teaches)


@dataclass(frozen=True)
class Group:
    """Parameters of one rate: so many times the optimizer's, tuned with a depth's."""

    factor: float
    depth: int | None
    names: list[str]


def groups_of(settings: Settings, model: nn.Module) -> list[Group]:
    """What learns, by its rate."""
    own = {name: one.rate for one in settings.rates for name in one.names}
    tuned = settings.auto_lr.depths if settings.auto_lr is not None else ()
    depths = {name: one.depth for one in tuned for name in one.names}
    groups: dict[tuple[float, int | None], list[str]] = {}
    for name, p in model.named_parameters():
        if p.requires_grad:
            factor = own[name] / settings.rate if name in own else 1.0
            groups.setdefault((factor, depths.get(name)), []).append(name)
    return [Group(factor, depth, names) for (factor, depth), names in groups.items()]


def optimizer_of(settings: Settings, model: nn.Module) -> torch.optim.Optimizer:
    named = dict(model.named_parameters())
    parameters = [
        {
            "params": [named[name] for name in group.names],
            "factor": group.factor,
            "depth": group.depth,
        }
        for group in groups_of(settings, model)
    ]
    if settings.optimizer == "sgd":
        return torch.optim.SGD(parameters, settings.rate, momentum=settings.momentum)
    if settings.optimizer == "adamW":
        return torch.optim.AdamW(
            parameters,
            settings.rate,
            betas=settings.betas,
            eps=settings.eps,
            weight_decay=settings.weight_decay,
        )
    return torch.optim.Adam(
        parameters, settings.rate, betas=settings.betas, eps=settings.eps
    )


# PyTorch's names of what an optimizer keeps of a parameter, and ours.
KEPT = {
    "step": "step",
    "exp_avg": "adam/m",
    "exp_avg_sq": "adam/v",
    "momentum_buffer": "sgd/momentum",
}


def optimizer_tensors(
    optimizer: torch.optim.Optimizer, names: Sequence[str]
) -> dict[str, Tensor]:
    """What the optimizer keeps, by name; its options are the settings'."""
    return {
        f"{KEPT[key]}/{names[i]}": value
        for i, kept in optimizer.state_dict()["state"].items()
        for key, value in kept.items()
        if isinstance(value, Tensor)
    }


def restore_optimizer(
    optimizer: torch.optim.Optimizer, names: Sequence[str], tensors: dict[str, Tensor]
) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for i, name in enumerate(names):
        for key, ours in KEPT.items():
            if f"{ours}/{name}" in tensors:
                state.setdefault(i, {})[key] = tensors[f"{ours}/{name}"]
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def rate_at(settings: Settings, epoch: int, step: int, steps: int) -> float:
    """The learning rate of the next step, of `steps`; epochs and steps count from 0."""
    rate, kind = settings.rate, settings.rate_schedule
    if kind == "step":
        return rate * settings.step_factor ** (epoch // settings.step_every)
    if kind == "cosine":
        warmup, floor = settings.warmup, settings.floor
        if epoch < warmup:
            return rate * (epoch + 1) / warmup
        share = (epoch - warmup) / max(1, settings.epochs - warmup)
        return rate * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * share)))
    if kind == "polynomial":
        warmup, floor = settings.warmup, settings.floor
        if step < warmup:
            return rate * (step + 1) / warmup
        left = 1 - (step - warmup) / max(1, steps - warmup)
        return rate * float(floor + (1 - floor) * max(0.0, left) ** settings.power)
    return rate


def autocast(precision: str, device: torch.device) -> AbstractContextManager[object]:
    if precision == "float32":
        return contextlib.nullcontext()
    if device.type == "cpu" and int(torch.__version__[0]) < 2:
        raise TrainingError(f"--precision {precision} on a CPU needs PyTorch 2")
    dtype = torch.bfloat16 if precision == "bf16" else torch.float16
    return torch.autocast(device.type, dtype=dtype)


def scaler_of(precision: str, device: torch.device) -> Any:
    """Keeps the gradients of float16 from vanishing; does nothing otherwise."""
    enabled = precision == "fp16"
    if enabled and device.type != "cuda":
        raise TrainingError("--precision fp16 needs a GPU; take bf16 or float32")
    if hasattr(torch.amp, "GradScaler"):
        return torch.amp.GradScaler(device.type, enabled=enabled)
    return torch.cuda.amp.GradScaler(enabled=enabled)


def recompute_blocks(model: nn.Module) -> None:
    """Blocks keep their inputs only, and are computed again backward."""
    if not FACTS.blocks:
        raise TrainingError("--recompute: this model has no blocks")
    for path in FACTS.blocks:
        for block in model.get_submodule(path).children():
            forward = partial(checkpoint, block.forward, use_reentrant=False)
            block.forward = forward


# A run -------------------------------------------------------------------------------


class Run:
    """Model, optimizer and where they stand; on disk in --out."""

    def __init__(
        self,
        model: nn.Module,
        args: argparse.Namespace,
        settings: Settings,
        place: Place,
    ) -> None:
        self.args, self.settings, self.place = args, settings, place
        self.model = model
        if args.weights is not None:
            for note in load_base(self.model, args.weights):
                talk(place, f"note: {note}")
        else:
            talk(place, "note: no --weights: everything starts from initial values")
        self.base = base_hash(self.model)
        if args.adapters is not None:
            load_learned(args.adapters, self.model, self.base)
        self.model.to(place.device)
        if args.recompute:
            recompute_blocks(self.model)
        self.optimizer = optimizer_of(settings, self.model)
        # In the optimizer's order.
        self.names = [n for one in groups_of(settings, self.model) for n in one.names]
        self.steps = 0
        self.per_epoch = 0
        # What the epoch began with, where it may be undone.
        self.epoch_start: dict[str, Tensor] = {}
        self.scaler = scaler_of(args.precision, place.device)
        self.progress = Progress()
        if settings.auto_lr is not None:
            self.progress.tuning = started(settings.auto_lr)
        self.stopping = False
        objective = Objective(self.model, settings.loss)
        self.objective: nn.Module = objective
        if place.world > 1:
            # Parts that no prompt of this kind uses get no gradient.
            unused = any(not is_added(name) for name in learned_tensors(self.model))
            self.objective = DistributedDataParallel(
                objective,
                device_ids=[place.device] if place.device.type == "cuda" else None,
                find_unused_parameters=unused,
            )

    @property
    def out(self) -> Path:
        return cast(Path, self.args.out)

    def save(self) -> None:
        """last.safetensors: what learns and its moments, not the frozen base."""
        if not self.place.leads:
            return
        learned = learned_tensors(self.model)
        bad = [name for name, t in learned.items() if not torch.isfinite(t).all()]
        if bad:
            raise TrainingError(
                f"{bad[0]} is not finite at step {self.progress.step}: lower the rate "
                "and go on with --resume; the last good checkpoint was kept"
            )
        tensors = self.standing()
        if self.place.world > 1:
            # Of several processes each has a sum of its own.
            tensors = {k: v for k, v in tensors.items() if "accumulated/" not in k}
        if self.progress.in_epoch > 0:
            # Between epochs it is what all tensors are.
            tensors |= {f"epoch/{k}": v for k, v in self.epoch_start.items()}
        metadata = {
            "hasam.base": self.base,
            "hasam.progress": json.dumps(asdict(self.progress)),
            "hasam.scaler": json.dumps(self.scaler.state_dict()),
        }
        write_safetensors(self.out / "last.safetensors", tensors, metadata)

    def standing(self) -> dict[str, Tensor]:
        """All that the next step depends on, but for what is frozen."""
        learned = learned_tensors(self.model)
        summed_up = {
            f"accumulated/{name}": p.grad
            for name, p in self.model.named_parameters()
            if p.grad is not None
        }
        kept = optimizer_tensors(self.optimizer, self.names)
        return {**learned, **kept, **summed_up}

    @torch.no_grad()
    def put(self, tensors: dict[str, Tensor]) -> None:
        """The same, put back; what is left of an optimizer's state is dropped."""
        for name, own in learned_tensors(self.model).items():
            own.copy_(tensors[name])
        restore_optimizer(self.optimizer, self.names, tensors)
        for name, p in self.model.named_parameters():
            sum_so_far = tensors.get(f"accumulated/{name}")
            p.grad = None if sum_so_far is None else sum_so_far.to(p.device)

    @torch.no_grad()
    def restore(self) -> None:
        path = self.out / "last.safetensors"
        if not path.exists():
            raise TrainingError(f"{path}: there is nothing to resume")
        tensors, metadata = read_safetensors(path)
        if metadata.get("hasam.base") != self.base:
            raise TrainingError(f"{path}: the run began on other frozen tensors")
        began = {k: v for k, v in tensors.items() if k.startswith("epoch/")}
        self.epoch_start = {k.removeprefix("epoch/"): v for k, v in began.items()}
        self.put({k: v for k, v in tensors.items() if k not in began})
        self.scaler.load_state_dict(json.loads(metadata["hasam.scaler"]))
        progress = json.loads(metadata["hasam.progress"])
        tuning = progress.pop("tuning")
        self.progress = Progress(**progress)
        if tuning is not None:
            self.progress.tuning = Tuning(**tuples(tuning))
        if self.place.leads:
            trim_log(self.out / "log.jsonl", self.progress.step)

    def note(self, **entry: float | Sequence[float]) -> None:
        if self.place.leads:
            with open(self.out / "log.jsonl", "a", encoding="utf-8") as log:
                log.write(json.dumps({"step": self.progress.step, **entry}) + "\n")

    def moved(self, x: Tensor) -> Tensor:
        return x.to(self.place.device, non_blocking=True)

    def tuned(self, depth: int | None) -> float:
        tuning = self.progress.tuning
        return 1.0 if tuning is None or depth is None else tuning.factors[depth]

    def train_batch(self, batch: Batch) -> float:
        """Forward and backward; a step where enough batches have been summed up."""
        settings, progress = self.settings, self.progress
        applies = (progress.batch + 1) % settings.accumulate == 0
        rate = rate_at(settings, progress.epoch, progress.step, self.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["factor"] * self.tuned(group["depth"])
        objective = self.objective
        waits: AbstractContextManager[object] = contextlib.nullcontext()
        if not applies and isinstance(objective, DistributedDataParallel):
            waits = cast(Any, objective).no_sync()
        batch = {
            kind: {name: self.moved(x) for name, x in tensors.items()}
            for kind, tensors in batch.items()
        }
        with waits:
            with autocast(self.args.precision, self.place.device):
                loss: Tensor = objective(batch)
            self.scaler.scale(loss / settings.accumulate).backward()
        if applies:
            self.clip()
            self.scaler.step(self.optimizer)
            self.scaler.update()
            self.optimizer.zero_grad(set_to_none=True)
        total, stops = summed([loss.item(), float(self.stopping)], self.place)
        self.stopping = stops > 0
        mean = total / self.place.world
        if not math.isfinite(mean):
            raise TrainingError(
                f"the loss is not finite at step {progress.step}: lower the rate and "
                "go on with --resume; the last good checkpoint was kept"
            )
        progress.in_epoch += 1
        progress.batch += 1
        progress.step += int(applies)
        progress.loss_sum += mean
        progress.loss_count += 1
        return mean

    def clip(self) -> None:
        """Gradients no longer, or none of their numbers larger, than settings say."""
        norm, value = self.settings.clip_norm, self.settings.clip_value
        if norm is None and value is None:
            return
        self.scaler.unscale_(self.optimizer)
        learning = [p for g in self.optimizer.param_groups for p in g["params"]]
        if norm is not None:
            nn.utils.clip_grad_norm_(learning, norm)
        if value is not None:
            nn.utils.clip_grad_value_(learning, value)

    def ended(self) -> bool:
        settings, progress = self.settings, self.progress
        waited = progress.epoch - 1 - progress.best_epoch
        in_vain = settings.patience is not None and waited >= settings.patience
        return progress.epoch >= settings.epochs or in_vain

    @torch.no_grad()
    def validate(self, cases: Sequence[Case], options: Options) -> float:
        """Mean Dice at the original size; of points, the share that hits the mask."""
        self.model.eval()
        score, count = 0.0, 0
        for case in cases[self.place.rank :: self.place.world]:
            score += self.score(case, options)
            count += 1
        train_mode(self.model)
        score, total = summed([score, float(count)], self.place)
        return score / max(1.0, total)

    def score(self, case: Case, options: Options) -> float:
        """Of several outputs that are taught, the first is scored."""
        sample = prepare(case, options, None)
        feeds = feeds_of(sample, FACTS.takes, options.prompt)
        feeds = {name: x[None].to(self.place.device) for name, x in feeds.items()}
        output, taught = next(iter(FACTS.teaches.items()))
        with autocast(self.args.precision, self.place.device):
            found = outputs_of(self.model, feeds)[output].float().cpu()
        answer = answer_of(found, taught, pixels_of(FACTS.takes), sample)
        return score_of(answer, taught, sample)

    def run(
        self, train: Sequence[Case], validation: Sequence[Case], options: Options
    ) -> None:
        settings, progress, place = self.settings, self.progress, self.place
        data = TrainingSet(train, options)
        sampler: DistributedSampler[Batch] = DistributedSampler(
            data, place.world, place.rank, shuffle=False, drop_last=True
        )
        per_epoch = len(data) // (settings.batch * place.world)
        if per_epoch == 0:
            raise TrainingError(
                f"{len(data)} images for training do not make a batch of "
                f"{settings.batch} for each of {place.world} processes"
            )
        if settings.patience is not None and not validation:
            raise TrainingError("--patience: there are no images for validation")
        self.per_epoch = per_epoch
        self.steps = per_epoch * settings.epochs // settings.accumulate
        train_mode(self.model)
        while not self.ended() and not self.stopping:
            data.set_epoch(progress.epoch)
            if settings.auto_lr is not None and progress.in_epoch == 0:
                now = self.standing().items()
                self.epoch_start = {k: v.detach().clone() for k, v in now}
            start = time.time()
            for batch in self.batches(data, sampler, progress.in_epoch):
                loss = self.train_batch(batch)
                if self.args.log_steps:
                    self.note(epoch=progress.epoch, batch=progress.batch, loss=loss)
                pace = (time.time() - start) / max(1, progress.loss_count)
                talk(
                    place,
                    f"\repoch {progress.epoch + 1}/{settings.epochs} "
                    f"batch {progress.in_epoch}/{per_epoch} "
                    f"loss {loss:.4f} {pace:.2f} s/batch ",
                    end="",
                )
                if self.stopping or progress.batch % self.args.checkpoint_every == 0:
                    self.save()
                if self.stopping:
                    talk(place, "\nstopped; go on with --resume")
                    return
                if progress.in_epoch == per_epoch:
                    break
            self.end_epoch(validation, options)

    def batches(
        self,
        data: TrainingSet,
        sampler: DistributedSampler[Batch],
        done: int,
    ) -> Iterator[Batch]:
        """This process's batches of the epoch, without those that are done."""
        indices = list(sampler)[done * self.settings.batch :]
        yield from DataLoader(
            data,
            batch_size=self.settings.batch,
            sampler=indices,
            num_workers=self.args.workers,
            pin_memory=self.place.device.type == "cuda",
            drop_last=True,
        )

    def tune(self) -> Judged | None:
        """What tuning says of the epoch; one that is not kept is undone."""
        options, progress = self.settings.auto_lr, self.progress
        if options is None or progress.tuning is None:
            return None
        now = learned_tensors(self.model)
        found = judged(options, progress.tuning, self.epoch_start, now, progress.epoch)
        progress.tuning = found.next
        if found.kept:
            return found
        self.put(self.epoch_start)
        progress.batch -= self.per_epoch
        progress.step = progress.batch // self.settings.accumulate
        progress.in_epoch, progress.loss_sum, progress.loss_count = 0, 0.0, 0
        self.save()
        talk(
            self.place,
            f"\repoch {progress.epoch + 1}: undone, {found.next.undone} so far: the "
            f"blocks' order is {found.order:.3f} of {found.asked:.3f}" + " " * 24,
        )
        return found

    def end_epoch(self, validation: Sequence[Case], options: Options) -> None:
        progress, settings = self.progress, self.settings
        epoch, loss = progress.epoch, progress.loss_sum / max(1, progress.loss_count)
        trials = 1 if progress.tuning is None else progress.tuning.undone + 1
        found = self.tune()
        if found is not None and not found.kept:
            return
        due = (epoch + 1) % self.args.validate_every == 0
        entry: dict[str, float] = {"epoch": epoch, "loss": loss}
        best = not validation
        if validation and (due or epoch + 1 == settings.epochs):
            entry["validation"] = self.validate(validation, options)
            best = entry["validation"] > progress.best
            if best:
                progress.best, progress.best_epoch = entry["validation"], epoch
        progress.epoch, progress.in_epoch = epoch + 1, 0
        progress.loss_sum, progress.loss_count = 0.0, 0
        self.note(**entry, **tuning_entry(found, trials))
        shown = (
            f", validation {entry['validation']:.4f}" if "validation" in entry else ""
        )
        talk(self.place, f"\repoch {epoch + 1}: loss {loss:.6f}{shown}" + " " * 24)
        if best and self.place.leads:
            save_learned(self.out / "best.safetensors", self.model, self.base)
        self.save()


def tuning_entry(
    found: Judged | None, trials: int
) -> dict[str, float | Sequence[float]]:
    if found is None:
        return {}
    return {"trials": trials, "order": found.order, "factors": found.next.factors}


def trim_log(path: Path, step: int) -> None:
    """What a killed run wrote after its last checkpoint will be written again."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        with contextlib.suppress(ValueError, KeyError):
            if json.loads(line)["step"] <= step:
                kept.append(line + "\n")
    path.write_text("".join(kept), encoding="utf-8")
