"""Checkpoints: safetensors and .pth in, what learned out.

Files of what learned are hasam's, byte for byte: "hasam run --adapters" reads what this
package wrote, and this package what hasam wrote. No package is needed for them.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from building import is_added, learns, statistics
from settings import FACTS

Tensors = dict[str, Tensor]

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
COUNTER = "num_batches_tracked"


class WeightsError(Exception):
    """What is wrong with a checkpoint, and what to do about it."""


# safetensors -------------------------------------------------------------------------


def read_safetensors(path: Path) -> tuple[Tensors, dict[str, str]]:
    """All tensors and the metadata. What the header claims is checked first."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8]) if len(data) >= 8 else (0,)
    if not 2 <= length <= len(data) - 8:
        raise WeightsError(f"{path}: this is not a safetensors file, or it is cut off")
    try:
        header = json.loads(data[8 : 8 + length])
    except ValueError:
        raise WeightsError(f"{path}: the header is not JSON") from None
    metadata = header.pop("__metadata__", {})
    tensors: Tensors = {}
    for name, entry in header.items():
        dtype = DTYPES.get(entry["dtype"])
        if dtype is None:
            raise WeightsError(f"{path}: {name} has dtype {entry['dtype']}")
        begin, end = entry["data_offsets"]
        shape = entry["shape"]
        count = math.prod(shape)
        size = torch.empty(0, dtype=dtype).element_size()
        if (
            not 0 <= begin <= end <= len(data) - 8 - length
            or end - begin != count * size
        ):
            raise WeightsError(f"{path}: the header does not fit the data at {name}")
        if count == 0:
            tensors[name] = torch.empty(shape, dtype=dtype)
            continue
        raw = bytearray(data[8 + length + begin : 8 + length + end])
        tensors[name] = torch.frombuffer(raw, dtype=dtype).reshape(shape)
    return tensors, metadata


def float_bytes(tensor: Tensor) -> bytes:
    """Row by row, in little-endian float32."""
    array = tensor.detach().to("cpu", torch.float32).contiguous().numpy()
    return array.astype("<f4").tobytes()


