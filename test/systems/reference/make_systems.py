"""Writes systems.json: outputs, gradients and running statistics of small configurations of the systems' own code, in float64.

    pip install torch einops
    python test/systems/reference/make_systems.py FOLDER

FOLDER holds checkouts of milesial/Pytorch-UNet, HuCaoFighting/Swin-Unet, Beckschen/TransUNet, NKUhealong/H2Former,
ZhifangDeng/MISSFormer, xianlin7/SAMUS, ChaoningZhang/MobileSAM, hitachinsk/SAMed, bowang-lab/MedSAM and
MedicineToken/Medical-SAM-Adapter under the names of their repositories. Where a width is written into upstream's constructor, the network is put
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

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "reference"))
from formula import digest, tensor  # noqa: E402

torch.set_default_dtype(torch.float64)
# What upstream casts to float32, positions and boxes, stays float64 here.
torch.float32 = torch.float = torch.float64
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
for stub in [
    "timm",
    "timm.models",
    "timm.models.registry",
    "scipy",
    "scipy.ndimage",
    "tkinter",
]:
    sys.modules[stub] = types.ModuleType(stub)
sys.modules["timm.models.registry"].register_model = lambda make: make
sys.modules["tkinter"].X = None
sys.modules["turtle"] = types.SimpleNamespace(shape=None)
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
        "transunet",
        "TransUNet/networks",
        "vit_seg_configs",
        "vit_seg_modeling_resnet_skip",
        "vit_seg_modeling",
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
    module = load(
        "missformer",
        "MISSFormer/networks",
        "segformer",
        "MISSFormer",
        numbers={**sides, **starts},
    )
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
    return samus_of(16, 6)


def samus_of(width: int, out: int):
    numbers = {"1024": "256", "mid_channel = 64": "mid_channel = 8", r"256\+8": "64+8"}
    module = load(
        "samus",
        "SAMUS/models/segment_anything_samus/modeling",
        "common",
        "image_encoder",
        numbers=numbers,
    )
    return module.ImageEncoderViT(
        img_size=64, patch_size=8, embed_dim=width, depth=3, num_heads=2, out_chans=out, use_rel_pos=True, window_size=3,
        global_attn_indexes=(0, 2), norm_layer=functools.partial(nn.LayerNorm, eps=1e-6),
    )  # fmt: skip


def mobile_sam():
    return mobile_sam_of(6)


def mobile_sam_of(out: int):
    # The side of the map, the width at which a merging keeps the resolution, and the width of SAM's embedding.
    numbers = {"64, 64": "4, 4", "320": "24", "256": f"{out}"}
    module = load("mobile_sam", "MobileSAM/mobile_sam/modeling", "tiny_vit_sam", numbers=numbers)
    return module.TinyViT(
        img_size=64, num_classes=5, embed_dims=[8, 12, 16, 24], depths=[1, 1, 2, 1], num_heads=[1, 2, 2, 3],
        window_sizes=[4, 3, 4, 3], drop_path_rate=0.0,
    )  # fmt: skip


SMALL = dict(width=32, out=16, mask_channels=4, hidden=24, iou=12)


def parts(package: str, folder: str, *more: str) -> types.SimpleNamespace:
    """Upstream's decoder and prompt encoder, small, as its build function puts them together; and its modules."""
    files = ["common", *more, "prompt_encoder", "transformer", "mask_decoder"]
    load(package, folder, *files)
    return types.SimpleNamespace(**{file: sys.modules[f"{package}.{file}"] for file in files})


def prompts_and_decoder(modules, size: int, grid: int, outputs: int, **decoder) -> tuple[nn.Module, nn.Module]:
    prompts = modules.prompt_encoder.PromptEncoder(
        embed_dim=SMALL["out"], image_embedding_size=(grid, grid), input_image_size=(size, size),
        mask_in_chans=SMALL["mask_channels"],
    )  # fmt: skip
    two_way = modules.transformer.TwoWayTransformer(
        depth=2, embedding_dim=SMALL["out"], mlp_dim=SMALL["hidden"], num_heads=2
    )
    masks = modules.mask_decoder.MaskDecoder(
        num_multimask_outputs=outputs, transformer=two_way, transformer_dim=SMALL["out"], iou_head_depth=3,
        iou_head_hidden_dim=SMALL["iou"], **decoder,
    )  # fmt: skip
    return prompts, masks


