#!/bin/bash
# An adapted small SAM, trained, merged and written as ONNX, beside segment-anything with the same merged checkpoint: run by hand, with a Python that has torch,
# onnxruntime, pillow and segment-anything (HASAM_PYTHON).
set -e
here=$(cd "$(dirname "$0")" && pwd)
hasam() { node "$here/../../../../bin/hasam.js" "$@"; }
cd "$(mktemp -d)"
cp "$here/adapted.ts" .
hasam data phantoms data --count 12 --size 90 --seed 4
hasam weights init adapted.ts#base base.safetensors --seed 2
hasam train adapted.ts --data data --weights base.safetensors --out run
hasam weights export run merged.pth --merge
hasam compile adapted.ts#base --target onnx --weights merged.pth --out build --licence Apache-2.0
"${HASAM_PYTHON:-python3}" "$here/compare.py"
