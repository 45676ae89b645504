"""The logits of build/base.onnx beside those of segment-anything with merged.pth, at the images' own sizes."""
from functools import partial

import numpy as np
import onnxruntime
import torch
from PIL import Image
from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

side, width = 64, 32
sam = Sam(
    image_encoder=ImageEncoderViT(
        depth=2,
        embed_dim=width,
        img_size=side,
        mlp_ratio=4,
        norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
        num_heads=2,
        patch_size=8,
        qkv_bias=True,
        use_rel_pos=True,
        global_attn_indexes=[1],
        window_size=14,
        out_chans=width,
    ),
    prompt_encoder=PromptEncoder(
        embed_dim=width, image_embedding_size=(8, 8), input_image_size=(side, side), mask_in_chans=8
    ),
    mask_decoder=MaskDecoder(
        num_multimask_outputs=3,
        transformer=TwoWayTransformer(depth=2, embedding_dim=width, mlp_dim=32, num_heads=2),
        transformer_dim=width,
        iou_head_depth=3,
        iou_head_hidden_dim=16,
    ),
    pixel_mean=[123.675, 116.28, 103.53],
    pixel_std=[58.395, 57.12, 57.375],
).eval()
print(sam.load_state_dict(torch.load("merged.pth"), strict=True))
session = onnxruntime.InferenceSession("build/base.onnx")


def upstream(image, points, labels, boxes):
    """Masks at the image's size and their predicted IoU: of the points' objects, then of the boxes'."""
    scale = side / max(image.size)
    size = tuple(int(x * scale + 0.5) for x in image.size)
    fitted = torch.as_tensor(np.asarray(image.resize(size, Image.Resampling.BILINEAR)).copy())
    embedding = sam.image_encoder(sam.preprocess(fitted.permute(2, 0, 1)[None].float()))
    by = np.asarray(size) / np.asarray(image.size)
    at = (torch.as_tensor(points * by).float(), torch.as_tensor(labels))
    found = []
    for prompt in ({"points": at, "boxes": None}, {"points": None, "boxes": torch.as_tensor(boxes * np.tile(by, 2)).float()}):
        sparse, dense = sam.prompt_encoder(**prompt, masks=None)
        low, iou = sam.mask_decoder(
            image_embeddings=embedding,
            image_pe=sam.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
        )
        found.append((sam.postprocess_masks(low, size[::-1], image.size[::-1]), iou))
    return [torch.cat(parts).numpy() for parts in zip(*found)]


apart = largest = differing = pixels = 0
for i, size in enumerate([(90, 90), (90, 61), (50, 90), (33, 20), (64, 64), (200, 131)]):
    image = Image.open(f"data/images/000{i}.png").convert("RGB").resize(size)
    w, h = size
    points = np.array([[[w / 2, h / 2], [3, 4]], [[0.3 * w, 0.7 * h], [w - 2, h - 2]]], dtype=np.float32)
    labels = np.array([[1, 0], [1, 1]], dtype=np.float32)
    boxes = np.array([[0.2 * w, 0.2 * h, 0.8 * w, 0.9 * h]], dtype=np.float32)
    fed = {"image": np.asarray(image), "point_coords": points, "point_labels": labels, "boxes": boxes}
    masks, iou = session.run(["masks", "iou_predictions"], fed)
    with torch.no_grad():
        expected, expected_iou = upstream(image, points, labels, boxes)
    apart = max(apart, np.abs(masks - expected).max(), np.abs(iou - expected_iou).max())
    largest = max(largest, np.abs(expected).max())
    differing += int(((masks > 0) != (expected > 0)).sum())
    pixels += masks.size
print(f"largest difference {apart:.2g} of logits up to {largest:.2g}; {differing} of {pixels:,} pixels differ")
assert apart < 1e-5