def vit(module, size: int) -> nn.Module:
    return module.ImageEncoderViT(
        img_size=size, patch_size=8, embed_dim=SMALL["width"], depth=2, num_heads=2, out_chans=SMALL["out"],
        use_rel_pos=True, window_size=3, global_attn_indexes=(1,), qkv_bias=True, mlp_ratio=4,
        norm_layer=functools.partial(nn.LayerNorm, eps=1e-6),
    )  # fmt: skip


PIXEL_MEAN = torch.tensor([123.675, 116.28, 103.53]).view(-1, 1, 1)
PIXEL_STD = torch.tensor([58.395, 57.12, 57.375]).view(-1, 1, 1)


class Prompted(nn.Module):
    """The parts of a SAM, asked as upstream's training asks them."""

    def __init__(
        self,
        image_encoder: nn.Module,
        prompt_encoder: nn.Module,
        mask_decoder: nn.Module,
    ) -> None:
        super().__init__()
        self.image_encoder, self.prompt_encoder, self.mask_decoder = (
            image_encoder,
            prompt_encoder,
            mask_decoder,
        )

    def low_resolution(self, embedding, several=False, points=None, boxes=None):
        sparse, dense = self.prompt_encoder(points=points, boxes=boxes, masks=None)
        return self.mask_decoder(
            image_embeddings=embedding, image_pe=self.prompt_encoder.get_dense_pe(), sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense, multimask_output=several,
        )[0]  # fmt: skip


def whole_mobile_sam():
    encoder = mobile_sam_of(SMALL["out"])
    modules = parts("mobile_sam_parts", "MobileSAM/mobile_sam/modeling")
    prompts, masks = prompts_and_decoder(modules, 64, 4, 3)

    class Whole(Prompted):
        def forward(self, image, point_coords, point_labels):
            # As Sam.forward; the decoder takes one image.
            embedding = self.image_encoder((100 * image - PIXEL_MEAN) / PIXEL_STD)
            points = [(c[None], labels[None]) for c, labels in zip(point_coords, point_labels, strict=True)]
            low = [self.low_resolution(e[None], points=p) for e, p in zip(embedding, points, strict=True)]
            return nn.functional.interpolate(torch.cat(low), (64, 64), mode="bilinear", align_corners=False)

    return Whole(encoder, prompts, masks)


def whole_samus():
    encoder = samus_of(SMALL["width"], SMALL["out"])
    modules = parts("samus_parts", "SAMUS/models/segment_anything_samus/modeling")
    prompts, masks = prompts_and_decoder(modules, 64, 8, 3)
    modules = load(
        "samus_whole", "SAMUS/models/segment_anything_samus/modeling",
        "common", "image_encoder", "prompt_encoder", "transformer", "mask_decoder", "samus", numbers={"256": "64"},
    )  # fmt: skip
    network = modules.Samus(encoder, prompts, masks)
    network.requires_grad_(True)
    upstream = network.forward
    network.forward = lambda image, point_coords, point_labels: upstream(image, (point_coords, point_labels))["masks"]
    return network


def whole_samed():
    stub("icecream", FOLDER, ic=None)
    modules = parts("samed", "SAMed/segment_anything/modeling", "image_encoder", "sam")
    prompts, masks = prompts_and_decoder(modules, 48, 6, 2)
    network = modules.sam.Sam(vit(modules.image_encoder, 48), prompts, masks, [0.0] * 3, [1.0] * 3)
    stub(
        "segment_anything",
        FOLDER / "SAMed/segment_anything",
        build_sam=None,
        SamPredictor=None,
        sam_model_registry=None,
    )
    sys.modules["segment_anything.modeling"] = types.SimpleNamespace(Sam=type(network))
    stub("safetensors", FOLDER, safe_open=None)
    stub("safetensors.torch", FOLDER, save_file=None)
    lora = load("samed_lora", "SAMed", "sam_lora_image_encoder")
    lora.LoRA_Sam(network, 2)
    network.requires_grad_(True)
    upstream = network.forward_train
    network.forward = lambda image: upstream(image, True, 48)["low_res_logits"]
    return network


