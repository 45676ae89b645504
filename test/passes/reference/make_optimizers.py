"""Writes optimizers.json: five steps of torch.optim's optimizers in float64 on gradients that a formula gives.

    python test/passes/reference/make_optimizers.py
"""

import json
import math
import pathlib

import torch

SHAPES = {"a": [5], "b": [2, 3]}
RATES = [0.1, 0.1, 0.05, 0.05, 0.01]
OPTIMIZERS = {
    "adam": (torch.optim.Adam, {}),
    "adam, other betas and eps": (torch.optim.Adam, {"betas": (0.8, 0.95), "eps": 0.01}),
    "adamW": (torch.optim.AdamW, {"weight_decay": 0.01}),
    "adamW, strong decay": (torch.optim.AdamW, {"weight_decay": 0.3, "betas": (0.7, 0.9), "eps": 1e-3}),
    "sgd": (torch.optim.SGD, {}),
    "sgd with momentum": (torch.optim.SGD, {"momentum": 0.9}),
}


def formula(name: str, step: int) -> torch.Tensor:
    """Step 0 are the initial values, step t the gradients of step t; the test has the same formula."""
    shape = SHAPES[name]
    size = math.prod(shape)
    values = [math.sin(1 + 3 * i + 7 * step + 5 * ord(name)) for i in range(size)]
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


def run(kind, options) -> dict:
    parameters = {name: formula(name, 0).requires_grad_() for name in SHAPES}
    optimizer = kind(parameters.values(), lr=RATES[0], **options)
    steps = []
    for step, rate in enumerate(RATES, 1):
        optimizer.param_groups[0]["lr"] = rate
        for name, parameter in parameters.items():
            parameter.grad = formula(name, step)
        optimizer.step()
        steps.append({name: parameter.detach().flatten().tolist() for name, parameter in parameters.items()})
    return steps


results = {name: run(kind, options) for name, (kind, options) in OPTIMIZERS.items()}
text = json.dumps({"torch": torch.__version__.split("+")[0], "rates": RATES, "steps": results}, indent=1)
pathlib.Path(__file__).with_name("optimizers.json").write_text(text + "\n")
