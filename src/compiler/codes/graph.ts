import type { Explanation } from "./explanation.ts"

/** HS2xxx */
export const graph = {
  HS2501: {
    title: "the CPU engine does not load",
    cause: "onnxruntime-node has no library for this platform, or it is not installed whole.",
    cure: "Reinstall with npm ci on a platform that onnxruntime supports, or use --target wasm, which needs no native code.",
  },
  HS2502: {
    title: "memory ran out",
    cause: "The program needs more memory than the machine has free.",
    cure: "Compile for a smaller --input-size or --batch, or with --memory, which computes some blocks twice to hold less.",
  },
  HS2503: {
    title: "there is no such target",
    cause: "The command line names a target that does not exist, or that cannot do what was asked.",
    cure: "Use one of the targets that the message lists.",
  },
  HS2510: {
    title: "a step does not fit the memory that it was given",
    cause:
      "--memory says how much the tensors of a training step may take, and even with every block computed twice they take more.",
    cure: "Give more --memory, or take a smaller --batch or --input-size.",
  },
  HS2511: {
    title: "the target keeps weights in 32 bits only",
    cause: "--frozen int8 and --frozen bf16 keep frozen weights in fewer bits. Only the CPU engine does so.",
    cure: "Take --target cpu, or --frozen float32: the weights as the checkpoint has them.",
  },
  HS2512: {
    title: "there is nothing to keep in fewer bits",
    cause:
      "--frozen is about weights of linear layers and convolutions that do not learn, and the model has none: all of them learn.",
    cure: "Leave --frozen out, or freeze what need not learn.",
  },
  HS2520: {
    title: "a package is not installed",
    cause:
      "What a target or a command needs beyond the language and the compiler is installed on its own, so that nobody carries what he does not use.",
    cure: "Run the line that the message gives. hasam doctor lists what is here and what each target lacks.",
  },
  HS2601: {
    title: "no WebGPU device",
    cause:
      "This machine or browser gives no WebGPU adapter, or the optional package `webgpu` is not installed in Node.",
    cure: "Install the package `webgpu` and a Vulkan, Metal or D3D12 driver, use a browser with WebGPU, or choose another target.",
  },
  HS2602: {
    title: "a buffer is larger than the device allows",
    cause: "A tensor of the program needs a buffer over the device's limit for buffers or storage bindings.",
    cure: "Use a smaller batch or input size, or a device whose limit is at least what the message names.",
  },
  HS2603: {
    title: "the device rejected the work",
    cause:
      "WebGPU reported a validation, memory or internal error while the program ran; its results are not to be trusted and were discarded.",
    cure: "If memory ran out, use a smaller batch or input size; otherwise the message is a fault of the backend: report it.",
  },
  HS2604: {
    title: "the device was lost",
    cause: "The GPU's driver reset, the device was unplugged, or the browser took it away.",
    cure: "Run again; resume training from the last checkpoint. If it repeats, the work may take longer than the driver allows: use a smaller input size.",
  },
  HS2605: {
    title: "the device has no 16-bit floats",
    cause: "Arithmetic in 16-bit floats was asked for, and the device lacks the feature shader-f16.",
    cure: "Leave the option out, or use a device that has shader-f16.",
  },
  HS2606: {
    title: "a program was given other tensors than it takes",
    cause: "An input or parameter is missing, unknown, or has another shape than the program was compiled for.",
    cure: "Give exactly the named tensors with the shapes that the program was compiled for, or compile it for these shapes.",
  },
  HS2701: {
    title: "a name cannot be printed in Python",
    cause:
      "A child of a module becomes a child of an nn.Module; its name is taken there or is no part of a tensor's name, and cannot be changed without changing the checkpoint's names.",
    cure: "Give the child another name in define(…), or choose another target.",
  },
  HS2702: {
    title: "Python has no PyTorch",
    cause:
      "--target pytorch trains with the Python that a terminal would start, or that HASAM_PYTHON names, and it lacks torch, numpy or pillow.",
    cure: "Install them with pip install torch numpy pillow, or name another Python: HASAM_PYTHON=/path/to/python.",
  },
  HS2703: {
    title: "training in PyTorch ended with an error",
    cause: "The package's train.py, or torchrun, ended with an error of its own, which stands above this one.",
    cure: "Cure what it names, then go on with --resume where there is a checkpoint.",
  },
} as const satisfies Record<`HS2${number}`, Explanation>