def write_safetensors(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]
) -> None:
    """In float32, by name: the same tensors, the same bytes. Whole or not at all."""
    header: dict[str, object] = {}
    if metadata:
        header["__metadata__"] = {key: metadata[key] for key in sorted(metadata)}
    end = 0
    for name in sorted(tensors):
        begin, end = end, end + 4 * tensors[name].numel()
        header[name] = {
            "dtype": "F32",
            "shape": list(tensors[name].shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    with open(beside, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in sorted(tensors):
            file.write(float_bytes(tensors[name]))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


# The base ----------------------------------------------------------------------------


def read_checkpoint(path: Path) -> Tensors:
    """A state dict from .safetensors or .pth.

    Pickles are read with weights_only: what is no tensor is refused.
    """
    if not path.exists():
        raise WeightsError(f"{path}: there is no such file")
    with open(path, "rb") as file:
        start = file.read(9)
    if start[8:9] == b"{":
        state: Mapping[str, Tensor] = read_safetensors(path)[0]
    else:
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            reason = str(error).splitlines()[0]
            raise WeightsError(f"{path}: these are not weights: {reason}") from None
    for key in ("state_dict", "model", "model_state_dict"):
        inner = state.get(key)
        if isinstance(inner, dict):
            state = inner
    return {k: v for k, v in state.items() if isinstance(v, Tensor)}


def unwrapped(found: Tensors, wanted: Collection[str]) -> Tensors:
    """Without the names of wrappers, such as module. or net., that all tensors bear."""

    def known(tensors: Tensors) -> int:
        return sum(name in wanted for name in tensors)

    heads = {name.partition(".")[0] for name in found}
    inner = {name.partition(".")[2]: tensor for name, tensor in found.items()}
    if len(heads) != 1 or "" in inner:
        return found
    inner = unwrapped(inner, wanted)
    return inner if known(inner) > known(found) else found


def resized(tensor: Tensor, shape: Sequence[int]) -> Tensor | None:
    """Position tables for another image size; None for all else."""
    x = tensor.float()
    if x.ndim == 2 and len(shape) == 2 and x.shape[1] == shape[1]:
        y = F.interpolate(x.T[None], shape[0], mode="linear")
        return y[0].T
    if x.ndim == 4 and len(shape) == 4 and x.shape[3] == shape[3]:
        size = (shape[1], shape[2])
        y = F.interpolate(x.permute(0, 3, 1, 2), size, mode="bilinear")
        return y.permute(0, 2, 3, 1)
    return None


@torch.no_grad()
def load_base(model: nn.Module, path: Path) -> list[str]:
    """Loads a checkpoint strictly, and says what it did beside copying.

    Only what the spec added (adapters) may be missing: it keeps its initial values.
    """
    state = {k: v for k, v in model.state_dict().items() if not k.endswith(COUNTER)}
    # What is shared is in files once, where it stands first.
    own = named_tensors(model)
    wanted = {k: v for k, v in state.items() if k in own}
    found = unwrapped(read_checkpoint(path), wanted)
    found = {k: v for k, v in found.items() if not k.endswith(COUNTER)}
    notes = []
    missing = [n for n in wanted if n not in found]
    added = [n for n in wanted if is_added(n)]
    kept = [n for n in missing if is_added(n)]
    if 0 < len(kept) < len(added):
        raise WeightsError(f"{path}: it has some of the adapters, but not {some(kept)}")
    lost = [n for n in missing if not is_added(n)]
    extra = [n for n in found if n not in wanted]
    if lost or extra:
        lines = [f"{path}: the checkpoint is of another model"]
        lines += [f"  missing: {some(lost)}"] if lost else []
        lines += [f"  not in this model: {some(extra)}"] if extra else []
        lines += ["  other names? hasam weights convert may know them"]
        raise WeightsError("\n".join(lines))
    for name, tensor in found.items():
        value: Tensor | None = tensor
        if tensor.shape != wanted[name].shape:
            tables = ("pos_embed", "rel_pos_h", "rel_pos_w")
            is_table = name.endswith(tables)
            value = resized(tensor, wanted[name].shape) if is_table else None
            if value is None:
                raise WeightsError(
                    f"{path}: {name} has shape {list(tensor.shape)}, "
                    f"the model's is {list(wanted[name].shape)}"
                )
            notes.append(f"{name} resized from {list(tensor.shape)}")
        assert value is not None
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise WeightsError(f"{path}: {name} has values that are not finite")
        wanted[name].copy_(value)
    return notes


def some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(names[:4]) + more


# What learns -------------------------------------------------------------------------


def named_tensors(model: nn.Module) -> Tensors:
    """Parameters and buffers, those outside the state dict too."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def learned_tensors(model: nn.Module) -> Tensors:
    """All that training changes: what learns, and statistics of norms that learn."""
    learning = {k: v.detach() for k, v in model.named_parameters() if learns(k)}
    return {**learning, **statistics(model)}


def base_hash(model: nn.Module) -> str:
    """SHA-256 of the frozen tensors by name: ties adapters to what they learned on."""
    digest = hashlib.sha256()
    changing = learned_tensors(model)
    tensors = named_tensors(model)
    for name in sorted(set(tensors) - set(changing)):
        line = [name, list(tensors[name].shape)]
        text = json.dumps(line, separators=(",", ":"), ensure_ascii=False)
        digest.update(f"{text}\n".encode())
        # PyTorch counts batches; hasam does not, and nothing uses the count.
        counts = name.endswith(COUNTER)
        tensor = torch.zeros_like(tensors[name]) if counts else tensors[name]
        digest.update(float_bytes(tensor))
    return digest.hexdigest()


def save_learned(path: Path, model: nn.Module, base: str) -> None:
    """Writes what learns, and the base that it belongs to."""
    metadata = {
        "format": "pt",
        "hasam.version": FACTS.version,
        "hasam.model": FACTS.name,
        "hasam.spec": FACTS.spec,
        "hasam.base": base,
    }
    write_safetensors(path, learned_tensors(model), metadata)


@torch.no_grad()
def load_learned(path: Path, model: nn.Module, base: str) -> None:
    """Reads what learned, of this package or of hasam, on this base."""
    if not path.exists():
        raise WeightsError(f"{path}: there is no such file")
    tensors, metadata = read_safetensors(path)
    if "hasam.base" not in metadata:
        raise WeightsError(f"{path}: it does not say which base it was trained on")
    if metadata["hasam.base"] != base:
        raise WeightsError(
            f"{path}: it was trained on the base {metadata['hasam.base'][:12]}…, "
            f"and the frozen tensors in use are {base[:12]}…"
        )
    wanted = learned_tensors(model)
    if set(tensors) != set(wanted):
        different = sorted(set(tensors) ^ set(wanted))
        raise WeightsError(f"{path}: other tensors learn here: {some(different)}")
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name].shape:
            raise WeightsError(f"{path}: {name} has shape {list(tensor.shape)}")
        wanted[name].copy_(tensor)
