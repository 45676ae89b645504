"""Writes what tensors upstream's full-size networks have, by which their published checkpoints load strictly.

    pip install torch einops
    python test/systems/reference/make_lists.py FOLDER

mobile_sam.json: names and shapes of mobile_sam.pt; lists.json: of the others how many there are, and a hash of names and shapes.

FOLDER holds the checkouts that make_systems.py names.
"""

import functools
import hashlib
import json
import pathlib
import sys

import torch

from make_systems import ConfigDict, FOLDER, load, ours, stub

Shapes = dict[str, list[int]]


def shapes(network: torch.nn.Module, prefix: str = "") -> Shapes:
    return {prefix + ours(name): list(value.shape) for name, value in network.state_dict().items()}


def sam_builder(package: str, folder: str, build: str, **classes: str):
    """Upstream's build module of a SAM, with the classes that it takes from its package."""
    stub(package, FOLDER / folder)
    load(f"{package}.modeling", f"{folder}/modeling", *dict.fromkeys(["common", *classes.values()]))
    modeling = sys.modules[f"{package}.modeling"]
    for name, file in classes.items():
        setattr(modeling, name, getattr(sys.modules[f"{package}.modeling.{file}"], name))
    return load(package, folder, build)


SAM = dict(
    ImageEncoderViT="image_encoder",
    PromptEncoder="prompt_encoder",
    TwoWayTransformer="transformer",
    MaskDecoder="mask_decoder",
)


def mobile_sam() -> Shapes:
    classes = {**SAM, "TinyViT": "tiny_vit_sam", "Sam": "sam"}
    build = sam_builder("mobile_sam_list", "MobileSAM/mobile_sam", "build_sam", **classes)
    return shapes(build.build_sam_vit_t())


def unet(bilinear: bool) -> Shapes:
    return shapes(load("unet_list", "Pytorch-UNet/unet", "unet_parts", "unet_model").UNet(3, 1, bilinear))


def swin_unet() -> Shapes:
    module = load("swin_list", "Swin-Unet/networks", "swin_transformer_unet_skip_expand_decoder_sys")
    # configs/swin_tiny_patch4_window7_224_lite.yaml
    network = module.SwinTransformerSys(depths=[2, 2, 2, 2], num_classes=9, drop_path_rate=0.0)
    return shapes(network, "swin_unet.")


def transunet() -> Shapes:
    files = ["vit_seg_configs", "vit_seg_modeling_resnet_skip", "vit_seg_modeling"]
    module = load("transunet_list", "TransUNet/networks", *files)
    config = module.CONFIGS["R50-ViT-B_16"]
    config.n_classes, config.n_skip = 9, 3
    config.patches = ConfigDict(grid=(14, 14), size=(16, 16))
    return shapes(module.VisionTransformer(config, img_size=224, num_classes=9))


def missformer() -> Shapes:
    return shapes(load("missformer_list", "MISSFormer/networks", "segformer", "MISSFormer").MISSFormer())


def samed() -> Shapes:
    stub("icecream", FOLDER, ic=None)
    build = sam_builder("samed_list", "SAMed/segment_anything", "build_sam", **SAM, Sam="sam")
    network, _ = build.build_sam_vit_b(image_size=512, num_classes=8, pixel_mean=[0, 0, 0], pixel_std=[1, 1, 1])
    stub("segment_anything", FOLDER, build_sam=None, SamPredictor=None, sam_model_registry=None)
    sys.modules["segment_anything.modeling"] = sys.modules["samed_list.modeling"]
    stub("safetensors", FOLDER, safe_open=None)
    stub("safetensors.torch", FOLDER, save_file=None)
    load("samed_lora_list", "SAMed", "sam_lora_image_encoder").LoRA_Sam(network, 4)
    return shapes(network)


def samus() -> Shapes:
    folder = "SAMUS/models/segment_anything_samus"
    build = sam_builder("samus_list", folder, "build_sam_us", **SAM, Samus="samus")
    args = type("Args", (), {"encoder_input_size": 256})()
    return shapes(build.build_samus_vit_b(args))


LISTS = {
    "U-Net": functools.partial(unet, False),
    "U-Net, bilinear": functools.partial(unet, True),
    "Swin-Unet": swin_unet,
    "TransUNet": transunet,
    "MISSFormer": missformer,
    "SAMed": samed,
    "SAMUS": samus,
}


def digest(tensors: Shapes) -> dict:
    lines = sorted(f"{name} {'x'.join(map(str, shape))}" for name, shape in tensors.items())
    return {"tensors": len(lines), "sha256": hashlib.sha256("\n".join(lines).encode()).hexdigest()}


if __name__ == "__main__":
    here = pathlib.Path(__file__)
    found = mobile_sam()
    lines = [f"{json.dumps(name)}:{json.dumps(shape, separators=(',', ':'))}" for name, shape in found.items()]
    here.with_name("mobile_sam.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    lists = {name: digest(make()) for name, make in LISTS.items()}
    here.with_name("lists.json").write_text(json.dumps(lists, indent=1) + "\n")
