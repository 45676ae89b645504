"""Writes systems.json: outputs, gradients and running statistics of small configurations of the systems' own code, in float64.

    pip install torch einops
    python test/systems/reference/make_systems.py FOLDER

FOLDER holds checkouts of milesial/Pytorch-UNet, HuCaoFighting/Swin-Unet, Beckschen/TransUNet, NKUhealong/H2Former,
ZhifangDeng/MISSFormer, xianlin7/SAMUS and ChaoningZhang/MobileSAM under the names of their repositories. Where a width is written into upstream's constructor, the network is put
together here from upstream's own parts and runs upstream's own forward.

Weights and inputs come from a formula that the test has too; of each result its norm and its products with three pseudo-random
directions are kept, which differ if any element does.
"""

import functools
import json
import math
import pathlib
import re
import sys
import types

import torch
from torch import nn

torch.set_default_dtype(torch.float64)
FOLDER = pathlib.Path(sys.argv[1])


class ConfigDict(dict):
    """What TransUNet's configurations need of ml_collections."""

    def __getattr__(self, name):
        return self[name]

    def __setattr__(self, name, value):
        self[name] = value


class Whole(nn.Identity):
    """timm's DropPath where nothing is dropped."""

    def __init__(self, p: float = 0.0) -> None:
        super().__init__()
        assert p == 0


# What the systems need of libraries that bring torchvision with them.
sys.modules["ml_collections"] = types.SimpleNamespace(ConfigDict=ConfigDict)
helpers = types.ModuleType("timm.models.layers")
helpers.DropPath, helpers.trunc_normal_ = Whole, nn.init.trunc_normal_
helpers.to_2tuple = lambda x: x if isinstance(x, tuple) else (x, x)
for stub in ["timm", "timm.models", "timm.models.registry", "scipy", "scipy.ndimage", "tkinter"]:
    sys.modules[stub] = types.ModuleType(stub)
sys.modules["timm.models.registry"].register_model = lambda make: make
sys.modules["tkinter"].X = None
sys.modules["timm.models.layers"] = helpers
sys.modules["scipy"].ndimage = sys.modules["scipy.ndimage"]


def load(package: str, folder: str, *files: str, numbers: dict[str, str] | None = None) -> types.ModuleType:
    """The last of these modules of a checkout, in a package of their own: several checkouts have modules of one name.

    `numbers` are those that upstream has written out for one image size, and what they are for another.
    """
    parent = types.ModuleType(package)
    parent.__path__ = [str(FOLDER / folder)]
    sys.modules[package] = parent
    for file in files:
        path = FOLDER / folder / f"{file}.py"
        module = types.ModuleType(f"{package}.{file}")
        module.__package__ = package
        sys.modules[f"{package}.{file}"] = module
        text = path.read_text()
        for old, new in (numbers or {}).items():
            text = re.sub(rf"\b{old}\b", new, text)
        exec(compile(text, str(path), "exec"), module.__dict__)
    return module


def uniform(name: str, size: int) -> list[float]:
    """Numbers in −1…1 that only depend on the name: FNV-1a starts a linear congruential generator."""
    state = 0x811C9DC5
    for byte in name.encode():
        state = ((state ^ byte) * 0x01000193) % 2**32
    values = []
    for _ in range(size):
        state = (state * 1664525 + 1013904223) % 2**32
        values.append((state + 0.5) / 2**31 - 1)
    return values


def tensor(name: str, shape: list[int]) -> torch.Tensor:
    return torch.tensor(uniform(name, math.prod(shape))).reshape(shape)


def weight(name: str, shape: list[int]) -> torch.Tensor:
    """Of a norm around 1, of other vectors around 0; of what multiplies, such that variances are kept."""
    if len(shape) > 1:
        return tensor(name, shape) * math.sqrt(3 / math.prod(shape[1:]))
    one = name.endswith("weight") or name.endswith("running_var")
    return tensor(name, shape) * 0.25 + (1 if one else 0)


