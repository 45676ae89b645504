"""Writes sams.json: outputs and gradients of two small SAMs, from an installed segment_anything, in float64.

    pip install torch git+https://github.com/facebookresearch/segment-anything
    python test/passes/reference/make_sams.py

Weights and inputs come from a formula that the test has too, so only results are kept: of each tensor its norm and its products with
three pseudo-random directions, which differ if any element does.
"""

import functools
import json
import pathlib
import sys
import types

import torch


def without_torchvision() -> None:
    """segment_anything imports torchvision for image files and box filtering, which are not needed here."""
    for name in ["", ".transforms", ".transforms.functional", ".ops", ".ops.boxes"]:
        sys.modules["torchvision" + name] = types.ModuleType("torchvision" + name)
    for name in ["resize", "to_pil_image"]:
        setattr(sys.modules["torchvision.transforms.functional"], name, None)
    for name in ["batched_nms", "box_area"]:
        setattr(sys.modules["torchvision.ops.boxes"], name, None)


try:
    import torchvision  # noqa: F401
except ImportError:
    without_torchvision()
from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer  # noqa: E402
from segment_anything.modeling.image_encoder import window_partition, window_unpartition  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "reference"))
from formula import digest, tensor  # noqa: E402

torch.set_default_dtype(torch.float64)
# segment_anything asks for these by name for positions: float64 here, so that the comparison can be exact.
torch.float = torch.float32 = torch.float64

CONFIGS = {
    # Windows of 3 on a grid of 5 are padded; two global blocks; a scale of 1 / √8.
    "a": dict(imageSize=80, patchSize=16, width=32, depth=4, heads=4, windowSize=3, globalBlocks=[1, 3], mlpRatio=4,
              outChannels=32, maskChannels=8,
              decoder=dict(depth=2, heads=4, mlpWidth=48, iouWidth=24, iouDepth=3, maskTokens=4)),
    "b": dict(imageSize=56, patchSize=8, width=24, depth=2, heads=3, windowSize=4, globalBlocks=[1], mlpRatio=4,
              outChannels=64, maskChannels=16,
              decoder=dict(depth=2, heads=2, mlpWidth=40, iouWidth=32, iouDepth=2, maskTokens=3)),
}
# Images that are not square, and are padded; masks of another size; several masks for b.
CASES = [
    dict(name="points", config="a", image=[80, 53], original=[97, 61], prompts=["points"], multimask=False),
    dict(name="points, a box and a mask", config="a", image=[80, 53], original=[97, 61],
         prompts=["points", "boxes", "mask"], multimask=False),
    dict(name="a box, several masks", config="b", image=[40, 56], original=[33, 47], prompts=["boxes"], multimask=True),
    dict(name="a mask, several masks", config="b", image=[40, 56], original=[33, 47], prompts=["mask"], multimask=True),
    # Only adapters learn.
    *(dict(name=f"adapters {how}", adapters=how, config="b", image=[56, 40], original=[31, 29],
           prompts=["points", "boxes"], multimask=False) for how in ["in series", "beside", "low rank"]),
]


def weight(name: str, shape: list[int]) -> torch.Tensor:
    values = tensor(name, shape) * (0.25 if len(shape) == 1 else 0.5)
    return values + 1 if len(shape) == 1 and name.endswith("weight") else values


def build(c: dict, adapters: str | None) -> Sam:
    d = c["decoder"]
    grid = c["imageSize"] // c["patchSize"]
    channels = c["outChannels"]
    encoder = ImageEncoderViT(
        img_size=c["imageSize"], patch_size=c["patchSize"], embed_dim=c["width"], depth=c["depth"],
        num_heads=c["heads"], mlp_ratio=c["mlpRatio"], out_chans=channels, qkv_bias=True,
        norm_layer=functools.partial(torch.nn.LayerNorm, eps=1e-6), use_rel_pos=True,
        window_size=c["windowSize"], global_attn_indexes=c["globalBlocks"],
    )  # fmt: skip
    prompts = PromptEncoder(
        embed_dim=channels, image_embedding_size=(grid, grid), input_image_size=(c["imageSize"],) * 2,
        mask_in_chans=c["maskChannels"],
    )  # fmt: skip
    decoder = MaskDecoder(
        transformer=TwoWayTransformer(
            depth=d["depth"], embedding_dim=channels, num_heads=d["heads"], mlp_dim=d["mlpWidth"]
        ),
        transformer_dim=channels, num_multimask_outputs=d["maskTokens"] - 1,
        iou_head_depth=d["iouDepth"], iou_head_hidden_dim=d["iouWidth"],
    )  # fmt: skip
    model = Sam(encoder, prompts, decoder)
    if adapters is not None:
        existing = set(model.state_dict())
        for block in encoder.blocks:
            adapt(block, c["width"], adapters)
        for name, parameter in model.named_parameters():
            parameter.requires_grad = name not in existing
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(weight(name, list(parameter.shape)))
        for name, buffer in model.named_buffers():
            if "gaussian" in name:
                buffer.copy_(weight(name, list(buffer.shape)))
    return model


