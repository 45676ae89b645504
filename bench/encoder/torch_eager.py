"""
One process: the same encoder in PyTorch, as one would write it, eager or with torch.compile ({"compile": true}). Arguments as those of hasam.js.
"""
import json
import resource
import struct
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

WIDTH, HEADS, WINDOW, GLOBAL = 768, 12, 14, (2, 5, 8, 11)


def read(path, names=None):
    """All tensors of a safetensors file, or those named."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    data = np.memmap(path, dtype=np.uint8, mode="r", offset=8 + length)
    return {
        name: torch.from_numpy(np.array(data[slice(*of["data_offsets"])]).view(np.float32).reshape(of["shape"]))
        for name, of in header.items()
        if name != "__metadata__" and (names is None or name in names)
    }


class Adapter(nn.Sequential):
    def __init__(self, rank):
        super().__init__(nn.Linear(WIDTH, rank), nn.ReLU(), nn.Linear(rank, WIDTH))

    def forward(self, x):
        return x + super().forward(x)


class Attention(nn.Module):
    def __init__(self, side):
        super().__init__()
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.rel_pos_h = nn.Parameter(torch.zeros(2 * side - 1, WIDTH // HEADS))
        self.rel_pos_w = nn.Parameter(torch.zeros(2 * side - 1, WIDTH // HEADS))

    def forward(self, x):
        b, h, w, _ = x.shape
        q, k, v = self.qkv(x).reshape(b, h * w, 3, HEADS, -1).permute(2, 0, 3, 1, 4).reshape(3, b * HEADS, h * w, -1)
        distance = torch.arange(h)[:, None] - torch.arange(h)[None] + h - 1
        grid = q.reshape(b * HEADS, h, w, -1)
        rows = torch.einsum("bhwc,hkc->bhwk", grid, self.rel_pos_h[distance])
        columns = torch.einsum("bhwc,wkc->bhwk", grid, self.rel_pos_w[distance])
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
        bias = rows[..., :, None] + columns[..., None, :]
        weights = (scores.view(-1, h, w, h, w) + bias).view(scores.shape).softmax(-1)
        return self.proj((weights @ v).view(b, HEADS, h, w, -1).permute(0, 2, 3, 1, 4).reshape(b, h, w, -1))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin1, self.lin2 = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        return self.lin2(F.gelu(self.lin1(x)))


class Block(nn.Module):
    def __init__(self, grid, window, rank):
        super().__init__()
        self.window = window
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH, eps=1e-6), nn.LayerNorm(WIDTH, eps=1e-6)
        self.attn, self.mlp = Attention(window or grid), Mlp()
        self.after_attention, self.in_mlp_residual = Adapter(rank), Adapter(rank)

    def attend(self, x):
        if not self.window:
            return self.attn(x)
        b, h, w, c = x.shape
        s = self.window
        x = F.pad(x, (0, 0, 0, -w % s, 0, -h % s))
        high, wide = x.shape[1] // s, x.shape[2] // s
        x = x.view(b, high, s, wide, s, c).transpose(2, 3).reshape(-1, s, s, c)
        x = self.attn(x).view(b, high, wide, s, s, c).transpose(2, 3)
        return x.reshape(b, high * s, wide * s, c)[:, :h, :w]

    def forward(self, x):
        x = x + self.after_attention(self.attend(self.norm1(x)))
        return self.in_mlp_residual(x) + self.mlp(self.norm2(x))


class LayerNorm2d(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        mean = x.mean(1, keepdim=True)
        x = (x - mean) / ((x - mean).pow(2).mean(1, keepdim=True) + 1e-6).sqrt()
        return x * self.weight[:, None, None] + self.bias[:, None, None]


class Encoder(nn.Module):
    def __init__(self, size, ranks, recompute):
        super().__init__()
        grid = size // 16
        self.recompute = recompute
        self.register_buffer("pixel_mean", torch.zeros(3, 1, 1))
        self.register_buffer("pixel_std", torch.zeros(3, 1, 1))
        self.pos_embed = nn.Parameter(torch.zeros(1, grid, grid, WIDTH))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, WIDTH, 16, 16)})
        self.blocks = nn.ModuleList(Block(grid, 0 if i in GLOBAL else WINDOW, r) for i, r in enumerate(ranks))
        self.neck = nn.Sequential(
            nn.Conv2d(WIDTH, 256, 1, bias=False), LayerNorm2d(256), nn.Conv2d(256, 256, 3, padding=1, bias=False), LayerNorm2d(256)
        )

    def forward(self, image):
        x = self.patch_embed["proj"]((image - self.pixel_mean) / self.pixel_std)
        x = x.permute(0, 2, 3, 1) + self.pos_embed
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False) if self.recompute else block(x)
        return self.neck(x.permute(0, 3, 1, 2))


def load(size, path, options):
    """The encoder with its weights, the image, and the target."""
    tensors = read(path)
    image, target = tensors.pop("image"), tensors.pop("target")
    state = {name.replace("image_encoder.", ""): tensor for name, tensor in tensors.items()}
    del tensors
    ranks = [state[f"blocks.{i}.after_attention.0.weight"].shape[0] for i in range(12)]
    model = Encoder(int(size), ranks, options.get("recompute", False))
    model.load_state_dict(state)
    return model, image, target


def main():
    work, size, path, runs, options = (sys.argv[1:] + ["{}"])[:5]
    options = json.loads(options)
    torch.set_num_threads(options.get("threads", torch.get_num_threads()))
    model, image, target = load(size, path, options)
    learning = []
    for name, parameter in model.named_parameters():
        parameter.requires_grad = "after_attention" in name or "in_mlp_residual" in name
        learning += [parameter] if parameter.requires_grad else []
    adam = torch.optim.Adam(learning, lr=1e-4)
    compiled = options.get("compile", False)
    if compiled:
        model = torch.compile(model)
    seconds, cpu_seconds, values = [], [], []
    for _ in range(int(runs)):
        start, before = time.perf_counter(), time.process_time()
        if work == "forward":
            with torch.no_grad():
                embedding = model(image)
            value = embedding.flatten()[:10000].double().norm()
        else:
            value = ((model(image) - target) ** 2).mean()
            value.backward()
            adam.step()
            adam.zero_grad(set_to_none=True)
        seconds.append(time.perf_counter() - start)
        cpu_seconds.append(time.process_time() - before)
        values.append(value.item())
    mebibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result = {"seconds": seconds, "cpuSeconds": cpu_seconds, "values": values, "mebibytes": mebibytes}
    print(json.dumps({**result, "peer": f"PyTorch {torch.__version__}, {'torch.compile' if compiled else 'eager'}"}))


if __name__ == "__main__":
    main()