def unet(bilinear: bool):
    unet_model = load("unet", "Pytorch-UNet/unet", "unet_parts", "unet_model")
    unet_parts = sys.modules["unet.unet_parts"]

    class Narrow(unet_model.UNet):
        def __init__(self, channels: int, classes: int, w: int) -> None:
            nn.Module.__init__(self)
            half = 2 if bilinear else 1
            self.inc = unet_parts.DoubleConv(channels, w)
            self.down1 = unet_parts.Down(w, 2 * w)
            self.down2 = unet_parts.Down(2 * w, 4 * w)
            self.down3 = unet_parts.Down(4 * w, 8 * w)
            self.down4 = unet_parts.Down(8 * w, 16 * w // half)
            self.up1 = unet_parts.Up(16 * w, 8 * w // half, bilinear)
            self.up2 = unet_parts.Up(8 * w, 4 * w // half, bilinear)
            self.up3 = unet_parts.Up(4 * w, 2 * w // half, bilinear)
            self.up4 = unet_parts.Up(2 * w, w, bilinear)
            self.outc = unet_parts.OutConv(w, classes)

    return Narrow(1, 1, 4)


def swin_unet():
    module = load("swin", "Swin-Unet/networks", "swin_transformer_unet_skip_expand_decoder_sys")
    network = nn.Module()
    network.swin_unet = module.SwinTransformerSys(
        img_size=64, num_classes=3, embed_dim=8, depths=[2, 2, 2, 2], num_heads=[1, 2, 4, 4], window_size=4,
        drop_path_rate=0.0,
    )  # fmt: skip
    network.forward = lambda image: network.swin_unet(image)
    return network


def transunet():
    module = load(
        "transunet", "TransUNet/networks", "vit_seg_configs", "vit_seg_modeling_resnet_skip", "vit_seg_modeling"
    )
    config = module.CONFIGS["R50-ViT-B_16"]
    config.hidden_size = 16
    config.n_classes = 3
    config.n_skip = 3
    config.transformer.update(mlp_dim=32, num_heads=2, num_layers=2, dropout_rate=0.0)
    config.resnet.update(num_layers=(1, 2, 1), width_factor=0.5)
    config.patches = ConfigDict(grid=(2, 2), size=(16, 16))
    config.decoder_channels = (16, 8, 8, 4)
    config.skip_channels = [256, 128, 32, 16]
    return module.VisionTransformer(config, img_size=32, num_classes=3)


def h2former():
    sys.path.insert(0, str(FOLDER / "H2Former/models"))
    module = load("h2former", "H2Former/models", "H2Former")
    parts = sys.modules["basic_module"]

    class Narrow(module.Res34_Swin_MS):
        def __init__(self, size: int, w: int, classes: int) -> None:
            nn.Module.__init__(self)
            self._norm_layer = nn.BatchNorm2d
            self.inplanes, self.dilation, self.groups, self.base_width = w, 1, 1, 64
            self.conv1 = nn.Conv2d(4, w, 7, padding=3, bias=False)
            self.bn1 = nn.BatchNorm2d(w)
            self.relu = nn.ReLU()
            self.maxpool = nn.MaxPool2d(3, 2, 1)
            for i, count in enumerate([1, 2, 1, 1]):
                layer = self._make_layer(parts.BasicBlock, w * 2**i, count, stride=1 if i == 0 else 2)
                setattr(self, f"layer{i + 1}", layer)
            self.swin_layers = nn.ModuleList(
                parts.BasicLayer(
                    dim=w * 2**i, input_resolution=(size // 2 // 2**i,) * 2, depth=2, num_heads=2 ** (i + 1),
                    window_size=size // 16, drop_path=[0.0, 0.0],
                )
                for i in range(4)
            )  # fmt: skip
            self.patch_embed = parts.PatchEmbed(img_size=size, patch_size=[2, 4, 8, 16], in_chans=4, embed_dim=w)
            self.MS2, self.MS3, self.MS4 = (parts.PatchMerging(w * 2**i) for i in range(3))
            self.decode4 = parts.Decoder(8 * w, 4 * w)
            self.decode3 = parts.Decoder(4 * w, 2 * w)
            self.decode2 = parts.Decoder(2 * w, w)
            self.decode0 = nn.Sequential(
                nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
                nn.Conv2d(w, classes, 1, bias=False),
            )

    return Narrow(64, 8, 3)


def missformer():
    # Tokens of each level, and where they begin in the bridge's sequence: of 224 × 224 pixels upstream, of 64 × 64 here.
    sides = {"56": "16", "28": "8", "14": "4", "7, 7": "2, 2"}
    starts = {"3136": "256", "4704": "384", "5684": "464", "6076": "496"}
    module = load("missformer", "MISSFormer/networks", "segformer", "MISSFormer", numbers={**sides, **starts})
    d = [4, 8, 20, 32]

    class Narrow(module.MISSFormer):
        def __init__(self, classes: int) -> None:
            nn.Module.__init__(self)
            self.backbone = module.MiT(64, d, [1, 1, 1, 1], "mix_skip")
            self.bridge = module.BridegeBlock_4(d[0], 1, [1, 2, 4, 8])
            joint = [2, 9, 18, 32]
            for i in range(4):
                side = 16 // 2**i
                layer = module.MyDecoderLayer(
                    (side, side), [joint[i], d[i]], [1, 2, 5, 8][i], [8, 4, 2, 1][i], "mix_skip", n_class=classes,
                    is_last=i == 0,
                )  # fmt: skip
                setattr(self, f"decoder_{i}", layer)

    return Narrow(3)


def samus():
    numbers = {"1024": "256", "mid_channel = 64": "mid_channel = 8", r"256\+8": "64+8"}
    module = load("samus", "SAMUS/models/segment_anything_samus/modeling", "common", "image_encoder", numbers=numbers)
    return module.ImageEncoderViT(
        img_size=64, patch_size=8, embed_dim=16, depth=3, num_heads=2, out_chans=6, use_rel_pos=True, window_size=3,
        global_attn_indexes=(0, 2), norm_layer=functools.partial(nn.LayerNorm, eps=1e-6),
    )  # fmt: skip


def mobile_sam():
    # The side of the map, the width at which a merging keeps the resolution, and the width of SAM's embedding.
    numbers = {"64, 64": "4, 4", "320": "24", "256": "6"}
    module = load("mobile_sam", "MobileSAM/mobile_sam/modeling", "tiny_vit_sam", numbers=numbers)
    return module.TinyViT(
        img_size=64, num_classes=5, embed_dims=[8, 12, 16, 24], depths=[1, 1, 2, 1], num_heads=[1, 2, 2, 3],
        window_sizes=[4, 3, 4, 3], drop_path_rate=0.0,
    )  # fmt: skip


CASES = [
    dict(name="U-Net", build=lambda: unet(False), image=[1, 20, 27]),
    dict(name="U-Net, bilinear", build=lambda: unet(True), image=[1, 20, 27]),
    dict(name="Swin-Unet", build=swin_unet, image=[3, 64, 64]),
    dict(name="TransUNet", build=transunet, image=[3, 32, 32]),
    dict(name="H2Former", build=h2former, image=[4, 64, 64]),
    dict(name="MISSFormer", build=missformer, image=[3, 64, 64]),
    dict(name="SAMUS's encoder", build=samus, image=[3, 64, 64]),
    dict(name="MobileSAM's encoder", build=mobile_sam, image=[3, 64, 64]),
]


def digest(name: str, values: torch.Tensor) -> dict:
    flat = values.detach().flatten()
    directions = [torch.tensor(uniform(f"{name}/{i}", flat.numel())) for i in range(3)]
    return {
        "shape": list(values.shape),
        "norm": flat.norm().item(),
        "products": [(flat * direction).sum().item() for direction in directions],
    }


def loss_of(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy of a mask, cross-entropy of classes: the numbers of the target are shared out among them."""
    classes = logits.shape[1]
    if classes == 1:
        return nn.functional.binary_cross_entropy_with_logits(logits, (target > 0.2).to(logits.dtype))
    numbers = ((target + 1) / 2 * classes).floor().long().clamp(0, classes - 1)
    return nn.functional.cross_entropy(logits, numbers[:, 0])


def run(case: dict) -> dict:
    network = case["build"]()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(weight(name, list(parameter.shape)))
        for name, buffer in network.named_buffers():
            if "running" in name:
                buffer.copy_(weight(name, list(buffer.shape)))
    image = tensor("image", [2, *case["image"]])
    network.eval()
    with torch.no_grad():
        inference = digest("masks", network(image))
    target = tensor("target", [2, 1, *inference["shape"][2:]])
    network.train()
    masks = network(image)
    loss = loss_of(masks, target)
    loss.backward()
    return {
        "name": case["name"],
        "image": case["image"],
        "parameters": sum(p.numel() for p in network.parameters()),
        "tensors": {name: list(value.shape) for name, value in network.state_dict().items()},
        "inference": inference,
        "masks": digest("masks", masks),
        "loss": loss.item(),
        "gradients": {n: digest(n, p.grad) for n, p in network.named_parameters() if p.grad is not None},
        "statistics": {n: digest(n, b) for n, b in network.named_buffers() if "running" in n},
    }


if __name__ == "__main__":
    wanted = sys.argv[2:]
    path = pathlib.Path(__file__).with_name("systems.json")
    known = {r["name"]: r for r in json.loads(path.read_text())} if path.exists() else {}
    for case in CASES:
        if not wanted or case["name"] in wanted:
            known[case["name"]] = run(case)
            print(case["name"], known[case["name"]]["parameters"], known[case["name"]]["loss"], file=sys.stderr)
    lines = [json.dumps(known[case["name"]], separators=(",", ":")) for case in CASES if case["name"] in known]
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n")
