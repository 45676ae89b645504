"""Writes test/weights/files: small files by real PyTorch, and values to compare with. Run with PyTorch 1.13 and 2.x."""
import collections, json, os, sys
import torch
import torch.nn.functional as F

here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "files")
os.makedirs(here, exist_ok=True)
major = torch.__version__.split(".")[0]
torch.manual_seed(1)


def path(name):
    return os.path.join(here, name)


def state():
    base = torch.arange(24.0).reshape(4, 6)
    odd = [0.0, -0.0, 1.0, -2.5, 65504.0, 6.1e-5, 5.96e-8, -1e-7, 3.14159, float("inf"), float("-inf"), 0.333]
    return collections.OrderedDict(
        plain=torch.arange(6.0).reshape(2, 3) / 7,
        transposed=base.t(),
        window=base[1:3, 2:5],
        stepped=base.reshape(-1)[1::3],
        tied=base,
        scalar=torch.tensor(3.5),
        empty=torch.zeros(0, 3),
        parameter=torch.nn.Parameter(torch.tensor([1.0, 2.0])),
        half=torch.tensor(odd).half(),
        brain=torch.tensor(odd).bfloat16(),
        double=torch.tensor([1 / 3, -1e-300, 1e10], dtype=torch.float64),
        long=torch.tensor([-(2**40), 7, 2**24]),
        int=torch.tensor([-(2**31), 5], dtype=torch.int32),
        short=torch.tensor([-300, 300], dtype=torch.int16),
        char=torch.tensor([-128, 127], dtype=torch.int8),
        byte=torch.tensor([0, 255], dtype=torch.uint8),
        bool=torch.tensor([True, False]),
    )


full = state()
torch.save(full, path(f"zip-torch{major}.pth"))
for protocol in (3, 4, 5):
    torch.save(full, path(f"zip-torch{major}-protocol{protocol}.pth"), pickle_protocol=protocol)
torch.save(full, path(f"legacy-torch{major}.pth"), _use_new_zipfile_serialization=False)
module = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
torch.save(module, path(f"module-torch{major}.pth"))
nested = {
    "model": collections.OrderedDict((f"module.{k}", v) for k, v in module.state_dict().items()),
    "optimizer": torch.optim.Adam(module.parameters()).state_dict(),
    "epoch": 3,
    "best_dice": torch.tensor(0.9),
}
torch.save(nested, path(f"nested-torch{major}.pth"))
if major == "2":
    values = {k: [repr(x) for x in v.detach().contiguous().reshape(-1).to(torch.float32).tolist()] for k, v in full.items()}
    json.dump(values, open(path("values.json"), "w"))
    # Position tables, as SAMed and get_rel_pos resize them; in float64, so that only rounding to float32 differs.
    pos = torch.randn(1, 5, 4, 3)
    rel = torch.randn(9, 2)
    bilinear = lambda h, w: F.interpolate(pos.double().permute(0, 3, 1, 2), (h, w), mode="bilinear", align_corners=False).permute(0, 2, 3, 1)
    linear = lambda n: F.interpolate(rel.double().reshape(1, 9, -1).permute(0, 2, 1), size=n, mode="linear").reshape(-1, n).permute(1, 0)
    flat = lambda x: x.reshape(-1).tolist()
    json.dump(
        {
            "absolute": flat(pos),
            "to": [{"size": [h, w], "values": flat(bilinear(h, w))} for h, w in [(3, 3), (8, 8), (5, 7), (1, 2), (10, 4)]],
            "relative": flat(rel),
            "rows": [{"rows": n, "values": flat(linear(n))} for n in [5, 27, 13, 1, 18]],
        },
        open(path("resized.json"), "w"),
    )

# Hugging Face's names and shapes of a small SAM, where transformers is installed.
try:
    from transformers import SamConfig, SamMaskDecoderConfig, SamModel, SamPromptEncoderConfig, SamVisionConfig
except ImportError:
    sys.exit(0)
vision = SamVisionConfig(
    hidden_size=32, num_hidden_layers=4, num_attention_heads=4, image_size=80, patch_size=16, window_size=3,
    global_attn_indexes=[1, 3], output_channels=32, mlp_dim=128, num_pos_feats=16,
)
prompts = SamPromptEncoderConfig(hidden_size=32, image_size=80, patch_size=16, mask_input_channels=8, image_embedding_size=5)
decoder = SamMaskDecoderConfig(hidden_size=32, mlp_dim=48, num_attention_heads=4, iou_head_depth=3, iou_head_hidden_dim=24)
sam = SamModel(SamConfig(vision_config=vision.to_dict(), prompt_encoder_config=prompts.to_dict(), mask_decoder_config=decoder.to_dict()))
json.dump({k: list(v.shape) for k, v in sam.state_dict().items()}, open(path("huggingface.json"), "w"))
