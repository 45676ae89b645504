/** What went wrong in a plugin's process, as diagnostics. */
import { type Failed, failed } from "../../compiler/diagnostic.ts"
import { missingLibrary } from "./libraries.ts"
import type { Found, PluginKind } from "./plugin.ts"
import { type Problem, ProcessProblem } from "./process.ts"

export interface Place {
  /** The target's name. */
  readonly target: string
  readonly plugin: string
  /** What the process was asked to do. */
  readonly during: "open" | "compile" | "load" | "run" | "read"
}

/** The two lines that install what is missing. */
export const installLines = {
  cuda: [
    "python3 -m venv ~/.cache/hasam/cuda",
    '~/.cache/hasam/cuda/bin/pip install "jax-cuda13-plugin[with-cuda]==0.11.2"',
  ],
  any: ["python3 -m venv ~/.cache/hasam/pjrt", "~/.cache/hasam/pjrt/bin/pip install lammps-jax-pjrt-cpu==0.11.2"],
} as const

/** HS2801 */
export const noPlugin = (target: string, kind: PluginKind, { named }: Found): Failed => {
  const [first, second] = installLines[kind]
  if (named?.holds !== undefined && named.holds.length > 0)
    return failed(
      `<${target}>`,
      "HS2801",
      `${named.variable} names a folder, ${named.path}, and not a plugin in it`,
      `Name the file: ${named.variable}=${named.holds[0]}`,
    )
  return named !== undefined
    ? failed(
        `<${target}>`,
        "HS2801",
        named.holds === undefined
          ? `${named.variable} names ${named.path}, and there is no such file`
          : `${named.variable} names a folder, ${named.path}, with no plugin that hasam knows in it`,
        `Correct ${named.variable}: it names a plugin's file, such as …/xla_cuda_plugin.so. Or unset it.`,
      )
    : failed(
        `<${target}>`,
        "HS2801",
        `no PJRT plugin ${kind === "cuda" ? "for CUDA " : ""}is in the active Python's packages or in hasam's own folder`,
        `Install it: ${first} && ${second}`,
      )
}

const noMemory = /out of memory|OUT_OF_MEMORY|RESOURCE_EXHAUSTED|ALLOC_FAILED|bad_alloc|failed to allocate/i
const noDevice =
  /No visible|NO_DEVICE|no CUDA-capable|cuInit|no devices|Unable to initialize|INSUFFICIENT_DRIVER|driver version/i
const lost = /CUDA_ERROR|CUDNN_STATUS_(EXECUTION|INTERNAL)|device .*lost|ECC|Xid/i
/** absl::StatusCode */
const resourceExhausted = 8

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`
const first = (message: string): string => message.split("\n")[0]!.slice(0, 400)

/** HS2802 to HS2807; anything else is a fault of ours. */
export const explain = (problem: Problem, { target, plugin, during }: Place): Error => {
  const about = `<${target}>`
  const { kind, status, memory, tail } = problem
  const message = first(problem.message)
  if (kind === "unsuitable")
    return failed(
      about,
      "HS2803",
      `${plugin}: ${message}`,
      "Install jax-cuda13-plugin 0.11.2, or another plugin of PJRT 0.81 or newer.",
    )
  if (kind === "plugin" && (status === resourceExhausted || noMemory.test(problem.message))) {
    const free = memory === undefined ? "" : `; ${gib(memory.used)} of ${gib(memory.limit)} were in use`
    return failed(
      about,
      "HS2805",
      `memory ran out: ${message}${free}`,
      "Use --memory, --precision bf16, a smaller --batch or --input-size, or free the device of other programs.",
    )
  }
  if (kind === "gone") {
    const [last] = tail.slice(-1)
    return failed(
      about,
      "HS2807",
      `the plugin's process was lost: ${message}${last === undefined ? "" : `, after '${first(last)}'`}`,
      `It ran ${plugin}. Look at dmesg and nvidia-smi for faults of the device.`,
    )
  }
  const library = during === "open" || during === "compile" ? missingLibrary(problem.message) : undefined
  if (library !== undefined) return failed(about, "HS2802", `${plugin}: ${message}`, library)
  if (kind === "fault" && during === "open")
    return failed(about, "HS2802", `${plugin}: ${message}`, "Install the plugin again, and koffi: npm install koffi")
  if (kind === "plugin" && during === "open")
    return failed(
      about,
      noDevice.test(problem.message) ? "HS2804" : "HS2802",
      `${plugin}: ${message}`,
      "nvidia-smi shows the GPU and its driver; CUDA 13 needs driver 580 or newer. --target cpu needs neither.",
    )
  if (kind === "plugin" && during === "compile")
    return failed(about, "HS2806", `${plugin}: ${message}`, "Install the versions that docs/cuda.md names.")
  if (kind === "plugin" && lost.test(problem.message))
    return failed(about, "HS2807", `the device failed: ${message}`, "Look at dmesg and nvidia-smi, then use --resume.")
  return new Error(`internal: ${target}: ${message}`)
}

/** A call's answer, or its problem as a diagnostic. */
export const explained = async <A>(place: Place, answer: Promise<A>): Promise<A> => {
  try {
    return await answer
  } catch (problem) {
    throw problem instanceof ProcessProblem ? explain(problem.problem, place) : problem
  }
}
