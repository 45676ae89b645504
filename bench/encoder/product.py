"""One process: GFLOP/s of a plain product, 4096 × 768 × 768, in PyTorch. Arguments as those of product.js."""
import json
import sys
import time

import torch

runs, options = (sys.argv[1:] + ["{}"])[:2]
torch.set_num_threads(json.loads(options).get("threads", torch.get_num_threads()))
rows, inner, columns = 4096, 768, 768
x, w = torch.randn(rows, inner), torch.randn(inner, columns)
seconds = []
for _ in range(int(runs) + 1):
    start = time.perf_counter()
    x @ w
    seconds.append(time.perf_counter() - start)
print(json.dumps({"gigaflops": 2 * rows * inner * columns / min(seconds[1:]) / 1e9}))
