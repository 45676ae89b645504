/** settings.py: what a spec says of training. */
import type { TrainingOptions } from "../../../dsl/training.ts"
import { call, float, laidOut } from "../python.ts"

const bool = (x: boolean): string => (x ? "True" : "False")

const augmentationOf = ({ augmentation }: TrainingOptions): string => {
  const { flip, rotation, scale, gain } = augmentation
  const given = [
    ...(flip ? [`flip=${bool(flip)}`] : []),
    ...(rotation === 0 ? [] : [`rotation=${float(rotation)}`]),
    ...(scale === 0 ? [] : [`scale=${float(scale)}`]),
    ...(gain === 0 ? [] : [`gain=${float(gain)}`]),
  ]
  return laidOut("augmentation: Augmentation = ", call("Augmentation", ...given), "", 4).join("\n")
}

/** Every field has a value, so that a change of one option needs no other. */
export const settingsPy = (options: TrainingOptions, place: string | undefined): string => {
  const { optimizer, rateSchedule } = options
  const betas = optimizer.kind === "sgd" ? [0.9, 0.999] : optimizer.betas
  const cosine = rateSchedule.kind === "cosine" ? rateSchedule : { warmup: 0, floor: 0 }
  const step = rateSchedule.kind === "step" ? rateSchedule : { every: 1, factor: 1 }
  return `"""What the spec says of training${place === undefined ? "" : `, ${place}`}."""

from __future__ import annotations

from dataclasses import dataclass

from samples import Augmentation


@dataclass(frozen=True)
class Settings:
    """Options of train.py override some; run.json keeps what was used."""

    optimizer: str = "${optimizer.kind}"
    rate: float = ${float(optimizer.rate)}
    betas: tuple[float, float] = (${betas.map(float).join(", ")})
    eps: float = ${float(optimizer.kind === "sgd" ? 1e-8 : optimizer.eps)}
    weight_decay: float = ${float(optimizer.kind === "adamW" ? optimizer.weightDecay : 0)}
    momentum: float = ${float(optimizer.kind === "sgd" ? optimizer.momentum : 0)}
    rate_schedule: str = "${rateSchedule.kind}"
    warmup: int = ${cosine.warmup}
    floor: float = ${float(cosine.floor)}
    step_every: int = ${step.every}
    step_factor: float = ${float(step.factor)}
    epochs: int = ${options.epochs}
    batch: int = ${options.batch}
    accumulate: int = ${options.accumulate}
    prompt: str = "${options.prompt.kind}"
    seed: int = ${options.seed}
${augmentationOf(options)}
`
}