def whole_medsam():
    modules = parts("medsam", "MedSAM/segment_anything/modeling", "image_encoder")
    prompts, masks = prompts_and_decoder(modules, 48, 6, 3)
    text = (FOLDER / "MedSAM/train_one_gpu.py").read_text()
    # The class alone: the file trains when it is loaded.
    text = re.search(r"^class MedSAM.*?(?=^def )", text, re.MULTILINE | re.DOTALL).group()
    scope = {"nn": nn, "torch": torch, "F": nn.functional}
    exec(text, scope)
    network = scope["MedSAM"](vit(modules.image_encoder, 48), masks, prompts)
    upstream = network.forward
    network.forward = lambda image, boxes: upstream(image, boxes)
    return network


def stub(name: str, folder: pathlib.Path, **members) -> None:
    """A package whose own file is not run."""
    package = types.ModuleType(name)
    package.__path__ = [str(folder)]
    package.__dict__.update(members)
    sys.modules[name] = package


def whole_medsa():
    models = FOLDER / "Medical-SAM-Adapter/models"
    for name in ["models", "models.sam", "models.sam.modeling"]:
        stub(name, FOLDER / "Medical-SAM-Adapter" / name.replace(".", "/"))
    stub("models.ImageEncoder", models / "ImageEncoder")
    stub("models.common", models / "common")
    from importlib import import_module

    for name in ["adapter", "layer_norm", "mlp"]:
        sys.modules["models.common"].__dict__.update(import_module(f"models.common.{name}").__dict__)
    sys.modules["models.common"].loralib = None
    block = import_module("models.ImageEncoder.vit.adapter_block")
    sys.modules["models.ImageEncoder"].__dict__.update(AdapterBlock=block.AdapterBlock, Block=None, LoraBlock=None)
    modules = types.SimpleNamespace(
        **{name: import_module(f"models.sam.modeling.{name}") for name in ["prompt_encoder", "mask_decoder"]},
        transformer=import_module("models.common.MaskDecoder"),
    )
    prompts, masks = prompts_and_decoder(modules, 48, 6, 1)
    encoder = import_module("models.sam.modeling.image_encoder")
    args = types.SimpleNamespace(mod="sam_adpt", mid_dim=None, thd=False, chunk=None)
    # SAM's table of positions is one of 1024 pixels.
    large = nn.Parameter(torch.zeros(1, 7, 7, SMALL["width"]))
    image_encoder = encoder.ImageEncoderViT(
        args, img_size=48, patch_size=8, embed_dim=SMALL["width"], depth=2, num_heads=2, out_chans=SMALL["out"],
        use_rel_pos=True, window_size=4, global_attn_indexes=(1,), norm_layer=functools.partial(nn.LayerNorm, eps=1e-6),
    )  # fmt: skip
    image_encoder.pos_embed = large

    class Whole(Prompted):
        def forward(self, image, point_coords, point_labels):
            # As function.py; its prompt encoder runs without gradients, which are taken here, too.
            low = self.low_resolution(self.image_encoder(image), points=(point_coords, point_labels))
            return nn.functional.interpolate(low, size=(24, 24))

    return Whole(image_encoder, prompts, masks)


