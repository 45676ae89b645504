"""What a package's data side makes of a data set: its cases, and hashes of the batches of two epochs.

python batches.py PACKAGE DATA SPLIT SEED
"""
import hashlib
import json
import sys
from pathlib import Path

package, data, split, seed = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
sys.path.insert(0, package)
import samples
import train
from manifest import PARTS, read_manifest

cases = read_manifest(split, data)
settings = train.SETTINGS
answer = {"split": {part: [c.id for c in cases if c.part == part] for part in PARTS}, "prompts": {}}
JITTERS = {"centre": None, "randomInside": 0.3, "box": 0.2}
for prompt, jitter in JITTERS.items():
    options = samples.Options(
        facts=train.FACTS, prompt=prompt, seed=seed, augmentation=settings.augmentation, jitter=jitter
    )
    chosen = samples.TrainingSet([c for c in cases if c.part == "train"], options)
    found = []
    for epoch in (0, 1):
        chosen.set_epoch(epoch)
        for i in range(len(chosen)):
            one = chosen[i]
            feeds, (target,) = one["feeds"], one["targets"].values()
            found.append(
                {
                    "id": chosen.order[i].id,
                    "image": hashlib.sha256(feeds["image"].numpy().tobytes()).hexdigest(),
                    "target": hashlib.sha256(target.numpy().tobytes()).hexdigest(),
                    "prompt": (feeds["boxes"] if prompt == "box" else feeds["point_coords"][0]).tolist(),
                }
            )
    answer["prompts"][prompt] = found
json.dump(answer, sys.stdout)
