"""One process: onnxruntime's default session on PyTorch's own ONNX export of the same encoder, forward only. Arguments as torch_eager.py."""
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import onnxruntime
import torch
from torch_eager import load


def export(size, path, file):
    """In a process of its own, so that its memory is not the engine's: python torch_export.py export SIZE TENSORS FILE."""
    model, image, _ = load(size, path, {})
    with torch.no_grad():
        torch.onnx.export(model.eval(), (image,), file, input_names=["image"], output_names=["embedding"], dynamo=True, external_data=True)


def main():
    work, size, path, runs, options = (sys.argv[1:] + ["{}"])[:5]
    if work == "export":
        return export(size, path, runs)
    options = json.loads(options)
    import subprocess

    from torch_eager import read

    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "encoder.onnx")
        subprocess.run([sys.executable, __file__, "export", size, path, file], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        session_options = onnxruntime.SessionOptions()
        session_options.intra_op_num_threads = options.get("threads", 0)
        session = onnxruntime.InferenceSession(file, session_options, providers=["CPUExecutionProvider"])
        image = read(path, ["image"])["image"].numpy()
        seconds, cpu_seconds, values = [], [], []
        for _ in range(int(runs)):
            start, before = time.perf_counter(), time.process_time()
            (embedding,) = session.run(None, {"image": image})
            seconds.append(time.perf_counter() - start)
            cpu_seconds.append(time.process_time() - before)
            values.append(float(torch.from_numpy(embedding).flatten()[:10000].double().norm()))
    mebibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    result = {"seconds": seconds, "cpuSeconds": cpu_seconds, "values": values, "mebibytes": mebibytes}
    print(json.dumps({**result, "peer": f"onnxruntime {onnxruntime.__version__}, PyTorch {torch.__version__}'s export"}))


main()
