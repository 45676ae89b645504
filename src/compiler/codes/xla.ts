import type { Explanation } from "./explanation.ts"

/** HS28xx: XLA's plugins and their devices. */
export const xla = {
  HS2801: {
    title: "no XLA plugin is found",
    cause:
      "CUDA and other devices are driven by a PJRT plugin, a file that comes from PyPI. None was found in the active Python's packages, nor in hasam's own folder.",
    cure: "Install it with the two lines of the message, or name the file: HASAM_CUDA_PLUGIN for --target cuda, HASAM_PJRT_PLUGIN for --target xla.",
  },
  HS2802: {
    title: "a file is not a plugin that loads",
    cause:
      "The file is not a PJRT plugin, a library that it needs is missing, or the optional package koffi, which calls it, is not installed.",
    cure: "Install the plugin again, and koffi with npm install koffi.",
  },
  HS2803: {
    title: "a plugin of another version",
    cause: "The plugin speaks a version of the PJRT API that hasam does not know.",
    cure: "Install the version that docs/cuda.md names.",
  },
  HS2804: {
    title: "the plugin sees no device",
    cause: "There is no GPU, CUDA_VISIBLE_DEVICES hides it, or its driver is older than the plugin needs.",
    cure: "Look at nvidia-smi: it shows the GPU and the driver's version. CUDA 13 needs driver 580 or newer. Or use --target cpu.",
  },
  HS2805: {
    title: "the device's memory ran out",
    cause: "The program needs more memory than the device has free.",
    cure: "Free the device of other programs, or use --memory, --precision bf16, a smaller --batch or --input-size.",
  },
  HS2806: {
    title: "the plugin does not compile the program",
    cause: "XLA refused the program, or a tool that it needs, such as ptxas, failed.",
    cure: "Install the plugin and pip's nvidia packages in the versions that docs/cuda.md names; then report it, with --verbose.",
  },
  HS2807: {
    title: "the plugin or its device was lost",
    cause:
      "The plugin's process ended, or the device failed while a program ran: a fault of the driver or the hardware, or of the plugin. Training keeps its last checkpoint.",
    cure: "Look at dmesg and nvidia-smi for faults of the device, then go on with --resume.",
  },
} as const satisfies Record<`HS28${number}`, Explanation>
