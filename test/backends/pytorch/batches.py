"""What a package's data side makes of a data set: the split, and hashes of the batches of two epochs.

python batches.py PACKAGE DATA SEED
"""
import hashlib
import json
import sys
from pathlib import Path

package, data, seed = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
sys.path.insert(0, package)
import samples
import train
from cases import find_cases, split_cases

cases = find_cases(data)
split = split_cases(cases, seed)
settings = train.SETTINGS
answer = {"split": {part: getattr(split, part) for part in ("train", "validation", "test")}, "by": split.by, "prompts": {}}
for prompt in ("centre", "randomInside", "box"):
    options = samples.Options(
        image_size=train.FACTS.image_size,
        padding=train.FACTS.padding,
        prompt=prompt,
        teaches="mask",
        seed=seed,
        augmentation=settings.augmentation,
    )
    chosen = samples.TrainingSet([c for c in cases if c.id in split.train], options)
    found = []
    for epoch in (0, 1):
        chosen.set_epoch(epoch)
        for i in range(len(chosen)):
            one = chosen[i]
            found.append(
                {
                    "id": chosen.order[i].id,
                    "image": hashlib.sha256(one["image"].numpy().tobytes()).hexdigest(),
                    "target": hashlib.sha256(one["target"].numpy().tobytes()).hexdigest(),
                    "prompt": (one["boxes"] if prompt == "box" else one["point_coords"][0]).tolist(),
                }
            )
    answer["prompts"][prompt] = found
json.dump(answer, sys.stdout)
