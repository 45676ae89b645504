"""Writes ops.json: PyTorch's values and gradients of ops and losses in float64, on operands that a formula gives.

    python test/ir/reference/make_ops.py
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def operand(k: int, shape: list[int]) -> torch.Tensor:
    """The k-th operand; the test has the same formula."""
    size = math.prod(shape)
    return torch.tensor([1.5 * math.sin(1 + 3 * i + 5 * k) for i in range(size)]).reshape(shape)


def relative_attention(q, k, v, table_h, table_w, scale, height, width):
    """Relative positions as they are defined: a row of each table for each pair of tokens; the bias has the unscaled q."""
    tokens = torch.arange(height * width)
    y, x = tokens // width, tokens % width
    dy = table_h[y[:, None] - y[None, :] + height - 1]
    dx = table_w[x[:, None] - x[None, :] + width - 1]
    scores = q @ k.transpose(-1, -2) * scale + torch.einsum("bhnd,nmd->bhnm", q, dy + dx)
    return scores.softmax(-1) @ v


def dice(x, t):
    p = x.sigmoid()
    each = (1, 2, 3)
    t = t.expand_as(x)
    return (1 - (2 * (p * t).sum(each) + 1) / (p.sum(each) + t.sum(each) + 1)).mean()


def mask(t):
    return (t > 0).to(t.dtype)


def bce(x, t):
    return F.binary_cross_entropy_with_logits(x, t.expand_as(x))


QKV = [[2, 2, 5, 3], [2, 2, 4, 3], [2, 2, 4, 2]]
GRID = [[1, 2, 6, 3]] * 3 + [[3, 3], [5, 3]]
MASKS = [[2, 1, 3, 4], [2, 1, 3, 4]]
# name: (shapes of the operands, function of them)
CASES = {
    "erf": ([[3, 4]], lambda x: torch.erf(2 * x)),
    "sigmoid of large numbers": ([[3, 4]], lambda x: torch.sigmoid(500 * x)),
    "softplus of large numbers": ([[3, 4]], lambda x: F.softplus(500 * x, threshold=1e9)),
    "gelu": ([[3, 4]], lambda x: F.gelu(3 * x)),
    "relu": ([[3, 4]], F.relu),
    "abs": ([[3, 4]], torch.abs),
    "maximum with ties": ([[3, 4], [3, 4]], torch.maximum),
    "softmax": ([[2, 5]], lambda x: torch.softmax(4 * x, -1)),
    "layerNorm": ([[2, 3, 4], [4], [4]], lambda x, w, c: F.layer_norm(x, [4], w, c, eps=1e-5)),
    "linear": ([[2, 3, 4], [5, 4], [5]], F.linear),
    "matmul": ([[2, 1, 3, 4], [3, 4, 2]], torch.matmul),
    "conv2d": ([[1, 2, 5, 4], [3, 2, 3, 2]], lambda x, w: F.conv2d(x, w, padding=1)),
    "conv2d, strided, dilated, grouped": (
        [[2, 4, 7, 6], [4, 2, 2, 3]],
        lambda x, w: F.conv2d(x, w, stride=(2, 1), padding=(1, 2), dilation=(2, 1), groups=2),
    ),
    "depthwise": ([[1, 3, 4, 4], [3, 1, 3, 3]], lambda x, w: F.conv2d(x, w, padding=1, groups=3)),
    "transposed convolution": (
        [[1, 4, 3, 2], [4, 2, 2, 2]],
        lambda x, w: F.conv_transpose2d(x, w, stride=2),
    ),
    "transposed convolution, padded, grouped": (
        [[1, 4, 3, 2], [4, 1, 3, 3]],
        lambda x, w: F.conv_transpose2d(x, w, stride=2, padding=1, output_padding=1, groups=2),
    ),
    "maxPool2d": ([[1, 2, 5, 4]], lambda x: F.max_pool2d(x, 3, 2, 1)),
    "maxPool2d with ties": ([[1, 1, 4, 4]], lambda x: F.max_pool2d(x, 2, 1)),
    "avgPool2d": ([[1, 2, 5, 4]], lambda x: F.avg_pool2d(x, (3, 2), (2, 1), (1, 0))),
    "reduceMax with ties": ([[3, 4]], lambda x: torch.amax(x, 0)),
    "reduceMean": ([[2, 3, 4]], lambda x: x.mean((0, 2), keepdim=True)),
    "gather": ([[4, 3]], lambda x: x[[2, 0, 2, 3]]),
    "scatterAdd": ([[4, 3]], lambda x: torch.zeros(5, 3).index_add(0, torch.tensor([2, 0, 2, 4]), x)),
    "attention": (QKV, lambda q, k, v: F.scaled_dot_product_attention(q, k, v, scale=0.7)),
    "relPosAttention": (GRID, lambda q, k, v, h, w: relative_attention(q, k, v, h, w, 0.6, 2, 3)),
    "resizeBilinear, up": ([[1, 2, 3, 2]], lambda x: F.interpolate(x, (7, 5), mode="bilinear", align_corners=False)),
    "resizeBilinear, down": ([[1, 2, 7, 6]], lambda x: F.interpolate(x, (3, 4), mode="bilinear", align_corners=False)),
    "silu": ([[3, 5]], lambda x: F.silu(3 * x)),
    "leakyRelu": ([[3, 5]], lambda x: F.leaky_relu(x, 0.2)),
    "relu6": ([[3, 5]], lambda x: F.relu6(5 * x)),
    "clip": ([[3, 5]], lambda x: x.clamp(-0.7, 0.9)),
    "hardswish": ([[3, 5]], lambda x: F.hardswish(3 * x)),
    "pow 3": ([[3, 5]], lambda x: x**3),
    "pow -2": ([[3, 5]], lambda x: x**-2),
    "minimum with ties": ([[3, 5], [3, 5]], torch.minimum),
    "reduceMin with ties": ([[4, 5]], lambda x: x.amin(0)),
    "logSoftmax": ([[2, 3, 5]], lambda x: F.log_softmax(4 * x, -1)),
    "logSoftmax of large numbers": ([[2, 3, 5]], lambda x: F.log_softmax(900 * x, -1)),
    "roll": ([[2, 5, 3]], lambda x: torch.roll(x, (2, -1), (1, 2))),
    "take": ([[2, 3, 4]], lambda x: x.index_select(1, torch.tensor([2, 0, 0, 1]))),
    "argmax": ([[3, 7, 2]], lambda x: x.argmax(1).to(x.dtype) + 0 * x.sum()),
    **{
        f"resize, {mode}{', corners aligned' if align else ''}, {size}": (
            [[1, 2, 5, 6]],
            lambda x, mode=mode, align=align, size=size: F.interpolate(x, size, mode=mode, align_corners=align),
        )
        for mode, align in [("nearest", None), ("bilinear", True), ("bicubic", False), ("bicubic", True)]
        for size in [(9, 13), (10, 12), (3, 2), (1, 1)]
    },
    "dice": (MASKS, lambda x, t: dice(x, mask(t))),
    "dice of several masks": ([[2, 3, 3, 4], [2, 1, 3, 4]], lambda x, t: dice(x, mask(t))),
    "dice of sure logits": (MASKS, lambda x, t: dice(900 * x, mask(t))),
    "dice without a target": (MASKS, lambda x, t: dice(x, 0 * t)),
    "bceWithLogits": (MASKS, lambda x, t: bce(x, mask(t))),
    "bceWithLogits of several masks": ([[2, 3, 3, 4], [2, 1, 3, 4]], lambda x, t: bce(x, mask(t))),
    "bceWithLogits of sure logits": (MASKS, lambda x, t: bce(900 * x, mask(t))),
    "mse": ([[3, 2], [3, 2]], F.mse_loss),
    "a weighted sum": (MASKS, lambda x, t: 0.3 * dice(x, mask(t)) + 20 * bce(x, mask(t))),
}


def run(shapes, function, ties):
    operands = [operand(k, shape) for k, shape in enumerate(shapes)]
    operands = [(x.round() if ties else x).requires_grad_() for x in operands]
    y = function(*operands)
    weights = torch.cos(torch.arange(y.numel(), dtype=y.dtype)).reshape(y.shape)
    (y * weights).sum().backward()
    gradients = [None if x.grad is None else x.grad.flatten().tolist() for x in operands]
    return {"shapes": shapes, "shape": list(y.shape), "y": y.flatten().tolist(), "gradients": gradients}


cases = {name: run(*case, ties="ties" in name) for name, case in CASES.items()}
text = json.dumps({"torch": torch.__version__.split("+")[0], "cases": cases}, indent=1)
pathlib.Path(__file__).with_name("ops.json").write_text(text + "\n")
