"""Trains the model of model.py on one CPU, one GPU, or several under torchrun.

    hasam data split DATA --out split.json
    python train.py --data DATA --split split.json --weights base.pth --out runs/a
    torchrun --standalone --nproc_per_node 4 train.py --data DATA … --precision bf16

Writes into --out: run.json (what this run is), split.json, log.jsonl, last.safetensors
(what the next step depends on; --resume goes on from there), best.safetensors (what
learned, at its best on the validation images, for "hasam run --adapters" as well).
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
from dataclasses import asdict, replace
from pathlib import Path

import torch.distributed as dist

from manifest import Case, DataError, read_manifest
from model import build
from prompts import read_points
from run import Place, Run, TrainingError, join_processes, talk
from samples import Options, askable
from settings import FACTS, SETTINGS, Settings
from task import asks, is_asked, is_prompted
from weights import WeightsError

PROMPTS = ("centre", "randomInside", "box", "file", "localizer")


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    d = SETTINGS
    p.add_argument("--data", type=Path, required=True, help="folder or csv of images")
    p.add_argument("--out", type=Path, required=True, help="the run's folder")
    p.add_argument("--weights", type=Path, help="base: .pth or .safetensors")
    p.add_argument("--adapters", type=Path, help="start from what learned elsewhere")
    p.add_argument("--resume", action="store_true", help="go on where --out stands")
    p.add_argument("--epochs", type=int, default=d.epochs)
    p.add_argument(
        "--batch", type=int, default=d.batch, help="images a step and process"
    )
    p.add_argument("--accumulate", type=int, default=d.accumulate)
    p.add_argument("--rate", type=float, default=d.rate)
    p.add_argument("--seed", type=int, default=d.seed)
    p.add_argument("--patience", type=int, default=d.patience)
    p.add_argument("--prompt", choices=PROMPTS, default=d.prompt)
    p.add_argument("--jitter", type=float, default=d.jitter)
    p.add_argument("--points", type=Path, help="for --prompt file and localizer")
    p.add_argument("--split", type=Path, help="what data split wrote of --data")
    p.add_argument("--class", type=int, dest="foreground", help="of several classes")
    p.add_argument(
        "--precision", choices=("float32", "bf16", "fp16"), default="float32"
    )
    p.add_argument("--recompute", action="store_true", help="less memory, more time")
    p.add_argument("--device", help="cpu, cuda, cuda:1; found out if left out")
    p.add_argument("--workers", type=int, default=2, help="processes that read images")
    p.add_argument("--checkpoint-every", type=int, default=200, help="batches")
    p.add_argument("--validate-every", type=int, default=1, help="epochs")
    p.add_argument("--log-steps", action="store_true", help="each batch into log.jsonl")
    return p.parse_args()


def training_options(args: argparse.Namespace, settings: Settings) -> Options:
    takes, prompt = FACTS.takes, settings.prompt
    if is_prompted(takes) and not is_asked(takes, prompt):
        raise TrainingError(f"--prompt {prompt}: the model takes no {asks(prompt)}")
    return Options(
        facts=FACTS,
        prompt=prompt,
        seed=settings.seed,
        points=read_points(args.points) if args.points is not None else None,
        augmentation=settings.augmentation,
        sampling=settings.sampling,
        jitter=settings.jitter,
        foreground=args.foreground,
    )


def start_folder(args: argparse.Namespace, settings: Settings, run: Run) -> None:
    """run.json: what this run is; --resume demands the same."""
    path = args.out / "run.json"
    about = {
        "model": FACTS.name,
        "spec": FACTS.spec,
        "base": run.base,
        "world": run.place.world,
        "precision": args.precision,
        "data": str(args.data.resolve()),
        "options": asdict(settings),
    }
    about = json.loads(json.dumps(about))
    if args.resume:
        before = json.loads(path.read_text(encoding="utf-8"))
        # A run may go on for longer, and at another rate.
        for name in ("epochs", "patience", "rate"):
            before["options"][name] = about["options"][name]
        different = [k for k in about if k != "data" and before.get(k) != about[k]]
        if different:
            raise TrainingError(
                f"{path}: the run began with other {', '.join(different)}"
            )
    elif run.place.leads:
        path.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def train(args: argparse.Namespace, place: Place) -> None:
    overriding = (
        *("epochs", "batch", "accumulate", "rate", "seed", "prompt"),
        *("patience", "jitter"),
    )
    settings = replace(SETTINGS, **{name: getattr(args, name) for name in overriding})
    if not args.resume and (args.out / "last.safetensors").exists():
        raise TrainingError(f"{args.out} holds a run already; add --resume")
    split = args.out / "split.json" if args.resume else args.split
    if split is None:
        raise DataError(
            "--split is needed: which images train, as "
            f'"hasam data split {args.data} --out split.json" writes it'
        )
    cases = read_manifest(split, args.data)
    options = training_options(args, settings)
    run = Run(build(settings.seed), args, settings, place)
    if place.leads:
        args.out.mkdir(parents=True, exist_ok=True)
    start_folder(args, settings, run)
    if place.leads and not args.resume:
        shutil.copyfile(split, args.out / "split.json")
    if args.resume:
        run.restore()

    def of(part: str) -> list[Case]:
        return askable([case for case in cases if case.part == part], options)

    train_cases, validation = of("train"), of("validation")
    talk(
        place,
        f"{FACTS.name}: {FACTS.trainable:,} of {FACTS.parameters:,} parameters learn; "
        f"{len(train_cases)} images train, {len(validation)} validate; "
        f"{place.world} × {place.device.type}, {args.precision}",
    )

    def stop(*_: object) -> None:
        run.stopping = True

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    run.run(train_cases, validation, options)


def main() -> int:
    args = arguments()
    place = join_processes(args.device)
    try:
        train(args, place)
        return 0
    except (DataError, WeightsError, TrainingError) as error:
        talk(place, f"\nerror: {error}")
        return 1
    finally:
        if place.world > 1:
            dist.destroy_process_group()


if __name__ == "__main__":
    sys.exit(main())