POINTS = {"point_coords": [2, 3, 2], "point_labels": [2, 3]}
CASES = [
    dict(name="U-Net", build=lambda: unet(False), image=[1, 20, 27]),
    dict(name="U-Net, bilinear", build=lambda: unet(True), image=[1, 20, 27]),
    dict(name="Swin-Unet", build=swin_unet, image=[3, 64, 64]),
    dict(name="TransUNet", build=transunet, image=[3, 32, 32]),
    dict(name="H2Former", build=h2former, image=[4, 64, 64]),
    dict(name="MISSFormer", build=missformer, image=[3, 64, 64]),
    dict(name="SAMUS's encoder", build=samus, image=[3, 64, 64]),
    dict(name="MobileSAM's encoder", build=mobile_sam, image=[3, 64, 64]),
    dict(name="SAMUS", build=whole_samus, image=[3, 64, 64], prompts=POINTS),
    dict(name="MobileSAM", build=whole_mobile_sam, image=[3, 64, 64], prompts=POINTS),
    dict(name="SAMed", build=whole_samed, image=[3, 48, 48]),
    dict(name="MedSAM", build=whole_medsam, image=[3, 48, 48], prompts={"boxes": [2, 4]}),
    dict(name="Med-SA", build=whole_medsa, image=[3, 48, 48], prompts=POINTS),
]


def loss_of(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy of a mask, cross-entropy of classes: the numbers of the target are shared out among them."""
    classes = logits.shape[1]
    if classes == 1:
        return nn.functional.binary_cross_entropy_with_logits(logits, (target > 0.2).to(logits.dtype))
    numbers = ((target + 1) / 2 * classes).floor().long().clamp(0, classes - 1)
    return nn.functional.cross_entropy(logits, numbers[:, 0])


def ours(name: str) -> str:
    """What is called otherwise here: SAMed's updates of the fused queries and values."""
    name = name.replace("attn.qkv.qkv.", "attn.qkv.")
    return re.sub(r"attn\.qkv\.linear_([ab])_([qv])\.", r"attn.qkv.lora_\1_\2.", name)


def prompt(name: str, shape: list[int], side: int) -> torch.Tensor:
    """Points and boxes within the image; of the labels some are 0."""
    values = tensor(name, shape)
    if name == "point_labels":
        return (values > -0.5).to(values.dtype)
    within = (values + 1) / 2 * side
    if name == "point_coords":
        return within
    return within / 2 + torch.tensor([0.0, 0.0, side / 2, side / 2])


def run(case: dict) -> dict:
    network = case["build"]()
    network.requires_grad_(True)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(weight(ours(name), list(parameter.shape)))
        for name, buffer in network.named_buffers():
            if "running" in name or "gaussian" in name:
                buffer.copy_(weight(name, list(buffer.shape)))
    image = tensor("image", [2, *case["image"]])
    asked = {name: prompt(name, shape, case["image"][1]) for name, shape in case.get("prompts", {}).items()}
    apply = functools.partial(network, image, **asked)
    network.eval()
    with torch.no_grad():
        inference = digest("masks", apply())
    target = tensor("target", [2, 1, *inference["shape"][2:]])
    network.train()
    masks = apply()
    loss = loss_of(masks, target)
    loss.backward()
    return {
        "name": case["name"],
        "image": case["image"],
        **({"prompts": case["prompts"]} if "prompts" in case else {}),
        "parameters": sum(p.numel() for p in network.parameters()),
        "tensors": {ours(name): list(value.shape) for name, value in network.state_dict().items()},
        "inference": inference,
        "masks": digest("masks", masks),
        "loss": loss.item(),
        "gradients": {ours(n): digest(ours(n), p.grad) for n, p in network.named_parameters() if p.grad is not None},
        "statistics": {n: digest(n, b) for n, b in network.named_buffers() if "running" in n},
    }


if __name__ == "__main__":
    wanted = sys.argv[2:]
    path = pathlib.Path(__file__).with_name("systems.json")
    known = {r["name"]: r for r in json.loads(path.read_text())} if path.exists() else {}
    for case in CASES:
        if not wanted or case["name"] in wanted:
            known[case["name"]] = run(case)
            print(
                case["name"],
                known[case["name"]]["parameters"],
                known[case["name"]]["loss"],
                file=sys.stderr,
            )
    lines = [json.dumps(known[case["name"]], separators=(",", ":")) for case in CASES if case["name"] in known]
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n")
