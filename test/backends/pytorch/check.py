"""Compares generated packages with what the compiler's engine gave. Answers in JSON.

python check.py FOLDER…: each holds package/, weights.safetensors, inputs.safetensors, outputs.safetensors, learned.safetensors
and samples.safetensors where there are any.
"""
import hashlib
import importlib
import inspect
import json
import sys
import time
from pathlib import Path

began = time.time()
import torch

torch.set_num_threads(1)


def digest(tensors):
    sha = hashlib.sha256()
    for name in sorted(tensors):
        sha.update((json.dumps([name, list(tensors[name].shape)], separators=(",", ":")) + "\n").encode())
        sha.update(tensors[name].detach().float().contiguous().numpy().tobytes())
    return sha.hexdigest()


def relative(a, b, floor=0.0):
    return float((a.double() - b.double()).norm() / max(float(b.double().norm()), floor, 1e-30))


def check(folder: Path):
    package = folder / "package"
    for name, module in list(sys.modules.items()):  # of the package before
        if (getattr(module, "__file__", None) or "").startswith(tuple(sys.argv[1:])):
            del sys.modules[name]
    sys.path.insert(0, str(package))
    try:
        model_py = importlib.import_module("model")
        weights_py = importlib.import_module("weights")
        building = importlib.import_module("building")
        losses_py = importlib.import_module("losses")
        settings = importlib.import_module("settings")
        model = model_py.build(seed=7)
        answer = {"initial": digest(weights_py.named_tensors(model)), "counts": building.counts(model)}
        answer["names"] = [n for n in model.state_dict() if n in weights_py.named_tensors(model)]

        tensors, _ = weights_py.read_safetensors(folder / "weights.safetensors")
        named = weights_py.named_tensors(model)
        with torch.no_grad():
            for name, value in tensors.items():
                named[name].copy_(value)
        answer["base"] = weights_py.base_hash(model)

        inputs, _ = weights_py.read_safetensors(folder / "inputs.safetensors")
        outputs, _ = weights_py.read_safetensors(folder / "outputs.safetensors")
        taught = settings.FACTS.teaches
        targets = {n: inputs.pop(f"target/{n}", None) for n in taught}
        if "target" in inputs:
            targets = {next(iter(taught)): inputs.pop("target")}
        flags = json.loads((folder / "flags.json").read_text())
        # What only this network takes, beside tensors.
        more = {"multimask": True} if flags["multimask"] else {}
        if "original_size" in inspect.signature(model.forward).parameters:
            more["original_size"] = tuple(targets["masks"].shape[2:])

        def run():
            """As samples are fed: the outputs by name."""
            if more:
                return {k: v for k, v in model(**inputs, **more)._asdict().items() if v is not None}
            return building.outputs_of(model, inputs)

        def loss_of(outputs):
            return losses_py.loss_of(settings.SETTINGS.loss, outputs, targets, taught)

        model.eval()
        named_outputs = run()
        loss = loss_of(named_outputs)
        loss.backward()
        answer["outputs"] = {n: relative(v.detach(), outputs[n if n in outputs else flags["output"]]) for n, v in named_outputs.items()}
        answer["loss"] = relative(loss.detach(), outputs["loss"])
        parameters = dict(model.named_parameters())
        gradients = {n[5:]: v for n, v in outputs.items() if n.startswith("grad/")}
        largest = max(float(v.norm()) for v in gradients.values())
        answer["gradients"] = {
            n: relative(parameters[n].grad, v, 1e-3 * largest) for n, v in gradients.items()
        }
        answer["others"] = [
            n for n, p in parameters.items() if p.grad is not None and n not in gradients and p.grad.abs().max() > 0
        ]

        # While training, batch norms that learn use the batch and move their statistics; frozen ones do neither.
        trained = folder / "trained.safetensors"
        if trained.exists():
            wanted, _ = weights_py.read_safetensors(trained)
            building.train_mode(model)
            answer["training loss"] = relative(loss_of(run()).detach(), wanted.pop("loss"))
            answer["statistics"] = {n: relative(named[n], v) for n, v in wanted.items()}
            answer["frozen statistics"] = [
                n for n in named if ".running_" in n and n not in wanted and not torch.equal(named[n], tensors[n])
            ]

        # What learned comes back as the same bytes, and moves nothing that is frozen.
        learned = folder / "learned.safetensors"
        if learned.exists():
            weights_py.load_learned(learned, model, answer["base"])
            weights_py.save_learned(folder / "back.safetensors", model, answer["base"])
            answer["same bytes"] = learned.read_bytes() == (folder / "back.safetensors").read_bytes()
            building.train_mode(model)
            before = {n: v.detach().clone() for n, v in weights_py.learned_tensors(model).items()}
            optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 1e-2)
            for _ in range(2):
                optimizer.zero_grad()
                loss_of(run()).backward()
                optimizer.step()
            after = weights_py.learned_tensors(model)
            answer["moved"] = [n for n, v in after.items() if not torch.equal(v, before[n])]
            answer["base after"] = weights_py.base_hash(model)
        return answer
    finally:
        sys.path.remove(str(package))


results = {Path(f).name: check(Path(f)) for f in sys.argv[1:]}
json.dump({"torch": torch.__version__, "seconds": time.time() - began, "results": results}, sys.stdout)
