"""What a package reads of a split: images and masks of its cases, as hashes, or the error.

python manifest.py PACKAGE DATA SPLIT
"""
import hashlib
import json
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
from images import load_case
from manifest import DataError, read_manifest


def digest(array):
    return hashlib.sha256(array.tobytes()).hexdigest()


try:
    cases = read_manifest(Path(sys.argv[3]), Path(sys.argv[2]))
    answer = [{"id": c.id, "part": c.part, "image": digest(i), "mask": digest(m.astype("uint8"))} for c in cases for i, m in [load_case(c)]]
except DataError as error:
    answer = str(error)
json.dump(answer, sys.stdout)
