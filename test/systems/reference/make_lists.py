"""Writes mobile_sam.json: names and shapes of all tensors of upstream's full-size MobileSAM, those of mobile_sam.pt, which its build function loads strictly.

    pip install torch einops
    python test/systems/reference/make_lists.py FOLDER

FOLDER holds a checkout of ChaoningZhang/MobileSAM.
"""

import json
import pathlib

from make_systems import load, stub, FOLDER


def mobile_sam() -> dict[str, list[int]]:
    folder = FOLDER / "MobileSAM/mobile_sam"
    stub("mobile_sam_list", folder)
    load(
        "mobile_sam_list.modeling",
        "MobileSAM/mobile_sam/modeling",
        "common",
        "image_encoder",
        "tiny_vit_sam",
        "prompt_encoder",
        "transformer",
        "mask_decoder",
        "sam",
    )
    parts = __import__("sys").modules
    modeling = parts["mobile_sam_list.modeling"]
    for file, name in [
        ("image_encoder", "ImageEncoderViT"),
        ("tiny_vit_sam", "TinyViT"),
        ("prompt_encoder", "PromptEncoder"),
        ("transformer", "TwoWayTransformer"),
        ("mask_decoder", "MaskDecoder"),
        ("sam", "Sam"),
    ]:
        setattr(modeling, name, getattr(parts[f"mobile_sam_list.modeling.{file}"], name))
    build = load("mobile_sam_list", "MobileSAM/mobile_sam", "build_sam")
    return {name: list(value.shape) for name, value in build.build_sam_vit_t().state_dict().items()}


if __name__ == "__main__":
    path = pathlib.Path(__file__).with_name("mobile_sam.json")
    lines = [f"{json.dumps(name)}:{json.dumps(shape, separators=(',', ':'))}" for name, shape in mobile_sam().items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