class Residual(torch.nn.Sequential):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + super().forward(x)


class LowRank(torch.nn.Linear):
    """Linear, with updates of slices of its outputs: target → (first output, how many)."""

    def __init__(self, old: torch.nn.Linear, rank: int, alpha: int, targets: dict) -> None:
        super().__init__(old.in_features, old.out_features)
        self.targets = {"_" + name if name else "": slice(at, at + size) for name, (at, size) in targets.items()}
        self.factor = alpha / rank
        for name, rows in self.targets.items():
            setattr(self, "lora_a" + name, torch.nn.Linear(old.in_features, rank, bias=False))
            setattr(self, "lora_b" + name, torch.nn.Linear(rank, rows.stop - rows.start, bias=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = super().forward(x)
        for name, rows in self.targets.items():
            update = getattr(self, "lora_b" + name)(getattr(self, "lora_a" + name)(x))
            y = y + self.factor * torch.nn.functional.pad(update, (rows.start, y.shape[-1] - rows.stop))
        return y


def nothing(x: torch.Tensor) -> float:
    return 0.0


def same(x: torch.Tensor) -> torch.Tensor:
    return x


def adapted_block(self, x: torch.Tensor) -> torch.Tensor:
    """The sites of adapters in a block."""
    a = self.norm1(x)
    if self.window_size > 0:
        size = a.shape[1:3]
        a, padded = window_partition(a, self.window_size)
    a = self.attn(a)
    if self.window_size > 0:
        a = window_unpartition(a, self.window_size, padded, size)
    x1 = x + getattr(self, "after_attention", same)(a)
    n2 = self.norm2(x1)
    out = getattr(self, "in_mlp_residual", same)(x1) + self.mlp(n2)
    out = out + 0.5 * getattr(self, "beside_mlp", nothing)(n2)
    return out + 0.1 * getattr(self, "beside_mlp_residual", nothing)(x1)


def bottleneck(width: int, rank: int, activation: type, kind: type = torch.nn.Sequential) -> torch.nn.Module:
    return kind(torch.nn.Linear(width, rank), activation(), torch.nn.Linear(rank, width))


def adapt(block: torch.nn.Module, width: int, how: str) -> None:
    block.forward = types.MethodType(adapted_block, block)
    if how == "in series":
        block.after_attention = bottleneck(width, 3, torch.nn.ReLU, Residual)
        block.in_mlp_residual = bottleneck(width, 3, torch.nn.ReLU, Residual)
    if how == "beside":
        block.beside_mlp = bottleneck(width, 2, torch.nn.GELU)
        block.beside_mlp_residual = bottleneck(width, 2, torch.nn.ReLU)
    if how == "low rank":
        block.attn.qkv = LowRank(block.attn.qkv, 2, 4, {"q": (0, width), "v": (2 * width, width)})
        block.mlp.lin1 = LowRank(block.mlp.lin1, 2, 4, {"": (0, 4 * width)})


def dice_and_cross_entropy(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    target = target.expand_as(logits)
    p = torch.sigmoid(logits)
    axes = (1, 2, 3)
    overlap = (2 * (p * target).sum(axes) + 1) / (p.sum(axes) + target.sum(axes) + 1)
    return (1 - overlap).mean() + torch.nn.functional.binary_cross_entropy_with_logits(logits, target)


def run(case: dict) -> dict:
    config = CONFIGS[case["config"]]
    model = build(config, case.get("adapters"))
    grid = config["imageSize"] // config["patchSize"]
    height, width = case["image"]
    image = 127.5 * (tensor("image", [3, height, width]) + 1)
    points = (20 * (tensor("point_coords", [1, 2, 2]) + 1), torch.tensor([[1.0, 0.0]]))
    boxes = 14 * (tensor("boxes", [1, 4]) + torch.tensor([1.0, 1.0, 2.0, 2.0]))
    mask = 2 * tensor("mask_input", [1, 1, 4 * grid, 4 * grid])
    given = case["prompts"]
    embedding = model.image_encoder(model.preprocess(image)[None])
    sparse, dense = model.prompt_encoder(
        points=points if "points" in given else None,
        boxes=boxes if "boxes" in given else None,
        masks=mask if "mask" in given else None,
    )
    low, iou = model.mask_decoder(
        image_embeddings=embedding,
        image_pe=model.prompt_encoder.get_dense_pe(),
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        multimask_output=case["multimask"],
    )
    masks = model.postprocess_masks(low, (height, width), tuple(case["original"]))
    target = (tensor("target", [1, 1, *case["original"]]) > 0.2).to(masks.dtype)
    loss = dice_and_cross_entropy(masks, target)
    loss.backward()
    outputs = {"image_embedding": embedding, "low_res_masks": low, "iou_predictions": iou, "masks": masks}
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return {
        **case,
        "config": config,
        "loss": loss.item(),
        "outputs": {name: digest(name, value) for name, value in outputs.items()},
        "gradients": {name: digest(name, value) for name, value in gradients.items()},
    }


text = json.dumps([run(case) for case in CASES])
pathlib.Path(__file__).with_name("sams.json").write_text(text + "\n")
